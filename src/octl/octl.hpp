// SPDX-License-Identifier: MIT
// The whole program: words in, exit code out.
#pragma once
#include <functional>
#include <span>
#include <string>

#include "octl/print/output.hpp"

namespace octo::octl {

// `leave` is told the exit code when all is said and kept, and ends the process: to take down what a process
// holds is the system's work, and faster. Without it, run() returns the code.
int run(std::span<const std::string> words, const Environment& environment, Output& output,
        const std::function<void(int)>& leave = nullptr);

}  // namespace octo::octl
