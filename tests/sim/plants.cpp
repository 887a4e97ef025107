// SPDX-License-Identifier: MIT
#include "plants.hpp"

#include <algorithm>

#include "forwarding.hpp"
#include "wire/messages.hpp"

namespace octo::sim {

namespace {

// The disk says "synced" of the ledger's log and has done nothing.
class LyingDisk final : public BrainFaults {
 public:
  int judge(DiskOp op, const std::string& path) override {
    return op == DiskOp::sync && path.ends_with("-wal") ? DiskFaults::kLie : 0;
  }
};

// A task is acknowledged, and stored a little later.
class AcknowledgedBeforeStored final : public ForwardingLedger {
 public:
  AcknowledgedBeforeStored(brain::Ledger& to, Nursery& nursery, Clock& clock)
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

// Every ninth record of an end is forgotten, with a nod.
class DroppedRecord final : public ForwardingLedger {
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

// A Brain that starts forgets how much output it has.
class ForgottenOffset final : public ForwardingEventLog {
 public:
  using ForwardingEventLog::ForwardingEventLog;
  Async<Result<Summary>> open(const TaskId& task) override {
    auto summary = OCTO_CO_TRY(co_await to_.open(task));
    summary.output.clear();
    co_return summary;
  }
};

// The end of a run is acknowledged, and recorded a little later.
class EndAcknowledgedEarly final : public ForwardingFleetEvents {
 public:
  EndAcknowledgedEarly(brain::FleetEvents& to, Nursery& nursery, Clock& clock)
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

// Every fourth cancel does not reach its node, and the fleet says it did.
class LostCancel final : public ForwardingFleet {
 public:
  using ForwardingFleet::ForwardingFleet;
  Async<Result<void>> cancel_run(const RunId& run) override {
    if (++cancels_ % 4 == 0) co_return Result<void>{};
    co_return co_await to_.cancel_run(run);
  }

 private:
  int cancels_ = 0;
};

// Starts of the Brain do not raise its epoch.
class SameEpoch final : public BrainFaults {
  std::uint64_t epoch(std::uint64_t) override { return 1; }
};

// An older state of a run is written over its end.
class StaleReplay final : public ForwardingLedger {
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

// Every tenth piece of output is acknowledged and not kept.
class DroppedOutput final : public ForwardingFleetEvents {
 public:
  using ForwardingFleetEvents::ForwardingFleetEvents;
  Async<Result<Taken>> run_output(const RunId& run, OutputPiece piece) override {
    if (++pieces_ % 10 != 0) co_return co_await to_.run_output(run, std::move(piece));
    Taken taken;
    taken.durable.of(piece.stream) = piece.offset + piece.bytes.size();
    co_return taken;
  }

 private:
  int pieces_ = 0;
};

// The clock that deadlines are kept by goes twenty times too slowly.
class LateStart final : public Clock {
 public:
  explicit LateStart(Clock& clock) : clock_(clock) {}
  Instant now() const override { return Instant(clock_.now().time_since_epoch() / 20); }
  WallTime wall() const override { return clock_.wall(); }
  Async<void> sleep_until(Instant when) override { return clock_.sleep_until(clock_.now() + (when - now())); }

 private:
  Clock& clock_;
};

// Orders do not say when they were sent, and are as young as they arrive.
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
    // A link writes whole frames, and large ones in pieces, which wait here until all have come.
    Bytes strip(BytesView bytes) {
      begun_ += bytes;
      BytesView frames = begun_;
      Bytes out;
      while (frames.size() >= wire::kHeaderBytes) {
        wire::Header header = wire::decode_header(frames).value();
        if (frames.size() < wire::kHeaderBytes + header.payload_bytes) break;
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
      begun_.erase(0, begun_.size() - frames.size());
      return out;
    }
    std::unique_ptr<net::Stream> to_;
    Bytes begun_;
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

constexpr MakePlant kBrainPlants[] = {
    [] { return plant<LyingDisk>("a sync that does nothing"); },
    [] { return plant<AcknowledgedBeforeStored>("a task acknowledged before it is stored"); },
    [] { return plant<DroppedRecord>("an end that is not recorded"); },
    [] { return plant<ForgottenOffset>("a forgotten output offset"); },
    [] { return plant<EndAcknowledgedEarly>("an end acknowledged before it is durable"); },
    [] { return plant<LostCancel>("a lost cancel"); },
    [] { return plant<SameEpoch>("an epoch that is not raised"); },
    [] { return plant<StaleReplay>("an old state written over an end"); },
    [] { return plant<DroppedOutput>("output acknowledged and not kept"); },
    [] { return plant<LateStart>("a deadline that is not kept"); },
    [] { return plant<UnstampedOrders>("orders that do not say when they were sent"); },
};

}  // namespace

std::span<const MakePlant> brain_plants() { return kBrainPlants; }

}  // namespace octo::sim
