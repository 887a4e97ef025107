// SPDX-License-Identifier: MIT
// Stand at ports of the product and write down what goes through, for the witness. They change nothing.
#pragma once
#include "disk.hpp"
#include "forwarding.hpp"
#include "process.hpp"
#include "runner/format.hpp"

namespace octo::sim {

// Closest to the ledger: what it says is so.
class WatchedLedger final : public ForwardingLedger {
 public:
  WatchedLedger(brain::Ledger& to, Witness& witness, const VirtualClock& truth, const MachineClock& clock,
                const bool& dead)
      : ForwardingLedger(to), witness_(witness), truth_(truth), clock_(clock), dead_(dead) {}
  Async<Result<void>> record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                  std::optional<TaskState> outcome) override {
    const TaskId id = task;
    const bool decides = is_decision(runs);
    if (decides) witness_.decided[id].brain = clock_.quartz();
    auto done = co_await to_.record_runs(task, runs, outcome);
    if (decides && done && !dead_) decided(id);
    co_return done;
  }
  Async<Result<void>> request_cancel(const TaskId& task, const brain::Stamp& stamp) override {
    witness_.cancels.try_emplace(task, truth_.now());
    return to_.request_cancel(task, stamp);
  }
  // The Brain that stored it may have died before it was told so.
  Async<Result<std::vector<brain::StoredTask>>> open_tasks() override {
    auto open = co_await to_.open_tasks();
    if (!open || dead_) co_return open;
    for (const brain::StoredTask& task : *open) {
      if (is_decision(task.runs)) decided(task.record.id);
    }
    co_return open;
  }

 private:
  static bool is_decision(const std::vector<RunRow>& runs) {
    return std::ranges::any_of(runs, [](const RunRow& row) { return row.state == RunState::armed; });
  }
  void decided(const TaskId& task) {
    auto& decision = witness_.decided[task];
    if (decision.first == Instant{}) decision.first = truth_.now();
    decision.last = truth_.now();
    witness_.turns.set();
  }

  Witness& witness_;
  const VirtualClock& truth_;
  const MachineClock& clock_;
  const bool& dead_;
};

// Between the Brain's work and its fleet.
class WatchedFleetEvents final : public ForwardingFleetEvents {
 public:
  WatchedFleetEvents(brain::FleetEvents& to, Witness& witness, const VirtualClock& truth, const bool& dead)
      : ForwardingFleetEvents(to), witness_(witness), truth_(truth), dead_(dead) {}
  void node_online(const NodeName& node) override {
    witness_.sessions.emplace(node, truth_.now());
    to_.node_online(node);
  }
  Async<Result<void>> barrier_reached(const RunId& run, const std::string& name) override {
    const RunId id = run;
    const std::string what = name;
    Witness::Barrier& barrier = witness_.barriers[{id.task, what}];
    const Instant asked = truth_.now();
    const bool was_open = barrier.open;
    auto done = co_await to_.barrier_reached(id, what);
    if (dead_) co_return done;  // it writes to a disk that is nobody's any more, and nobody hears it
    if (!done) barrier.said_no.emplace(id, truth_.now());
    // Once a Brain has let somebody pass, it and those after it let everybody pass, without a look at others.
    if (was_open && done && truth_.now() > asked) barrier.held_up.push_back(id);
    if (done && !std::exchange(barrier.open, true)) {
      ++witness_.opened;
      witness_.turns.set();
    }
    co_return done;
  }

 private:
  Witness& witness_;
  const VirtualClock& truth_;
  const bool& dead_;
};

// What an agent is told by the Brain, and what it answers, as long as it lives.
class WatchedRuns final : public ForwardingRuns {
 public:
  WatchedRuns(tentacle::Runs& to, Process& agent, const Disk& disk)
      : ForwardingRuns(to), agent_(agent), disk_(disk) {}
  Async<Result<void>> commit(const RunId& id, const tentacle::StartAt& start) override {
    const RunId run = id;
    const Instant due = agent_.kernel.clock().quartz().first(start.at);
    auto done = co_await to_.commit(id, start);
    if (done && !agent_.over) {
      told(run).yes = now();
      told(run).due = due;
      const std::string folder = disk_.path() + "/runs/" + local_name(run) + "/";
      const auto facts = to_.find(run);
      const bool kept =
          disk_.is_durable(folder + runner::kCommitFile) || disk_.find(folder + runner::kGoFile);
      if (!kept && facts && !facts->end) told(run).broken = "it is not durable";
    }
    co_return done;
  }
  Async<Result<void>> go(const RunId& id) override {
    const RunId run = id;
    if (agent_.over) co_return fail(ErrorCode::unavailable, "dead");
    if (!told(run).go) told(run).go = now();
    auto done = co_await to_.go(run);
    if (agent_.over) co_return done;
    if (done && !told(run).going) {
      told(run).going = now();
      told(run).machine = agent_.kernel.label();
    }
    const auto facts = to_.find(run);
    if (!done && told(run).yes && !told(run).off && facts && !facts->end)
      told(run).broken = done.error().message();
    co_return done;
  }
  Async<Result<void>> call_off(const RunId& id, const std::string& reason) override {
    return taken(id, to_.call_off(id, reason));
  }
  Async<Result<void>> cancel(const RunId& id) override { return taken(id, to_.cancel(id)); }

 private:
  Witness::Told& told(const RunId& run) { return agent_.kernel.witness().told[run]; }
  Instant now() const { return agent_.kernel.now(); }
  Async<Result<void>> taken(RunId run, Async<Result<void>> asked) {
    auto done = co_await std::move(asked);
    if (done && !agent_.over && !told(run).off) told(run).off = now();
    co_return done;
  }

  Process& agent_;
  const Disk& disk_;
};

}  // namespace octo::sim
