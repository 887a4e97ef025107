// SPDX-License-Identifier: MIT
// The world as the parts of a play see it; simulation.cpp builds it.
#pragma once
#include <boost/asio/io_context.hpp>

#include "brain.hpp"
#include "oracle.hpp"

namespace octo::sim {

struct World {
  World(std::uint64_t seed, BrainFaults& brain_faults, NodeFaults& node_faults);

  asio::io_context loop{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};  // one thread
  SeededRandom random;
  VirtualClock clock;
  Trace trace;
  Surface surface;
  SqliteOnDisk sqlite;
  Plan plan;
  Witness witness;
  Network network;
  NodeFaults& node_faults;
  std::vector<std::unique_ptr<Machine>> machines;  // those of the plan, then duplicates
  BrainHost brain;
  Oracle oracle;
  bool healed = false;
};

// operators.cpp: posts the task until it is answered, listens, cancels, posts again.
Async<void> operate(World& world, const TaskPlan& plan, Nursery& nursery);
// Prunes whatever node is offline now.
Async<void> prune(World& world);
// Asks for everything once more, when all is quiet.
Async<void> take_stock(World& world);
// Whether every acknowledged task is over.
Async<bool> is_quiet(World& world);

// audit.cpp: once the Brain has stopped.
void judge_audit(World& world);

// trouble.cpp
Async<void> trouble(World& world, const FaultPlan& fault);
// Starts the Brain again whenever it is down.
Async<void> supervise_brain(World& world);
Async<void> heal_everything(World& world);

}  // namespace octo::sim
