// SPDX-License-Identifier: MIT
// Runs that came to the same, folded: "pi[0-2]: Linux". Pure.
#pragma once
#include <string>
#include <vector>

#include "octl/print/task_view.hpp"

namespace octo::octl {

// Runs whose output and end are the same: {"pi[0-2]"}, the small groups first, so that the odd one out is
// seen.
struct Group {
  std::string names;
  std::vector<const RunView*> runs;  // at least one
};
std::vector<Group> group_equal(const TaskView& view);
// "pi[0-2]: Linux", or a head line and indented lines.
std::string print(const Group& group, const Look& look);
// "pi[0-2]: exit 3"
std::string print_head(const Group& group, Colour colour);
// The lines of a group that are not those of another, below its head.
std::string print_difference(const Group& group, const Group& from, const Look& look);

}  // namespace octo::octl
