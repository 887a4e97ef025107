// SPDX-License-Identifier: MIT
#pragma once
#include <span>

namespace octo::setup {

// The program octopoda. Its exit status: 0 done, 1 failed, 2 usage, 130 interrupted.
int run(std::span<char*> words);

}  // namespace octo::setup
