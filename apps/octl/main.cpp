// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cstdlib>

#include "octl/octl.hpp"

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + std::max(count, 1));
  const octo::octl::Environment environment = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  octo::octl::Output output(octo::octl::look_of(environment, {.in = ::isatty(STDIN_FILENO) == 1,
                                                              .out = ::isatty(STDOUT_FILENO) == 1,
                                                              .err = ::isatty(STDERR_FILENO) == 1}));
  return octo::octl::run(words, environment, output, [](int status) { std::_Exit(status); });
}
