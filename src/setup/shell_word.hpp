// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <string_view>

namespace octo::setup {

// As it has to be typed in a shell, for commands that we print: a path with a space is one word.
std::string shell_word(std::string_view text);

}  // namespace octo::setup
