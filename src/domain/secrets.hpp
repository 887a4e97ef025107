// SPDX-License-Identifier: MIT
// Secrets that go to a node with a command. They are never on a disk of ours, in an argument, in a value of
// the environment, or in a log.
#pragma once
#include <span>
#include <string>

#include "base/text.hpp"

namespace octo {

// The command finds the path of a file with the value in the variable OCTOPODA_SECRET_<name>.
struct SecretFile {
  std::string name;  // [A-Za-z_][A-Za-z0-9_]{0,63}
  Secret value;
};
std::string secret_variable(std::string_view name);

// invalid_argument: a name that is none or is there twice, an empty value; too_large: over limits.
Result<void> check(std::span<const SecretFile> secrets);

}  // namespace octo
