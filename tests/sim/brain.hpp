// SPDX-License-Identifier: MIT
// The Brain's machine: a real Brain (work, ledger, event log, blobs, fleet) that may die at any write and is
// started again on the disk that is left.
//
// die() works at once and inside any call: from then on nothing that the dead Brain's coroutines do reaches
// the network, a caller or the disk of its successor. They are unwound when the loop comes to it.
#pragma once
#include <functional>
#include <memory>
#include <set>

#include "brain/blobs/blobs.hpp"
#include "brain/blobs/event_log.hpp"
#include "brain/fleet/fleet.hpp"
#include "brain/ledger/ledger.hpp"
#include "brain/work/verbs.hpp"
#include "disk.hpp"
#include "network.hpp"
#include "watchers.hpp"
#include "workers.hpp"

namespace octo::sim {

// How a Brain may be told to misbehave, by tests of the oracle: each gives a wrapper that stands at a seam,
// or what it was given.
class BrainFaults {
 public:
  virtual ~BrainFaults() = default;
  // Made once per life of the Brain; lives as long.
  virtual brain::Ledger& wrap(brain::Ledger& ledger, Nursery&, Clock&) { return ledger; }
  virtual brain::EventLog& wrap(brain::EventLog& events) { return events; }
  virtual brain::FleetEvents& wrap(brain::FleetEvents& events, Nursery&, Clock&) { return events; }
  virtual brain::Fleet& wrap(brain::Fleet& fleet) { return fleet; }
  virtual Clock& wrap(Clock& clock) { return clock; }
  virtual std::unique_ptr<net::Listener> wrap(std::unique_ptr<net::Listener> listener) { return listener; }
  virtual std::uint64_t epoch(std::uint64_t epoch) { return epoch; }
  virtual int judge(DiskOp, const std::string& /*path*/) { return 0; }
};

class BrainHost final : public DiskFaults {
 public:
  BrainHost(Surface surface, Network& network, Witness& witness, BrainFaults& faults, SeededRandom random);
  ~BrainHost() override;

  // One life of the Brain's process.
  struct Life {
    Life(BrainHost& host, std::unique_ptr<Disk> disk);
    ~Life();
    BrainHost& host;
    std::unique_ptr<Disk> disk;
    SimWorkers workers;
    Nursery nursery;  // the fleet, and calls of operators
    std::unique_ptr<brain::SqliteLedger> ledger;
    std::unique_ptr<brain::FileEventLog> events;
    std::unique_ptr<brain::ChunkBlobs> blobs;
    std::unique_ptr<WatchedLedger> watched_ledger;
    std::unique_ptr<WatchedFleetEvents> watched_events;
    std::unique_ptr<brain::Verbs> verbs;
    std::unique_ptr<brain::LinkFleet> fleet;
    std::unique_ptr<net::Listener> listener;
    brain::Ledger* told_ledger = nullptr;  // with the wrappers
    bool serves = false;
    bool dead = false;
    Event changed;
  };

  void start();
  bool is_up() const { return life_ != nullptr; }
  void die(Death how);
  Async<void> stop();

  // An operator's call: answered, or `unavailable` when the Brain does not serve or dies meanwhile, in which
  // case the work may be done or not.
  template <class T>
  Async<Result<T>> call(std::function<Async<Result<T>>(Life&)> body);

  // What may go wrong with the disk, by itself.
  void set_disk_full(bool full) { disk_full_ = full; }
  void fail_next_sync() { sync_fails_ = true; }
  // Dies at so many disk operations from now.
  void die_after(std::size_t operations, Death how);
  bool sync_failed() const { return sync_failed_; }
  // No planned fault is left.
  void heal();
  int judge(DiskOp op, const std::string& path) override;

  MachineClock& clock() { return clock_; }
  // How many of its lives came as far as to admit nodes.
  std::uint64_t lives_served() const { return lives_served_; }
  std::size_t power_cuts() const { return power_cuts_; }
  // What the last life left, while none is there.
  const std::string& disk_path() const { return left_->path(); }
  // Why the last start failed, if it did.
  const std::optional<Error>& broken() const { return broken_; }

 private:
  void boot();
  Async<void> live(std::shared_ptr<Life> life);
  Async<Result<void>> open(Life& life);
  static Async<void> end(Life& life);

  Surface surface_;
  Network& network_;
  Witness& witness_;
  BrainFaults& faults_;
  SeededRandom random_;
  MachineClock clock_;
  Nursery nursery_;
  std::shared_ptr<Life> life_;
  std::unique_ptr<Disk> left_;  // by the last life
  std::vector<std::weak_ptr<Event>> callers_;
  std::uint64_t lives_ = 0;
  std::uint64_t lives_served_ = 0;
  std::optional<Error> broken_;
  std::size_t power_cuts_ = 0;
  bool disk_full_ = false;
  bool sync_fails_ = false;
  bool sync_failed_ = false;
  std::optional<std::pair<std::size_t, Death>> dying_;
};

template <class T>
Async<Result<T>> BrainHost::call(std::function<Async<Result<T>>(Life&)> body) {
  const auto life = life_;
  if (!life || !life->serves || life->dead) co_return fail(ErrorCode::unavailable, "connection refused");
  struct Call {
    explicit Call(const Executor& executor) : changed(std::make_shared<Event>(executor)) {}
    std::optional<Result<T>> answer;
    std::shared_ptr<Event> changed;
  };
  const auto call = std::make_shared<Call>(surface_.executor);
  std::erase_if(callers_, [](const auto& weak) { return weak.expired(); });
  callers_.push_back(call->changed);
  life->nursery.spawn([](std::shared_ptr<Life> in, std::function<Async<Result<T>>(Life&)> work,
                         std::shared_ptr<Call> into) -> Async<void> {
    auto answer = co_await work(*in);
    if (in->dead) co_return;
    into->answer.emplace(std::move(answer));
    into->changed->set();
  }(life, std::move(body), call));
  while (!call->answer && !life->dead) co_await call->changed->wait();
  if (!call->answer) co_return fail(ErrorCode::unavailable, "connection lost");
  co_return std::move(*call->answer);
}

}  // namespace octo::sim
