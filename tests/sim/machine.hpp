// SPDX-License-Identifier: MIT
// A simulated node: its disk, its processes, and an agent (agent.cpp) that may die while both go on.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disk.hpp"
#include "network.hpp"
#include "process.hpp"
#include "tentacle/runs/runners.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::sim {

// A node keeps that much of each stream, its first and its last bytes; what lies between may be dropped.
constexpr std::uint64_t kHeadKept = 700;
constexpr std::uint64_t kTailKept = 700;

class Machine;

// How a node may be told to misbehave, by tests of the oracle.
class NodeFaults {
 public:
  virtual ~NodeFaults() = default;
  // Made once per life of the agent.
  virtual tentacle::Runs& wrap(tentacle::Runs& runs, Machine&) { return runs; }
  virtual tentacle::Runners& wrap(tentacle::Runners& runners) { return runners; }
  virtual void agent_starts(Disk& /*disk*/) {}
  // The machine's disk, asked as DiskFaults are.
  virtual int judge(DiskOp, const std::string& /*path*/) { return 0; }
  virtual bool excludes(const std::string& /*path*/) { return true; }
  virtual bool sees_locks(const std::string& /*path*/) { return true; }
};

class Machine final : public DiskFaults {
 public:
  struct Setup {
    std::string label;  // of the cable, unique in the world
    NodeName node;      // two machines may claim one name
  };
  Machine(Setup setup, Surface surface, Network& network, Witness& witness, NodeFaults& faults,
          SeededRandom random);
  ~Machine() override;

  void start_agent();
  bool agent_runs() const { return agent_ != nullptr; }
  // SIGKILL of the agent: its runners and the disk's cache stay.
  void kill_agent();
  // Everything dies; what the disk had not synced is gone.
  void power_cut();
  // One of these at so many disk operations from now, of the agent or of the whole machine.
  void die_after(std::size_t operations, Death how) { dying_ = std::pair(operations, how); }
  // SIGKILL of one runner; its command goes on, for now.
  void kill_runner(std::uint64_t which);
  // Another disk, a new machine to everybody but its name.
  void reinstall();
  // The end of the world.
  Async<void> stop();

  void set_slow(double times);
  // Programs that wait for their instant sleep through it.
  void stall(Span span);
  void set_disk_full(bool full) { disk_full_ = full; }
  // So many syncs, of all, fail; what they were for is lost with the next power cut.
  void set_sync_fails(double part) { sync_fails_ = part; }
  // No planned fault is left.
  void heal();
  int judge(DiskOp op, const std::string& path) override;
  bool excludes(const std::string& path) override { return faults_.excludes(path); }
  bool sees_locks(const std::string& path) override { return faults_.sees_locks(path); }

  MachineClock& clock() { return clock_; }
  const std::string& label() const { return setup_.label; }
  const NodeName& node() const { return setup_.node; }
  Disk& disk() { return *disk_; }
  // The highest epoch its agent has obeyed, as its disk says.
  std::uint64_t epoch_seen() const;

 private:
  struct Agent;
  Async<void> live(std::shared_ptr<Agent> agent);
  Async<void> start_again();
  void boot();
  void agent_ended(std::string_view how);
  int fails(int error, const std::string& path);
  void change_disk(std::unique_ptr<Disk> disk);

  Setup setup_;
  Surface surface_;
  Network& network_;
  NodeFaults& faults_;
  SeededRandom random_;
  MachineClock clock_;
  std::unique_ptr<Disk> disk_;
  std::vector<std::unique_ptr<Disk>> former_disks_;  // what has died may still stand in a call to one
  Kernel kernel_;
  Nursery agents_;
  std::shared_ptr<Agent> agent_;
  std::size_t unwinding_ = 0;
  Event unwound_;
  std::size_t disks_ = 0;
  bool wanted_ = false;
  bool disk_full_ = false;
  double sync_fails_ = 0;
  std::optional<std::pair<std::size_t, Death>> dying_;
};

}  // namespace octo::sim
