// SPDX-License-Identifier: MIT
#include "plants.hpp"

#include <algorithm>
#include <array>

#include "base/expects.hpp"
#include "forwarding.hpp"
#include "runner/format.hpp"
#include "wire/messages.hpp"

namespace octo::sim {

namespace {

// Wrappers live until the world ends: a dead Brain's coroutines may still stand in one.
template <class Wrapper>
class Wrappers {
 public:
  template <class... Args>
  Wrapper& add(Args&&... args) {
    return *all_.emplace_back(std::make_unique<Wrapper>(std::forward<Args>(args)...));
  }

 private:
  std::vector<std::unique_ptr<Wrapper>> all_;
};

// 1: the disk says "synced" of the ledger's log and has done nothing.
class LyingDisk final : public BrainFaults {
 public:
  int judge(DiskOp op, const std::string& path) override {
    return op == DiskOp::sync && path.ends_with("-wal") ? DiskFaults::kLie : 0;
  }
};

// 2: a task is acknowledged, and stored a little later.
class AcknowledgedBeforeStored final : public BrainFaults {
  class Early final : public ForwardingLedger {
   public:
    Early(brain::Ledger& to, Nursery& nursery, Clock& clock)
        : ForwardingLedger(to), nursery_(nursery), clock_(clock) {}
    Async<Result<void>> accept_task(const TaskRecord& record, const std::vector<RunRow>& runs,
                                    const brain::Stamp& stamp) override {
      nursery_.spawn([](brain::Ledger& ledger, Clock& clock, TaskRecord task, std::vector<RunRow> rows,
                        brain::Stamp with) -> Async<void> {
        co_await clock.sleep(200ms);
        (void)co_await ledger.accept_task(task, rows, with);
      }(to_, clock_, record, runs, stamp));
      co_return Result<void>{};
    }

   private:
    Nursery& nursery_;
    Clock& clock_;
  };
  brain::Ledger& wrap(brain::Ledger& ledger, Nursery& nursery, Clock& clock) override {
    return made_.add(ledger, nursery, clock);
  }
  Wrappers<Early> made_;
};

// 3: every ninth record of an end is forgotten, with a nod.
class DroppedRecord final : public BrainFaults {
  class Forgetful final : public ForwardingLedger {
   public:
    using ForwardingLedger::ForwardingLedger;
    Async<Result<void>> record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                    std::optional<TaskState> outcome) override {
      const bool end = std::ranges::any_of(runs, [](const RunRow& row) { return is_final(row.state); });
      if (end && ++ends_ % 9 == 0) co_return Result<void>{};
      co_return co_await to_.record_runs(task, runs, outcome);
    }

   private:
    int ends_ = 0;
  };
  brain::Ledger& wrap(brain::Ledger& ledger, Nursery&, Clock&) override { return made_.add(ledger); }
  Wrappers<Forgetful> made_;
};

// 4: a node takes a repeated order for a new one.
class RepeatedStart final : public NodeFaults {
  class Eager final : public ForwardingRuns {
   public:
    Eager(tentacle::Runs& to, tentacle::Runners& runners, Machine& machine)
        : ForwardingRuns(to), runners_(runners), disk_(machine.disk()) {}
    std::optional<tentacle::RunFacts> find(const RunId&) const override { return std::nullopt; }
    Async<Result<tentacle::RunFacts>> start(const Start& start) override {
      if (const auto known = to_.find(start.id); known && known->end) start_again(start);
      return to_.start(start);
    }

