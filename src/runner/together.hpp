// SPDX-License-Identifier: MIT
// A run that starts together with others: armed, told to go, started at its instant (spec/time.md).
#pragma once
#include <variant>

#include "runner/child.hpp"
#include "runner/folder.hpp"

namespace octo::runner {

// Why it is not, where the disk refuses to record that it would be.
inline constexpr const char* kNotRecorded = "that it starts could not be recorded on its node";
// Provably not started. claimed: by us, already.
struct NotStarted {
  Ended end;
  bool claimed = false;
};
using Begun = std::variant<Started, NotStarted, Exit>;

// Until the command has started or never will. `agent`: as in wait_armed().
Begun begin_together(Folder& folder, const Child& child, int agent);

}  // namespace octo::runner
