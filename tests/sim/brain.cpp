// SPDX-License-Identifier: MIT
#include "brain.hpp"

#include <cerrno>

namespace octo::sim {

BrainHost::BrainHost(Surface surface, Network& network, Witness& witness, BrainFaults& faults,
                     SeededRandom random)
    : surface_(surface),
      network_(network),
      witness_(witness),
      faults_(faults),
      random_(random),
      clock_(surface.clock, random_.drift()),
      nursery_(surface.executor),
      left_(std::make_unique<Disk>("/sim/brain.0", random_.fork())) {
  boot();
}

BrainHost::~BrainHost() = default;

BrainHost::Life::Life(BrainHost& host_, std::unique_ptr<Disk> disk_)
    : host(host_),
      disk(std::move(disk_)),
      workers(host_.clock_, host_.random_.fork(), host_.surface_.executor),
      nursery(host_.surface_.executor),
      changed(host_.surface_.executor) {}

BrainHost::Life::~Life() = default;

// No node knows how long the Brain's machine has been up.
void BrainHost::boot() { clock_.boot(random_.between(1h, 1000h)); }

void BrainHost::start() {
  if (life_) return;
  ++lives_;
  surface_.trace.add("the Brain starts");
  life_ = std::make_shared<Life>(*this, std::move(left_));
  life_->disk->set_faults(this);
  nursery_.spawn(live(life_));
}

// So little that many runs write more: then it is told at their end.
constexpr std::uint64_t kRunOutputKept = 1000;

Async<Result<void>> BrainHost::open(Life& life) {
  const std::string& folder = life.disk->path();
  const Executor& executor = surface_.executor;
  life.ledger = OCTO_CO_TRY(brain::SqliteLedger::open(folder, life.workers, executor));
  life.events = OCTO_CO_TRY(brain::FileEventLog::open(folder, life.workers));
  life.blobs = OCTO_CO_TRY(brain::ChunkBlobs::open(folder, life.workers));
  life.watched_ledger =
      std::make_unique<WatchedLedger>(*life.ledger, witness_, surface_.clock, clock_, life.dead);
  life.told_ledger = &faults_.wrap(*life.watched_ledger, life.nursery, clock_);
  brain::EventLog& events = faults_.wrap(*life.events);
  Clock& clock = faults_.wrap(clock_);
  life.verbs = OCTO_CO_TRY(co_await brain::Verbs::open(
      {nullptr, *life.told_ledger, events, *life.blobs, clock, random_, {.run_output_bytes = kRunOutputKept}},
      executor));
  life.watched_events =
      std::make_unique<WatchedFleetEvents>(life.verbs->fleet_events(), witness_, surface_.clock, life.dead);
  life.fleet = std::make_unique<brain::LinkFleet>(
      brain::LinkFleet::Settings{"brain", "sim", faults_.epoch(life.ledger->epoch())},
      faults_.wrap(*life.watched_events, life.nursery, clock_), *life.blobs, clock_, executor);
  life.verbs->set_fleet(faults_.wrap(*life.fleet));
  co_return Result<void>{};
}

Async<void> BrainHost::live(std::shared_ptr<Life> life) {
  const auto opened = co_await open(*life);
  if (!life->dead) {
    broken_.reset();
    if (!opened) broken_ = opened.error();
    surface_.trace.add(opened ? "the Brain serves" : "the Brain does not start: " + opened.error().message());
    // As its supervisor sees it: a process that has ended.
    if (!opened) die(Death::kill);
  }
  if (!life->dead) {
    life->listener = faults_.wrap(network_.listen());
    life->nursery.spawn(life->fleet->serve(*life->listener));
    life->serves = true;
    ++lives_served_;
  }
  while (!life->dead) co_await life->changed.wait();
  co_await end(*life);
}

// Unwinds what a dead Brain left running; its disk is nobody's any more.
Async<void> BrainHost::end(Life& life) {
  life.workers.hurry();
  life.nursery.cancel();
  co_await life.nursery.join();
  life.listener.reset();
  if (life.verbs) co_await life.verbs->stop();
  if (life.ledger) co_await life.ledger->close();
  co_await life.workers.stop();
}

void BrainHost::die(Death how) {
  if (!life_ || life_->dead) return;
  // After a failed sync nobody goes on with what the kernel has in its cache: that machine is started anew.
  if (sync_failed_) how = Death::power_cut;
  if (how == Death::power_cut) {
    ++power_cuts_;
    boot();
  }
  witness_.disturbed(Witness::Incident::Kind::death, "", surface_.clock.now());
  surface_.trace.add(how == Death::kill ? "the Brain is killed" : "the Brain's power is cut");
  Life& life = *life_;
  life.disk->set_faults(nullptr);
  const std::string path = fmt::format("/sim/brain.{}", lives_);
  left_ = how == Death::kill ? life.disk->kill(path) : life.disk->power_cut(path);
  if (how == Death::power_cut) sync_failed_ = false;
  dying_.reset();
  network_.stop_listening();
  network_.break_streams("", how == Death::kill ? Network::Told::node : Network::Told::nobody);
  life.dead = true;
  life.changed.set();
  for (const auto& weak : std::exchange(callers_, {})) {
    if (const auto caller = weak.lock()) caller->set();
  }
  life_.reset();
}

Async<void> BrainHost::stop() {
  die(Death::kill);
  co_await nursery_.join();
}

void BrainHost::die_after(std::size_t operations, Death how) {
  if (life_) dying_ = std::pair(operations, how);
}

void BrainHost::heal() {
  disk_full_ = sync_fails_ = false;
  dying_.reset();
}

int BrainHost::judge(DiskOp op, const std::string& path) {
  if (dying_ && dying_->first-- == 0) {
    die(dying_->second);
    return EIO;
  }
  if (op == DiskOp::write && disk_full_) return ENOSPC;
  if (op == DiskOp::sync && std::exchange(sync_fails_, false)) {
    sync_failed_ = true;
    surface_.trace.add("a sync fails: " + path.substr(path.find('/', 5)));
    return EIO;
  }
  return faults_.judge(op, path);
}

}  // namespace octo::sim