   private:
    // In another folder, where no claim is yet.
    void start_again(const Start& start) {
      const std::string folder = fmt::format("{}/again.{}", disk_.path(), ++again_);
      disk_.make(folder, File::Kind::folder);
      const runner::Intent intent{
          .run = local_name(start.id), .node = start.id.node.str(), .text = start.order.text};
      disk_.make(folder + "/" + runner::kIntentFile)->write(0, runner::encode(intent));
      (void)runners_.start(folder, -1);
    }
    tentacle::Runners& runners_;
    Disk& disk_;
    int again_ = 0;
  };
  tentacle::Runners& wrap(tentacle::Runners& runners) override { return *(runners_ = &runners); }
  tentacle::Runs& wrap(tentacle::Runs& runs, Machine& machine) override {
    return made_.add(runs, *runners_, machine);
  }
  tentacle::Runners* runners_ = nullptr;
  Wrappers<Eager> made_;
};

// 5: a Brain that starts forgets how much output it has.
class ForgottenOffset final : public BrainFaults {
  class Fresh final : public ForwardingEventLog {
   public:
    using ForwardingEventLog::ForwardingEventLog;
    Async<Result<Summary>> open(const TaskId& task) override {
      auto summary = OCTO_CO_TRY(co_await to_.open(task));
      summary.output.clear();
      co_return summary;
    }
  };
  brain::EventLog& wrap(brain::EventLog& events) override { return made_.add(events); }
  Wrappers<Fresh> made_;
};

// 6: the end of a run is acknowledged, and recorded a little later.
class EndAcknowledgedEarly final : public BrainFaults {
  class Early final : public ForwardingFleetEvents {
   public:
    Early(brain::FleetEvents& to, Nursery& nursery, Clock& clock)
        : ForwardingFleetEvents(to), nursery_(nursery), clock_(clock) {}
    Async<Result<void>> run_ended(const RunId& run, const RunEnd& end) override {
      nursery_.spawn([](brain::FleetEvents& events, Clock& clock, RunId id, RunEnd how) -> Async<void> {
        co_await clock.sleep(100ms);
        (void)co_await events.run_ended(id, how);
      }(to_, clock_, run, end));
      co_return Result<void>{};
    }

   private:
    Nursery& nursery_;
    Clock& clock_;
  };
  brain::FleetEvents& wrap(brain::FleetEvents& events, Nursery& nursery, Clock& clock) override {
    return made_.add(events, nursery, clock);
  }
  Wrappers<Early> made_;
};

// 7: every fourth cancel does not reach its node, and the fleet says it did.
class LostCancel final : public BrainFaults {
  class Deaf final : public ForwardingFleet {
   public:
    using ForwardingFleet::ForwardingFleet;
    Async<Result<void>> cancel_run(const RunId& run) override {
      if (++cancels_ % 4 == 0) co_return Result<void>{};
      co_return co_await to_.cancel_run(run);
    }

   private:
    int cancels_ = 0;
  };
  brain::Fleet& wrap(brain::Fleet& fleet) override { return made_.add(fleet); }
  Wrappers<Deaf> made_;
};

// 8: starts of the Brain do not raise its epoch.
class SameEpoch final : public BrainFaults {
  std::uint64_t epoch(std::uint64_t) override { return 1; }
};

// 9: an older state of a run is written over its end.
class StaleReplay final : public BrainFaults {
  class Stale final : public ForwardingLedger {
   public:
    using ForwardingLedger::ForwardingLedger;
    Async<Result<void>> record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                    std::optional<TaskState> outcome) override {
      OCTO_CO_TRY(co_await to_.record_runs(task, runs, outcome));
      const bool end = std::ranges::any_of(runs, [](const RunRow& row) { return is_final(row.state); });
      if (!end || ++ends_ % 7 != 0) co_return Result<void>{};
      RunRow old = runs.front();
      old.state = RunState::delivered;
      co_return co_await to_.record_runs(task, {old}, std::nullopt);
    }

   private:
    int ends_ = 0;
  };
  brain::Ledger& wrap(brain::Ledger& ledger, Nursery&, Clock&) override { return made_.add(ledger); }
  Wrappers<Stale> made_;
};

// 10: the journal of a node does not outlive its agent.
class ForgetfulJournal final : public NodeFaults {
  void agent_starts(Disk& disk) override {
    const std::string runs = disk.path() + "/runs";
    for (const std::string& name : disk.list(runs)) {
      const std::string folder = runs + "/" + name;
      const auto record = disk.find(folder + "/" + runner::kRecordFile);
      if (!disk.is_folder(folder) || (record && record->locker() != nullptr)) continue;
      for (const std::string& inside : disk.list(folder)) disk.remove(folder + "/" + inside);
      disk.remove(folder);
    }
  }
};

// 11: every tenth piece of output is acknowledged and not kept.
class DroppedOutput final : public BrainFaults {
  class Leaky final : public ForwardingFleetEvents {
   public:
    using ForwardingFleetEvents::ForwardingFleetEvents;
    Async<Result<OutputMark>> run_output(const RunId& run, OutputPiece piece) override {
      if (++pieces_ % 10 != 0) co_return co_await to_.run_output(run, std::move(piece));
      OutputMark mark;
      mark.of(piece.stream) = piece.offset + piece.bytes.size();
      co_return mark;
    }

   private:
    int pieces_ = 0;
  };
  brain::FleetEvents& wrap(brain::FleetEvents& events, Nursery&, Clock&) override {
    return made_.add(events);
  }
  Wrappers<Leaky> made_;
};

