// SPDX-License-Identifier: MIT
// The last stretch of a run that starts together with others (spec/time.md): its program is executed ahead,
// held at its first instruction, and let go at the instant. Executing takes a third of a millisecond, and not
// equally long on any two machines; letting go takes microseconds.
#pragma once
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "runner/child.hpp"

namespace octo::runner {

// What the child does ahead, as long as it is root: a priority that only what is sooner due can beat. Where
// it may not, the start is only less exact.
void hurry_up();

// Of a child that is ready and was not told to go. One that is not let go dies with it, and also with our
// process.
class Hold {
 public:
  // Tells it to become its program, which is held then. Where we may not hold it without harm
  // (CAP_SYS_PTRACE: a program that changes its user would not), it is told at the instant.
  explicit Hold(const Child& child);
  ~Hold();
  Hold(const Hold&) = delete;

  // dead: it could not become its program, or was killed. Asked again after SIGCHLD.
  enum class State : std::uint8_t { loading, held, dead };
  State look();
  // When to call release() at the latest: what is left is waited for by looking at the clock.
  Instant due(Instant at) const;
  // Waits for the instant, then lets it go; when that was, on the boot clock. Nothing: it was not, because
  // it is behind `latest` by now, or dead.
  std::optional<Instant> release(Instant at, Instant latest);

 private:
  void give_back_priority();

  const Child& child_;
  bool privileged_ = false;
  bool traced_ = false;
  State state_ = State::loading;
  bool released_ = false;
};

}  // namespace octo::runner
