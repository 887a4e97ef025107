// SPDX-License-Identifier: MIT
// Processes of this machine, known by pid and start time, so that a reused pid is nobody of ours. Signals go
// through a pidfd.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "io/process/process.hpp"

namespace octo::setup {

struct ProcessId {
  pid_t pid = 0;
  std::uint64_t ticks = 0;  // start time in clock ticks since boot
  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};
// Nothing when there is no such process, or it has ended and only waits for its parent.
std::optional<ProcessId> identify(pid_t pid);
bool alive(const ProcessId& id);

struct ProcessFacts {
  ProcessId id;
  std::vector<std::string> arguments;
};
// All that run now and `wanted` by their arguments and, where we may read it, environment
// ("\0NAME=value\0…\0").
std::vector<ProcessFacts> find_processes(const std::function<bool(const std::vector<std::string>& arguments,
                                                                  const std::string& environment)>& wanted);

// Tells all to end, and kills who has not after `patience`. Those who have ended already are fine. Answers
// when none is left; timed_out names who hangs in the kernel.
Async<Result<void>> end_processes(const std::vector<ProcessId>& ids, Span patience, Clock& clock);

}  // namespace octo::setup
