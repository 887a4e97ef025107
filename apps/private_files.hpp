// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

namespace octo {

// Logs a warning for each of these secrets (keys, password records) that others on this machine can read or
// change, with the command that mends it. Those that are not there are somebody else's error.
void warn_of_public_files(const std::vector<std::string>& secrets);

}  // namespace octo
