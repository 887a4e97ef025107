// SPDX-License-Identifier: MIT
// runner <folder of the run>: started by the tentacle, once for every command.
#include <unistd.h>

#include "runner/supervise.hpp"

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] != '/') {
    constexpr std::string_view kUsage =
        "usage: runner /absolute/folder/of/a/run   (the tentacle starts it)\n";
    (void)!::write(STDERR_FILENO, kUsage.data(), kUsage.size());
    return static_cast<int>(octo::runner::Exit::usage);
  }
  // At once: what destructors give back the kernel takes anyway, and a short command waits for it.
  ::_exit(static_cast<int>(octo::runner::supervise(argv[1])));
}
