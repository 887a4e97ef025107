// SPDX-License-Identifier: MIT
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

#include "setup/cli.hpp"

namespace {

// octopoda --bound-to PID PROGRAM ARGUMENT…: becomes the program, which is told to end when its parent, an
// `octopoda up` in the foreground, has ended in whatever way.
int become_bound(std::span<char*> words) {
  constexpr int kCannotStart = 127;
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return kCannotStart;
  if (::getppid() != std::atoi(words[0])) return kCannotStart;  // it ended before we were bound
  ::execv(words[1], words.data() + 1);
  return kCannotStart;
}

}  // namespace

int main(int count, char** words) {
  const std::span<char*> all(words, static_cast<std::size_t>(count));
  if (count > 3 && std::string_view(all[1]) == "--bound-to") return become_bound(all.subspan(2));
  return octo::setup::run(all);
}
