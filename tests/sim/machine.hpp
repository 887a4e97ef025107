// SPDX-License-Identifier: MIT
// A simulated node: its disk, its processes, and an agent (the real link and the real verbs) that may die
// while both go on.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "disk.hpp"
#include "network.hpp"
#include "tentacle/link/link.hpp"

namespace octo::sim {

// "sim CHUNKS BYTES PAUSE_MS EXIT": writes so many bytes that often, then ends.
struct Program {
  std::uint32_t chunks = 1;
  std::uint32_t bytes = 10;
  Span pause = 10ms;
  int exit_code = 0;
};
std::string print(const Program& program);
Program parse_program(std::string_view text);
// A node keeps that much of each stream, its first and its last bytes; what lies between is dropped.
constexpr std::uint64_t kHeadKept = 700;
constexpr std::uint64_t kTailKept = 700;
// What every start of a run writes: known from its name alone.
char output_at(const RunId& run, OutputStream stream, std::uint64_t offset);

// What really happened, by machines that cannot lie: the oracle compares what the Brain says with it.
struct Witness {
  struct Start {
    std::string machine;
    Instant at;
    std::uint64_t out = 0;  // bytes written so far
    std::uint64_t err = 0;
    bool alive = false;
  };
  std::map<RunId, std::vector<Start>> starts;
};

// What the runner and the journal of a node keep of one run.
struct RunRecord {
  Bytes text;
  Span limit{};
  bool synced = false;   // the intent
  bool claimed = false;  // by its runner: it may have started
  std::optional<std::int64_t> pid;
  std::optional<RunEnd> end;
  bool acknowledged = false;
  bool has_runner = false;
  bool cancelled = false;
  std::uint64_t out = 0;  // kept on disk
  std::uint64_t err = 0;
  std::uint64_t out_synced = 0;
  std::uint64_t err_synced = 0;
};

// How a node may be told to misbehave, by tests of the oracle.
class NodeFaults {
 public:
  virtual ~NodeFaults() = default;
  virtual tentacle::Runs& wrap(tentacle::Runs& runs, std::map<RunId, RunRecord>& /*journal*/) { return runs; }
  virtual void agent_starts(std::map<RunId, RunRecord>& /*journal*/) {}
};

class Machine {
 public:
  struct Setup {
    std::string label;     // of the cable, unique in the world
    NodeName node;         // two machines may claim one name
    std::string instance;  // empty: made at its first start, and kept on its disk
  };
  Machine(Setup setup, Surface surface, Network& network, Witness& witness, NodeFaults& faults,
          SeededRandom random);
  ~Machine();

  void start_agent();
  bool agent_runs() const { return agent_ != nullptr; }
  // SIGKILL of the agent: its runners and the disk's cache stay.
  void kill_agent();
  // Everything dies; what the disk had not synced is gone.
  Async<void> power_cut();
  // Another disk, a new machine to everybody but its name.
  Async<void> reinstall();
  // The end of the world.
  Async<void> stop();

  void set_slow(double times) { slow_ = times; }
  void set_disk_full(bool full) { disk_full_ = full; }
  MachineClock& clock() { return clock_; }
  const std::string& label() const { return setup_.label; }
  const NodeName& node() const { return setup_.node; }
  // The highest epoch its agent has obeyed, as its disk says.
  std::uint64_t epoch_seen() const;

 private:
  friend class SimRuns;
  struct Agent;
  Async<void> live(std::shared_ptr<Agent> agent);
  Async<void> run_process(RunId id, std::size_t boot);
  Async<bool> compute(RunId id, std::size_t start, Program program);
  void end(const RunId& id, RunEnd end);
  Event& changed(const RunId& id);
  Span latency() { return std::chrono::duration_cast<Span>(random_.between(100us, 2ms) * slow_); }

  Setup setup_;
  Surface surface_;
  Network& network_;
  Witness& witness_;
  NodeFaults& faults_;
  SeededRandom random_;
  MachineClock clock_;
  std::unique_ptr<Disk> disk_;
  std::map<RunId, RunRecord> journal_;
  std::map<RunId, std::unique_ptr<Event>> changed_;
  std::unique_ptr<Nursery> processes_;
  Nursery agents_;
  std::shared_ptr<Agent> agent_;
  std::size_t boot_ = 0;
  std::size_t disks_ = 0;
  std::int64_t pids_ = 100;
  double slow_ = 1;
  bool disk_full_ = false;
};

}  // namespace octo::sim
