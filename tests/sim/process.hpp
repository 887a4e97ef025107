// SPDX-License-Identifier: MIT
// The processes of one machine: the agent, runners, commands. Which of them is at work is known at any time
// (current()), so that libc_*.cpp can give each its own time, number, locks and descriptors.
//
// A runner is the real one, on a fiber: where it would block, it pauses. Death takes a process at once,
// inside any call; what its coroutines or its stack still do while they unwind reaches no disk.
#pragma once
#include <sys/types.h>

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "async/nursery.hpp"
#include "command.hpp"
#include "fiber.hpp"

namespace octo::sim {

class Kernel;

struct Process {
  Process(Kernel& on, pid_t number, Process* by, const Executor& executor);
  ~Process();

  Kernel& kernel;
  pid_t pid;
  Process* parent;
  std::vector<Process*> children;
  std::uint64_t ticks;        // when it was started: with the pid one process, whatever follows
  std::string environment;    // as /proc/<pid>/environ has it
  std::optional<int> status;  // as waitpid() says it, once it is over
  bool over = false;
  bool waited_for = false;  // its parent knows that it is over
  std::set<int> pending;    // signals
  Event changed;            // something that it, or somebody because of it, may wait for
  Instant wakes;            // a paused fiber, whatever happens
  std::unique_ptr<Fiber> fiber;
  std::function<void(int signal)> on_signal;  // of one without a fiber
  std::function<void()> on_end;
  std::function<void()> on_orphaned;  // its parent died, or failed
  std::shared_ptr<void> page;         // of memory that it shares with its parent
  std::string run;                    // of a runner: the name of its folder
};

// Where octl-sync of the machine's runs knocks, as long as it has an agent.
class Door {
 public:
  struct Visit {
    Visit(RunId of, std::string at, Process& by, const Executor& executor)
        : run(std::move(of)), name(std::move(at)), visitor(by), changed(executor) {}
    // Hangs up.
    void leave() {
      gone = true;
      changed.set();
    }
    const RunId run;
    const std::string name;
    Process& visitor;  // told by its `changed` that there is an answer
    std::optional<Result<void>> answer;
    bool gone = false;
    Event changed;
  };
  virtual ~Door() = default;
  virtual std::shared_ptr<Visit> knock(RunId run, std::string name, Process& visitor) = 0;
};

// Thrown through a fiber that died.
struct Killed {};

// The process at work; nullptr for the Brain and the world.
Process* current();
class As {
 public:
  explicit As(Process* process);
  ~As();
  As(const As&) = delete;
  As& operator=(const As&) = delete;

 private:
  Process* before_;
};
// Its coroutines run as it.
Executor executor_of(const Executor& loop, Process& process);

class Kernel {
 public:
  Kernel(Surface surface, MachineClock& clock, Witness& witness, std::string label, SeededRandom random);
  ~Kernel();

  Process& add(Process* parent);
  // Runs a program that blocks; its end is the process's exit code.
  void execute(Process& process, std::function<int()> program);
  void spawn(Async<void> what) { nursery_->spawn(std::move(what)); }
  // Its end, as waitpid() will say it: locks, descriptors and fiber are gone when this returns.
  void end(Process& process, int status);
  void signal(Process& process, int number);
  void power_off();
  // The end of the world.
  Async<void> stop();

  Process* find(pid_t pid) const;
  const std::vector<Process*>& living() const { return living_; }
  const std::string& label() const { return label_; }
  std::string boot_id() const;
  MachineClock& clock() { return clock_; }
  VirtualClock& virtual_clock() { return surface_.clock; }
  // The truth; what processes are told is the machine's clock.
  Instant now() const { return surface_.clock.now(); }
  // One more start of the run, now; its own is the last.
  std::vector<Witness::Start>& witness_start(const RunId& run);
  // From inside a fiber: until `when`, or until something has changed; throws Killed once it is dead.
  void pause(Instant when);
  // From inside a fiber: the time that disks take.
  void rest();
  Span latency() { return std::chrono::duration_cast<Span>(random_.between(100us, 2ms) * slow_); }
  void set_slow(double times) { slow_ = times; }
  double slow() const { return slow_; }
  // Until then programs that wait for their instant do not wake.
  Instant stalled() const { return stalled_; }
  void stall(Span span) { stalled_ = now() + span; }
  SeededRandom& random() { return random_; }
  Witness& witness() { return witness_; }
  Door* door() const { return door_; }
  void set_door(Door* door) { door_ = door; }

 private:
  Async<void> drive(Process& process);

  Surface surface_;
  MachineClock& clock_;
  Witness& witness_;
  std::string label_;
  SeededRandom random_;
  std::vector<std::unique_ptr<Process>> all_;  // also dead ones: their coroutines unwind
  std::vector<Process*> living_;
  std::unique_ptr<Nursery> nursery_;
  std::size_t boot_ = 0;
  pid_t pids_ = 100;
  double slow_ = 1;
  Instant stalled_{};
  Door* door_ = nullptr;
};

}  // namespace octo::sim
