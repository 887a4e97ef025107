// SPDX-License-Identifier: MIT
// The commands' processes. The runner makes and sees processes by runner/child.hpp and runner/tree.hpp alone;
// what is here takes the place of those two files when the simulation is linked.
#include "command.hpp"

#include <csignal>

#include "base/text.hpp"
#include "handles.hpp"
#include "runner/child.hpp"
#include "runner/tree.hpp"
#include "tentacle/runs/journal.hpp"

namespace octo::sim {

std::string print(const Program& program) {
  return fmt::format("sim {} {} {} {}{}", program.chunks, program.bytes,
                     std::chrono::floor<std::chrono::milliseconds>(program.pause).count(), program.exit_code,
                     program.stubborn ? " stubborn" : "");
}

Program parse_program(std::string_view text) {
  const auto words = split(text, ' ');
  const auto number = [&](std::size_t at) { return parse_number(words.at(at)).value_or(0); };
  return {static_cast<std::uint32_t>(number(1)), static_cast<std::uint32_t>(number(2)),
          std::chrono::milliseconds(number(3)), static_cast<int>(number(4)), words.size() > 5};
}

char output_at(const RunId& run, OutputStream stream, std::uint64_t offset) {
  const std::uint64_t salt = static_cast<std::uint8_t>(run.task.str().back()) + run.node.str().size() * 7 +
                             static_cast<std::uint8_t>(run.node.str().back());
  const std::uint64_t mixed = (offset + salt * 131) * 2654435761U + static_cast<std::uint64_t>(stream) * 97;
  return static_cast<char>('a' + (mixed >> 8) % 26);
}

namespace {

struct Command {
  Process& process;
  RunId run;
  Program program;
  std::shared_ptr<Pipe> go, out, err;
};

// Writes its bytes; false when it died of it, or before.
Async<bool> write(Command& command, Clock& clock, bool err, std::vector<Witness::Start>& starts,
                  std::size_t mine) {
  Pipe& pipe = err ? *command.err : *command.out;
  const std::uint64_t written = err ? starts[mine].err : starts[mine].out;
  Bytes bytes;
  for (std::uint32_t i = 0; i < command.program.bytes; ++i)
    bytes.push_back(output_at(command.run, err ? OutputStream::err : OutputStream::out, written + i));
  while (!command.process.over) {
    if (pipe.readers == 0) {
      command.process.kernel.end(command.process, SIGPIPE);
      break;
    }
    if (write_pipe(pipe, bytes)) {
      (err ? starts[mine].err : starts[mine].out) += bytes.size();
      co_return true;
    }
    co_await clock.sleep(1ms);  // it is full, and somebody reads it
  }
  co_return false;
}

// Waits to be told, then is the command. Every step may find it dead.
Async<void> live(Command command, VirtualClock& clock) {
  Process& process = command.process;
  Kernel& kernel = process.kernel;
  while (!process.over && command.go->bytes.empty() && command.go->writers > 0)
    co_await process.changed.wait();
  if (process.over) co_return;
  if (command.go->bytes.empty()) co_return kernel.end(process, 0);
  auto& starts = kernel.witness_start(command.run);
  const std::size_t mine = starts.size() - 1;  // more may come
  process.on_end = [&starts, mine, &kernel] {
    starts[mine].alive = false;
    starts[mine].ended = kernel.now();
  };
  process.on_orphaned = [&starts, mine] { starts[mine].orphaned = true; };
  process.on_signal = [&process, stubborn = command.program.stubborn](int number) {
    if (number == SIGTERM && !stubborn) process.kernel.end(process, SIGTERM);
  };
  for (std::uint32_t chunk = 0; chunk < command.program.chunks; ++chunk) {
    const Instant until =
        kernel.now() + std::chrono::duration_cast<Span>(
                           command.program.pause * (kernel.slow() * kernel.random().between(500ms, 1s) / 1s));
    while (!process.over && kernel.now() < until) co_await clock.wait_until(process.changed, until);
    const bool err = kernel.random().chance(0.2);
    if (process.over || !co_await write(command, clock, err, starts, mine)) co_return;
  }
  kernel.end(process, command.program.exit_code << 8);
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
                       std::make_shared<sim::Pipe>()};
  (void)sim::add_end(&process, Handle::Kind::reads, command.go);
  (void)sim::add_end(&process, Handle::Kind::writes, command.out);
  (void)sim::add_end(&process, Handle::Kind::writes, command.err);
  const Child child{.pid = process.pid,
                    .go = sim::add_end(&runner, Handle::Kind::writes, command.go),
                    .out = sim::add_end(&runner, Handle::Kind::reads, command.out),
                    .err = sim::add_end(&runner, Handle::Kind::reads, command.err)};
  runner.kernel.spawn(sim::live(std::move(command), runner.kernel.virtual_clock()));
  return child;
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
