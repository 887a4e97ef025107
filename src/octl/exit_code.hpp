// SPDX-License-Identifier: MIT
// What the process answers to its caller. Pure.
#pragma once
#include <string_view>

#include "base/error.hpp"
#include "domain/task.hpp"

namespace octo::octl {

inline constexpr int kWell = 0;
inline constexpr int kOurError = 1;
inline constexpr int kUsage = 2;
inline constexpr int kCommandFailed = 3;
inline constexpr int kNotAllowed = 4;
inline constexpr int kNotReached = 5;
inline constexpr int kConflict = 6;
inline constexpr int kTimeLimit = 124;
inline constexpr int kInterrupted = 130;

int exit_code_of(ErrorCode code);
// Of a scenario's task: a failed step counts before the steps that were cancelled because of it.
int exit_code_of(TaskState state);
// Of a command on several nodes: the first of 4, 5, 124, 130, 3 that applies.
int exit_code_of(const std::map<RunState, std::size_t>& counts);
// One target: its own exit code, or 128 + signal as shells have it.
int exit_code_of(const RunRow& only);
std::string_view exit_codes_text();

}  // namespace octo::octl
