// SPDX-License-Identifier: MIT
// What will be asked and what will go wrong, decided by the seed before anything happens.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "machine.hpp"

namespace octo::sim {

// All at one instant, or none.
struct TogetherPlan {
  Span max_skew = limits::together_skew;
  Span delay{};
  bool skip_offline = false;
};

struct TaskPlan {
  std::string key;  // Idempotency-Key
  Instant at;
  std::vector<std::size_t> nodes;
  Program program;
  Span limit{};
  bool background = false;
  Span deadline{};
  std::optional<TogetherPlan> together;
  bool tie = false;                  // it ends with the connection of who posts it …
  std::optional<Span> leaves_after;  // … who does not wait for its end; from the answer
  int answers_lost = 0;              // of the first posts that are answered
  std::optional<Span> cancel_after;  // the acknowledgement
  std::optional<Span> post_again;    // after it
};

enum class Fault : std::uint8_t {
  delays,
  cut,
  cut_all,
  one_way,
  half_open,
  reset,
  slow_node,
  stalled_node,
  agent_killed,
  agent_killed_at_write,
  runner_killed,
  node_power_cut,
  node_power_cut_at_write,
  node_reinstalled,
  node_disk_full,
  node_sync_fails,
  duplicate_node,
  node_clock_step,
  brain_clock_step,
  brain_killed,
  brain_power_cut,
  brain_killed_at_write,
  brain_power_cut_at_write,
  brain_sync_fails,
  brain_disk_full,
  at_a_decision,  // another one, once the next group is decided to start
  at_a_barrier,   // … or the next barrier opens
  nodes_pruned,   // no fault of the world, but as inconvenient
};
constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::nodes_pruned) + 1;
std::string_view name_of(Fault fault);
constexpr Span kDecisionWithin = 30s;  // or these are none

struct FaultPlan {
  Fault fault = Fault::delays;
  Instant at;
  Span lasts{};
  std::size_t machine = 0;
  std::uint64_t chance = 0;  // for whatever else the fault decides
};

struct Plan {
  std::size_t nodes = 3;
  std::vector<Instant> first_start;  // of each node's agent
  std::vector<TaskPlan> tasks;
  std::vector<FaultPlan> faults;
  Instant healed;  // no fault lasts longer
};

Plan make_plan(SeededRandom random);

}  // namespace octo::sim
