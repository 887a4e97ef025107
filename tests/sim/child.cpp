// SPDX-License-Identifier: MIT
// The commands' processes until they are their programs. The runner makes and sees processes by
// runner/child.hpp and runner/tree.hpp alone; what is here takes the place of those two files when the
// simulation is linked.
#include "runner/child.hpp"

#include <csignal>

#include "command.hpp"
#include "handles.hpp"
#include "runner/hold.hpp"
#include "runner/tree.hpp"
#include "tentacle/runs/journal.hpp"

namespace octo::sim {

namespace {

// Of one that starts together: its program is there, and held until its runner lets it go. It dies with its
// runner until then.
struct Held {
  bool missing = false;  // somebody has removed it since it was found
  bool loaded = false;
  bool released = false;
};

Held& held(const Process& process) { return *static_cast<Held*>(process.page.get()); }

bool is_told(const Command& command) { return !command.go->bytes.empty(); }

Async<void> wait_for_word(Command& command) {
  while (!command.process.over && !is_told(command) && command.go->writers > 0)
    co_await command.process.changed.wait();
}

// Says that it is ready, or why it never will be; false: that.
Async<bool> get_ready(Command& command, VirtualClock& clock) {
  Process& process = command.process;
  co_await clock.sleep(process.kernel.latency());
  if (process.over) co_return false;
  const bool lacks = command.run.node.str() == command.program.absent;
  held(process).missing = lacks && process.kernel.random().chance(0.5);
  const bool absent = lacks && !held(process).missing;
  {
    const As as(&process);
    const std::string_view word = absent ? "there is no program sim" : std::string_view("\0", 1);
    (void)write_special(*find_handle(command.ready), word.data(), word.size());
  }
  if (absent) process.kernel.end(process, 0);
  co_return !absent;
}

Async<void> be_held(Command& command, VirtualClock& clock) {
  Process& process = command.process;
  co_await clock.sleep(process.kernel.random().between(20us, 400us));  // exec
  if (process.over) co_return;
  if (held(process).missing) {
    (void)write_pipe(*command.err, "octopoda: sim: No such file or directory\n");
    co_return process.kernel.end(process, 127 << 8);
  }
  {
    const As as(&process);
    close_handle(command.ready);
  }
  held(process).loaded = true;
  process.parent->pending.insert(SIGCHLD);
  process.parent->changed.set();
  while (!process.over && !held(process).released) co_await process.changed.wait();
}

Async<void> live(Command command, VirtualClock& clock) {
  Process& process = command.process;
  const bool together = process.page != nullptr;
  if (together && !co_await get_ready(command, clock)) co_return;
  co_await wait_for_word(command);
  if (process.over) co_return;
  if (!is_told(command)) co_return process.kernel.end(process, 0);
  if (together) co_await be_held(command, clock);
  if (!process.over) co_await be_program(std::move(command), clock);
}

}  // namespace

}  // namespace octo::sim

namespace octo::runner {

using sim::Handle;

Result<Child> make_child(const Intent& intent, const std::string&, const std::vector<MemoryFile>&) {
  sim::Process& runner = *sim::current();
  sim::Process& process = runner.kernel.add(&runner);
  for (const auto& [name, value] : intent.environment)
    process.environment += fmt::format("{}={}{}", name, value, '\0');
  sim::Command command{process,
                       *tentacle::parse_local_name(NodeName(intent.node), intent.run),
                       sim::parse_program(intent.text),
                       std::make_shared<sim::Pipe>(),
                       std::make_shared<sim::Pipe>(),
                       std::make_shared<sim::Pipe>(),
                       -1};
  (void)sim::add_end(&process, Handle::Kind::reads, command.go);
  (void)sim::add_end(&process, Handle::Kind::writes, command.out);
  (void)sim::add_end(&process, Handle::Kind::writes, command.err);
  Child child{.pid = process.pid,
              .go = sim::add_end(&runner, Handle::Kind::writes, command.go),
              .out = sim::add_end(&runner, Handle::Kind::reads, command.out),
              .err = sim::add_end(&runner, Handle::Kind::reads, command.err)};
  if (intent.hold_until != Instant{}) {
    const auto ready = std::make_shared<sim::Pipe>();
    process.page = std::make_shared<sim::Held>();
    process.on_orphaned = [&process] { process.kernel.end(process, SIGKILL); };
    command.ready = sim::add_end(&process, Handle::Kind::writes, ready);
    child.ready = sim::add_end(&runner, Handle::Kind::reads, ready, true);
  }
  runner.kernel.spawn(sim::live(std::move(command), runner.kernel.virtual_clock()));
  return child;
}

Hold::Hold(const Child& child) : child_(child) { privileged_ = traced_ = ::write(child.go, "", 1) == 1; }

Hold::~Hold() {
  if (!released_ && state_ != State::dead) ::kill(child_.pid, SIGKILL);
}

Hold::State Hold::look() {
  const sim::Process* process = sim::current()->kernel.find(child_.pid);
  if (process == nullptr || !traced_) return state_ = State::dead;
  return state_ = sim::held(*process).loaded ? State::held : State::loading;
}

Instant Hold::due(Instant at) const { return at - (privileged_ ? 100us : 500us); }

std::optional<Instant> Hold::release(Instant at, Instant latest) {
  sim::Kernel& kernel = sim::current()->kernel;
  // A machine is busy now and then with something else.
  const Span late = kernel.random().chance(0.1) ? kernel.random().between(0us, sim::kBusyMost)
                                                : kernel.random().between(0us, 20us);
  const Instant until = std::max(kernel.clock().quartz().first(at) + late, kernel.stalled());
  while (kernel.now() < until) kernel.pause(until);
  sim::Process* process = kernel.find(child_.pid);
  const Instant passed = kernel.clock().now();
  if (process == nullptr || passed > latest) return std::nullopt;
  released_ = sim::held(*process).released = true;
  process->on_orphaned = nullptr;
  process->changed.set();
  return passed;
}

namespace {

ProcessFacts facts_of(const sim::Process& process) {
  return {.pid = process.pid,
          .parent = process.parent == nullptr || process.parent->over ? 1 : process.parent->pid,
          .session = process.pid,
          .state = process.over ? 'Z' : 'S',
          .ticks = process.ticks};
}

}  // namespace

std::optional<ProcessFacts> process_facts(pid_t pid) {
  if (const sim::Process* living = sim::current()->kernel.find(pid)) return facts_of(*living);
  for (const sim::Process* child : sim::current()->children) {
    if (child->pid == pid && !child->waited_for) return facts_of(*child);
  }
  return std::nullopt;
}

void each_process(const Found& found) {
  std::vector<ProcessFacts> all;  // whoever is found may be killed, and then the list changes
  for (const sim::Process* process : sim::current()->kernel.living()) all.push_back(facts_of(*process));
  for (const ProcessFacts& facts : all) found(facts);
}

// Commands have no children of their own here.
void each_descendant(pid_t root, const Found& found) {
  each_process([&](const ProcessFacts& facts) {
    if (facts.parent == root) found(facts);
  });
}

void kill_all(const std::function<void(const Found&)>& find) {
  find([](const ProcessFacts& facts) { ::kill(facts.pid, SIGKILL); });
}

void signal_tree(pid_t root, const std::string&, int number) {
  each_descendant(root, [number](const ProcessFacts& facts) { ::kill(facts.pid, number); });
}

bool remove_cgroup(const std::string&) { return true; }

}  // namespace octo::runner
