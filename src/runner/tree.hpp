// SPDX-License-Identifier: MIT
// The processes of a machine as /proc shows them, and signals to all that belong to a run.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace octo::runner {

struct ProcessFacts {
  pid_t pid = 0, parent = 0, session = 0;
  char state = 'R';
  int threads = 1;
  std::uint64_t ticks = 0;  // start time in clock ticks since boot: with the pid it names one process
  // A process whose first thread has ended looks like a zombie; while it has others it lives.
  bool dead() const { return (state == 'Z' || state == 'X') && threads <= 1; }
};
std::optional<ProcessFacts> process_facts(pid_t pid);

// Called with each process the moment it is found: who looks at one later may find that it has gone on.
using Found = std::function<void(const ProcessFacts&)>;
void each_process(const Found& found);
// All descendants of `root`, without it.
void each_descendant(pid_t root, const Found& found);

// SIGKILL to all whom `find` finds. They are stopped as they are found, until nobody new is, so that nothing
// forks away, and so that the parents, by whom the children are known, are there to the last. Repeat it until
// nobody is left.
void kill_all(const std::function<void(const Found&)>& find);
// One signal to the tree below a subreaper; SIGKILL as kill_all() sends it, and to all of `cgroup` at once
// where there is one.
//
// Every signal goes to a process that is held by pidfd and was then seen to be the one that was found: a
// number that has been given to another process meanwhile hurts nobody.
void signal_tree(pid_t root, const std::string& cgroup, int number);
// With empty nested groups; false when somebody still lives in it.
bool remove_cgroup(const std::string& path);

}  // namespace octo::runner
