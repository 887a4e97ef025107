// SPDX-License-Identifier: MIT
// The processes of a machine as /proc shows them, and signals to all that belong to a run.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace octo::runner {

struct ProcessFacts {
  pid_t pid = 0, parent = 0, session = 0;
  char state = 'R';
  std::uint64_t ticks = 0;  // start time in clock ticks since boot
  bool dead() const { return state == 'Z' || state == 'X'; }
};
std::optional<ProcessFacts> process_facts(pid_t pid);
std::vector<ProcessFacts> processes();

// All descendants of `root`, without it.
std::vector<ProcessFacts> descendants(pid_t root);

// One signal to the tree below a subreaper. SIGKILL goes to all of `cgroup` at once where there is one, and
// stops what it finds before it kills, so that nothing forks away; repeat it until no child is left.
void signal_tree(pid_t root, const std::string& cgroup, int number);
// With empty nested groups; false when somebody still lives in it.
bool remove_cgroup(const std::string& path);

}  // namespace octo::runner
