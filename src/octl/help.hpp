// SPDX-License-Identifier: MIT
// What `octl help`, `-usage` and `-h` print, made from the table of verbs. Pure.
#pragma once
#include <expected>
#include <span>
#include <string>

#include "octl/command_line.hpp"

namespace octo::octl {

// Nothing: every noun. A noun or its title: its verbs. Noun and verb: the verb's page. "exit": exit codes,
// "environment".
std::expected<std::string, Misuse> print_help(std::span<const std::string> topic);
// One usage line per verb.
std::string print_usage();

}  // namespace octo::octl
