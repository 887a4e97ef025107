// SPDX-License-Identifier: MIT
// What a fleet's commands have left in their cgroups: processes that gave up session and environment are
// found there. (The agent makes one for each run, where the host has a cgroup v2 that it may write.)
#pragma once
#include <string>
#include <vector>

#include "setup/layout.hpp"
#include "setup/processes.hpp"

namespace octo::setup {

// Absolute paths of those that are there, of all runs that the nodes' data folders know. Never those of
// another fleet, whose nodes may have the same names in the same hierarchy. Runs end up here whatever session
// or service their agent was started in, so the whole hierarchy is searched.
Result<std::vector<std::string>> find_run_cgroups(const Layout& layout);
// Who is in there, and in cgroups below.
std::vector<ProcessId> processes_in(const std::vector<std::string>& cgroups);
// Kills whoever is left, and removes them.
Result<void> remove_cgroups(const std::vector<std::string>& cgroups);

}  // namespace octo::setup
