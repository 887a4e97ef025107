// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include <cerrno>

#include "agent.hpp"
#include "base/text.hpp"

namespace octo::sim {

Machine::Machine(Setup setup, Surface surface, Network& network, Witness& witness, NodeFaults& faults,
                 SeededRandom random)
    : setup_(std::move(setup)),
      surface_(surface),
      network_(network),
      faults_(faults),
      random_(random),
      clock_(surface.clock, random_.drift()),
      kernel_(surface, clock_, witness, setup_.label, random_.fork()),
      agents_(surface.executor),
      unwound_(surface.executor) {
  boot();
  change_disk(std::make_unique<Disk>(fmt::format("/sim/{}.0", setup_.label), random_.fork()));
}

Machine::~Machine() = default;

// Five seconds more or less than the others.
void Machine::boot() { clock_.boot(random_.between(1s, 11s)); }

void Machine::change_disk(std::unique_ptr<Disk> disk) {
  if (disk_) disk_->set_faults(nullptr);
  if (disk_) former_disks_.push_back(std::move(disk_));
  disk_ = std::move(disk);
  disk_->set_faults(this);
}

void Machine::start_agent() {
  wanted_ = true;
  if (agent_) return;
  surface_.trace.add(fmt::format("{}: the agent starts", setup_.label));
  faults_.agent_starts(*disk_);
  agent_ = std::make_shared<Agent>(*this);
  agents_.spawn(live(agent_));
}

Async<void> Machine::live(std::shared_ptr<Agent> agent) {
  // One that is dead holds nothing any more, but its coroutines have to come to their ends.
  while (unwinding_ > 0) co_await unwound_.wait();
  ++unwinding_;
  agent->nursery.spawn(agent->live());
  co_await agent->nursery.join();
  --unwinding_;
  unwound_.set();
  // As its supervisor sees it: a process that has ended by itself.
  if (agent_ == nullptr && wanted_) co_await start_again();
}

Async<void> Machine::start_again() {
  co_await surface_.clock.sleep(1s);
  if (wanted_) start_agent();
}

void Machine::agent_ended(std::string_view how) {
  surface_.trace.add(fmt::format("{}: the agent {}", setup_.label, how));
  kernel_.witness().disturbed(Witness::Incident::Kind::link, node().str(), surface_.clock.now());
  kernel_.witness().agent_deaths.emplace(setup_.label, surface_.clock.now());
  const auto agent = std::exchange(agent_, nullptr);
  kernel_.set_door(nullptr);
  kernel_.end(agent->process, SIGKILL);
}

void Machine::kill_agent() {
  wanted_ = false;
  if (!agent_) return;
  network_.break_streams(setup_.label, Network::Told::brain);
  agent_ended("dies");
}

void Machine::power_cut() {
  wanted_ = false;
  surface_.trace.add(fmt::format("{}: power cut", setup_.label));
  kernel_.witness().disturbed(Witness::Incident::Kind::death, node().str(), surface_.clock.now());
  network_.break_streams(setup_.label, Network::Told::nobody);
  agent_.reset();
  kernel_.set_door(nullptr);
  kernel_.power_off();
  boot();
  change_disk(disk_->power_cut(fmt::format("/sim/{}.{}", setup_.label, ++disks_)));
}

void Machine::kill_runner(std::uint64_t which) {
  std::vector<Process*> runners;
  for (Process* process : kernel_.living()) {
    if (process->fiber) runners.push_back(process);
  }
  if (runners.empty()) return;
  Process& runner = *runners[which % runners.size()];
  surface_.trace.add(fmt::format("{}: runner {} dies", setup_.label, runner.pid));
  kernel_.witness().disturbed(Witness::Incident::Kind::death, node().str(), surface_.clock.now(), runner.run);
  kernel_.end(runner, SIGKILL);
}

void Machine::reinstall() {
  power_cut();
  surface_.trace.add(fmt::format("{}: reinstalled", setup_.label));
  change_disk(std::make_unique<Disk>(fmt::format("/sim/{}.{}", setup_.label, ++disks_), random_.fork()));
}

Async<void> Machine::stop() {
  wanted_ = false;
  agent_.reset();
  co_await kernel_.stop();
  co_await agents_.join();
}

void Machine::stall(Span span) {
  kernel_.stall(span);
  kernel_.witness().incidents.push_back(
      {Witness::Incident::Kind::stall, node().str(), surface_.clock.now(), surface_.clock.now() + span, ""});
}

void Machine::set_slow(double times) { kernel_.set_slow(times); }

void Machine::heal() {
  disk_full_ = false;
  sync_fails_ = 0;
  dying_.reset();
  set_slow(1);
}

// A fault of this disk.
int Machine::fails(int error, const std::string& path) {
  if (path.starts_with(disk_->path() + "/epoch"))
    kernel_.witness().disturbed(Witness::Incident::Kind::disk, node().str(), surface_.clock.now());
  return error;
}

int Machine::judge(DiskOp op, const std::string& path) {
  const bool counts =
      dying_ && (dying_->second == Death::power_cut || (agent_ && current() == &agent_->process));
  if (counts && dying_->first-- == 0) {
    const Death how = dying_->second;
    dying_.reset();
    if (how == Death::kill) kill_agent();
    else power_cut();
    wanted_ = true;
    return EIO;
  }
  if (op == DiskOp::write && disk_full_) return fails(ENOSPC, path);
  const bool syncs = op == DiskOp::sync || op == DiskOp::sync_folder;
  if (syncs && sync_fails_ > 0 && random_.chance(sync_fails_)) {
    surface_.trace.add(fmt::format("{}: a sync fails: {}", setup_.label, path.substr(disk_->path().size())));
    return fails(EIO, path);
  }
  return faults_.judge(op, path);
}

std::uint64_t Machine::epoch_seen() const {
  const auto file = disk_->find(disk_->path() + "/epoch");
  return file ? static_cast<std::uint64_t>(parse_number(file->bytes()).value_or(0)) : 0;
}

}  // namespace octo::sim
