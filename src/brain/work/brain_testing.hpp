// SPDX-License-Identifier: MIT
// For tests: the Brain's verbs over ports in memory, and what is told of the runs of one task.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/clock_testing.hpp"
#include "brain/work/ports_testing.hpp"
#include "brain/work/verbs.hpp"

namespace octo::brain {

// A Brain whose ledger keeps nothing of runs while it is `held`, or has a `fault`.
struct Brain {
  Brain(const Executor& on, int times) : executor(on), clock(on, times), fleet(on), released(on) {
    ledger.before_runs = [this]() -> Async<Result<void>> {
      ++transactions;
      while (held) co_await released.wait();
      if (fault) co_return fail(*fault);
      co_return Result<void>{};
    };
  }
  // A command on so many nodes, all of which have their orders when this is over.
  Async<void> run(std::size_t nodes, CommandRequest request = {}) {
    id = verbs->make_task_id();
    for (std::size_t i = 0; i < nodes; ++i) {
      request.nodes.emplace_back(fmt::format("n{}", i));
      (co_await told().node_joined({.name = request.nodes.back()})).value();
      fleet.online.insert(request.nodes.back());
      runs.push_back({id, 0, request.nodes.back(), 1});
    }
    request.deadline = 600s;
    (co_await verbs->run_command(id, request, Stamp{})).value();
    while (fleet.told.size() < nodes) co_await fleet.changed.wait();
  }
  // Some turns of the loop: whatever can go on has gone on.
  Async<void> settle() {
    for (int turn = 0; turn < 50; ++turn) co_await asio::post(asio::use_awaitable);
  }
  Async<void> end() {
    while (!events.closed.contains(id)) co_await asio::post(asio::use_awaitable);
  }
  void release() {
    held = false;
    released.set();
  }
  FleetEvents& told() { return verbs->fleet_events(); }
  const RunRow& stored(const RunId& run) {
    return *std::ranges::find(ledger.stored.at(id).runs, run, &RunRow::id);
  }
  std::vector<RunState> story_of(const RunId& run) {
    std::vector<RunState> states;
    for (const TaskEvent& event : events.told[id]) {
      if (event.kind == TaskEvent::Kind::state && event.run.id == run) states.push_back(event.run.state);
    }
    return states;
  }

  Executor executor;
  FastClock clock;
  MemoryLedger ledger;
  MemoryEvents events;
  NoBlobs blobs;
  FakeFleet fleet;
  CountingRandom random;
  std::unique_ptr<Verbs> verbs;
  TaskId id;
  std::vector<RunId> runs;
  std::size_t transactions = 0;
  bool held = false;
  std::optional<Error> fault;
  Event released;
};

// With a clock that goes so many times faster than the world's.
template <class Body>
void with_brain(Body body, int times = 1) {
  asio::io_context loop;
  std::exception_ptr error;
  asio::co_spawn(
      loop,
      [](Executor executor, Body& of, int faster) -> Async<void> {
        Brain brain(executor, faster);
        brain.verbs =
            (co_await Verbs::open(
                 {nullptr, brain.ledger, brain.events, brain.blobs, brain.clock, brain.random}, executor))
                .value();
        brain.verbs->set_fleet(brain.fleet);
        co_await in_nursery([&](Nursery& nursery) -> Async<void> { co_await of(brain, nursery); });
        co_await brain.verbs->stop();
      }(loop.get_executor(), body, times),
      [&](std::exception_ptr e) { error = e; });
  loop.run();
  if (error) std::rethrow_exception(error);
}

}  // namespace octo::brain
