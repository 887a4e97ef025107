// SPDX-License-Identifier: MIT
// The life of a runner: reads the intent in its folder, wins the claim, starts the command, keeps its output,
// records its end.
#pragma once
#include <string>

#include "runner/format.hpp"

namespace octo::runner {

// Output that children hold back after the command's end is collected so long; then the run ends without it.
inline constexpr Span kDrain = 2s;

// `folder`: absolute path of the run's folder. The calling process becomes the runner: single-threaded, its
// signals and children are this function's. SIGTERM cancels the run.
Exit supervise(const std::string& folder);

}  // namespace octo::runner
