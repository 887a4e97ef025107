// SPDX-License-Identifier: MIT
// The page that a runner shares with the child of a run that starts together with others. Whether it starts
// is decided there once: by the child when its instant has come, or by the runner before.
#pragma once
#include <sys/types.h>

#include <atomic>

#include "base/time.hpp"

namespace octo::runner {

struct Gate {
  enum State : int { waiting, started, called_off };
  std::atomic<int> state = waiting;
  // Boot clock. Set before the child is told to go.
  Instant at;
  Instant latest;
  Instant passed;  // by the child, once started

  // The runner's word; false: it has started.
  bool call_off();
};

// Shared with children forked from now on, and never given back: a process has one. Null without memory.
Gate* make_gate();

// What a child does ahead, as long as it is root: memory that stays, and a priority that only what is sooner
// due can beat. Where it may not, the start is only less exact.
void prepare_to_pass();
// In the runner, until the child has become its program: that would keep the child's priority, and takes it
// back in the moment it begins. Giving it back before exec would make the child wait in line right then.
class Hurry {
 public:
  explicit Hurry(pid_t child);
  ~Hurry();
  Hurry(const Hurry&) = delete;

 private:
  pid_t child_;
};

// In the child: waits for the instant, then decides. False: called off, or so late that it must not start.
// After true nothing may be done but exec.
bool pass(Gate& gate);

}  // namespace octo::runner
