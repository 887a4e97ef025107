// SPDX-License-Identifier: MIT
// What remains of a run whose runner died: its processes and its cgroup. Blocking: call from Workers.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "runner/format.hpp"
#include "tentacle/runs/spool_reader.hpp"

namespace octo::tentacle {

// Kills everything in the run's cgroup, whoever carries the run's $OCTOPODA_OUTPUT in its environment or
// belongs to the command's session, and their descendants and sessions (spec/run-record.md says who is not
// found). Answers "" or, for people, what could not be done. After a reboot there is nothing to kill.
std::string kill_leftovers(const std::string& folder, const std::optional<runner::Started>& started);

// Removes empty cgroups that begin with `prefix`: those of runs that have ended, and old ones that nobody
// knows.
enum class Owner { live, ended, unknown };
void sweep_cgroups(const std::string& parent, const std::string& prefix,
                   const std::function<Owner(const std::string& name)>& owner_of);

}  // namespace octo::tentacle