// 12: the clock that deadlines are kept by goes twenty times too slowly.
class LateStart final : public BrainFaults {
  class Slow final : public Clock {
   public:
    explicit Slow(Clock& clock) : clock_(clock) {}
    Instant now() const override { return Instant(clock_.now().time_since_epoch() / 20); }
    WallTime wall() const override { return clock_.wall(); }
    Async<void> sleep_until(Instant when) override {
      return clock_.sleep_until(clock_.now() + (when - now()));
    }

   private:
    Clock& clock_;
  };
  Clock& wrap(Clock& clock) override { return made_.add(clock); }
  Wrappers<Slow> made_;
};

// 13: orders do not say when they were sent, and are as young as they arrive.
class UnstampedOrders final : public BrainFaults {
  class Stripping final : public net::Stream {
   public:
    explicit Stripping(std::unique_ptr<net::Stream> to) : to_(std::move(to)) {}
    Async<Result<void>> handshake() override { return to_->handshake(); }
    Async<Result<std::size_t>> read_some(std::span<char> into) override { return to_->read_some(into); }
    Async<Result<void>> write(BytesView bytes) override {
      const Bytes stripped = strip(bytes);
      co_return co_await to_->write(stripped);
    }
    void close() override { to_->close(); }
    const net::Peer& peer() const override { return to_->peer(); }

   private:
    // A link writes whole frames.
    static Bytes strip(BytesView frames) {
      Bytes out;
      while (!frames.empty()) {
        wire::Header header = wire::decode_header(frames).value();
        Bytes payload(frames.substr(wire::kHeaderBytes, header.payload_bytes));
        frames.remove_prefix(wire::kHeaderBytes + payload.size());
        if (header.type == wire::FrameType::message) {
          auto message = wire::decode_from_brain(payload);
          if (auto* order = message ? std::get_if<wire::StartRun>(&*message) : nullptr) {
            order->sent.reset();
            payload = wire::encode(*message);
            header.payload_bytes = static_cast<std::uint32_t>(payload.size());
          }
        }
        out += wire::encode(header) + payload;
      }
      return out;
    }
    std::unique_ptr<net::Stream> to_;
  };
  class Listener final : public net::Listener {
   public:
    explicit Listener(std::unique_ptr<net::Listener> to) : to_(std::move(to)) {}
    Async<Result<std::unique_ptr<net::Stream>>> accept() override {
      auto stream = OCTO_CO_TRY(co_await to_->accept());
      co_return std::make_unique<Stripping>(std::move(stream));
    }
    net::Endpoint address() const override { return to_->address(); }
    void close() override { to_->close(); }

   private:
    std::unique_ptr<net::Listener> to_;
  };
  std::unique_ptr<net::Listener> wrap(std::unique_ptr<net::Listener> listener) override {
    return std::make_unique<Listener>(std::move(listener));
  }
};

template <class Bug>
Plant plant(std::string_view name) {
  Plant made{name, nullptr, nullptr};
  if constexpr (std::is_base_of_v<BrainFaults, Bug>) made.brain = std::make_unique<Bug>();
  else made.brain = std::make_unique<BrainFaults>();
  if constexpr (std::is_base_of_v<NodeFaults, Bug>) made.nodes = std::make_unique<Bug>();
  else made.nodes = std::make_unique<NodeFaults>();
  return made;
}

}  // namespace

Plant make_plant(std::size_t which) {
  switch (which) {
    case 0: return plant<LyingDisk>("a sync that does nothing");
    case 1: return plant<AcknowledgedBeforeStored>("a task acknowledged before it is stored");
    case 2: return plant<DroppedRecord>("an end that is not recorded");
    case 3: return plant<RepeatedStart>("a repeated order that starts again");
    case 4: return plant<ForgottenOffset>("a forgotten output offset");
    case 5: return plant<EndAcknowledgedEarly>("an end acknowledged before it is durable");
    case 6: return plant<LostCancel>("a lost cancel");
    case 7: return plant<SameEpoch>("an epoch that is not raised");
    case 8: return plant<StaleReplay>("an old state written over an end");
    case 9: return plant<ForgetfulJournal>("a journal that dies with the agent");
    case 10: return plant<DroppedOutput>("output acknowledged and not kept");
    case 11: return plant<LateStart>("a deadline that is not kept");
    case 12: return plant<UnstampedOrders>("orders that do not say when they were sent");
  }
  OCTO_EXPECTS(false);
}

}  // namespace octo::sim
