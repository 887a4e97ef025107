// SPDX-License-Identifier: MIT
// What is planted where runs start together, and where they wait for each other.
#include <algorithm>
#include <set>

#include "forwarding.hpp"
#include "plants.hpp"
#include "runner/format.hpp"

namespace octo::sim {

namespace {

// All are told to go while the decision is on its way to the disk.
class GoBeforeDecision final : public ForwardingLedger {
 public:
  GoBeforeDecision(brain::Ledger& to, Nursery& nursery, Clock& clock)
      : ForwardingLedger(to), nursery_(nursery), clock_(clock) {}
  Async<Result<void>> record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                  std::optional<TaskState> outcome) override {
    const bool decides =
        std::ranges::any_of(runs, [](const RunRow& row) { return row.state == RunState::armed; });
    if (!decides) co_return co_await to_.record_runs(task, runs, outcome);
    nursery_.spawn(
        [](brain::Ledger& ledger, Clock& clock, TaskId of, std::vector<RunRow> rows) -> Async<void> {
          co_await clock.sleep(50ms);
          (void)co_await ledger.record_runs(of, rows, std::nullopt);
        }(to_, clock_, task, runs));
    co_return Result<void>{};
  }

 private:
  Nursery& nursery_;
  Clock& clock_;
};

// A node nods when it is called off, and does nothing.
class DeafToCallOff final : public ForwardingRuns {
 public:
  using ForwardingRuns::ForwardingRuns;
  Async<Result<void>> call_off(const RunId&, const std::string&) override { co_return Result<void>{}; }
};

// A node says yes, and a power cut would take that back.
class UnsyncedYes final : public NodeFaults {
  int judge(DiskOp op, const std::string& path) override {
    const std::string name = path.substr(path.rfind('/') + 1);
    return op == DiskOp::sync && name.starts_with(runner::kCommitFile) ? DiskFaults::kLie : 0;
  }
};

// Whoever has said yes starts, also when nobody tells it to go.
class YesIsGo final : public ForwardingRuns {
 public:
  using ForwardingRuns::ForwardingRuns;
  Async<Result<void>> commit(const RunId& id_, const tentacle::StartAt& start) override {
    const RunId id = id_;
    OCTO_CO_TRY(co_await to_.commit(id, start));
    co_return co_await to_.go(id);
  }
};

// A clock is said to be known twice as well as it is.
class HalfBound final : public ForwardingRuns {
 public:
  using ForwardingRuns::ForwardingRuns;
  Async<Result<void>> commit(const RunId& id, const tentacle::StartAt& start) override {
    tentacle::StartAt half = start;
    half.bound /= 2;
    const RunId run = id;
    co_return co_await to_.commit(run, half);
  }
};

// A barrier opens when all but one have come.
class EarlyBarrier final : public BrainFaults {
  class Counting final : public ForwardingLedger {
   public:
    Counting(brain::Ledger& to, std::map<TaskId, std::size_t>& sizes) : ForwardingLedger(to), sizes_(sizes) {}
    Async<Result<void>> accept_task(const TaskRecord& record, const std::vector<RunRow>& runs,
                                    const brain::Stamp& stamp) override {
      sizes_[record.id] = runs.size();
      return to_.accept_task(record, runs, stamp);
    }

   private:
    std::map<TaskId, std::size_t>& sizes_;
  };
  class Impatient final : public ForwardingFleetEvents {
   public:
    Impatient(brain::FleetEvents& to, std::map<TaskId, std::size_t>& sizes)
        : ForwardingFleetEvents(to), sizes_(sizes) {}
    Async<Result<void>> barrier_reached(const RunId& run, const std::string& name) override {
      auto& came = came_[run.task];
      came.insert(run);
      if (came.size() + 1 >= std::max<std::size_t>(sizes_[run.task], 3)) return pass();
      return to_.barrier_reached(run, name);
    }

   private:
    static Async<Result<void>> pass() { co_return Result<void>{}; }
    std::map<TaskId, std::size_t>& sizes_;
    std::map<TaskId, std::set<RunId>> came_;
  };
  brain::Ledger& wrap(brain::Ledger& ledger, Nursery&, Clock&) override {
    return ledgers_.add(ledger, sizes_);
  }
  brain::FleetEvents& wrap(brain::FleetEvents& events, Nursery&, Clock&) override {
    return events_.add(events, sizes_);
  }
  std::map<TaskId, std::size_t> sizes_;
  Wrappers<Counting> ledgers_;
  Wrappers<Impatient> events_;
};

// A Brain that starts forgets which barriers are open.
class ForgottenBarrier final : public ForwardingEventLog {
 public:
  using ForwardingEventLog::ForwardingEventLog;
  Async<Result<Summary>> open(const TaskId& task) override {
    auto summary = OCTO_CO_TRY(co_await to_.open(task));
    summary.barriers.clear();
    co_return summary;
  }
};

constexpr MakePlant kTogetherPlants[] = {
    [] { return plant<GoBeforeDecision>("go before the decision is stored"); },
    [] { return plant<DeafToCallOff>("a start although it was called off"); },
    [] { return plant<UnsyncedYes>("a yes that is not durable"); },
    [] { return plant<YesIsGo>("a start without go"); },
    [] { return plant<HalfBound>("half of a clock's bound"); },
    [] { return plant<EarlyBarrier>("a barrier that opens before the last has come"); },
    [] { return plant<ForgottenBarrier>("an open barrier that is forgotten"); },
};

}  // namespace

std::span<const MakePlant> together_plants() { return kTogetherPlants; }

}  // namespace octo::sim
