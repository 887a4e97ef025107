// SPDX-License-Identifier: MIT
// What programs do: they write, wait for each other, and end.
#include "command.hpp"

#include <csignal>

#include "base/text.hpp"
#include "handles.hpp"

namespace octo::sim {

std::string print(const Program& program) {
  const auto milliseconds = [](Span span) {
    return std::chrono::floor<std::chrono::milliseconds>(span).count();
  };
  std::string text = fmt::format("sim {} {} {} {}", program.chunks, program.bytes,
                                 milliseconds(program.pause), program.exit_code);
  if (program.stubborn) text += " stubborn";
  if (program.meeting)
    text += fmt::format(" meet {} {} {}", program.meeting->chunk, program.meeting->times,
                        milliseconds(program.meeting->patience));
  if (!program.absent.empty()) text += " absent " + program.absent;
  return text;
}

Program parse_program(std::string_view text) {
  const auto words = split(text, ' ');
  const auto number = [&](std::size_t at) { return parse_number(words.at(at)).value_or(0); };
  const auto count = [&](std::size_t at) { return static_cast<std::uint32_t>(number(at)); };
  Program program{
      count(1), count(2), std::chrono::milliseconds(number(3)), static_cast<int>(number(4)), false, {}, {}};
  for (std::size_t at = 5; at < words.size(); ++at) {
    if (words[at] == "stubborn") program.stubborn = true;
    if (words[at] == "meet")
      program.meeting = {count(at + 1), count(at + 2), std::chrono::milliseconds(number(at + 3))};
    if (words[at] == "absent") program.absent = words.at(at + 1);
  }
  return program;
}

char output_at(const RunId& run, OutputStream stream, std::uint64_t offset) {
  const std::uint64_t salt = static_cast<std::uint8_t>(run.task.str().back()) + run.node.str().size() * 7 +
                             static_cast<std::uint8_t>(run.node.str().back());
  const std::uint64_t mixed = (offset + salt * 131) * 2654435761U + static_cast<std::uint64_t>(stream) * 97;
  return static_cast<char>('a' + (mixed >> 8) % 26);
}

namespace {

constexpr Span kAskAgain = 200ms;

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

// Knocks at the agent's door until it is answered, as octl-sync does; its exit code.
Async<int> meet(Command& command, VirtualClock& clock, Span patience) {
  Process& process = command.process;
  Kernel& kernel = process.kernel;
  Witness::Barrier& barrier = kernel.witness().barriers[{command.run.task, kMeeting}];
  barrier.came.try_emplace(command.run, kernel.now());
  barrier.waits.insert(command.run);
  const Instant until = patience == Span::zero() ? Instant::max() : kernel.now() + patience;
  while (!process.over) {
    Door* const door = kernel.door();
    const auto visit = door == nullptr ? nullptr : door->knock(command.run, kMeeting, process);
    // Without an answer from one agent, the next is asked.
    const Instant again = visit ? until : std::min(until, kernel.now() + kAskAgain);
    while (!process.over && kernel.now() < again && (!visit || (!visit->answer && kernel.door() == door)))
      co_await clock.wait_until(process.changed, again);
    if (visit) visit->leave();
    if (process.over) break;
    const bool over = (visit && visit->answer) || kernel.now() >= until;
    if (over) barrier.waits.erase(command.run);
    if (visit && visit->answer) {
      if (*visit->answer) barrier.passed.try_emplace(command.run, kernel.now());
      else barrier.refused.push_back({command.run, kernel.now(), visit->answer->error().message()});
      co_return *visit->answer ? 0 : 1;
    }
    if (!over) continue;
    barrier.gave_up.try_emplace(command.run, kernel.now());
    co_return 124;
  }
  co_return 1;
}

}  // namespace

Async<void> be_program(Command command, VirtualClock& clock) {
  Process& process = command.process;
  Kernel& kernel = process.kernel;
  const Program& program = command.program;
  auto& starts = kernel.witness_start(command.run);
  const std::size_t mine = starts.size() - 1;  // more may come
  starts[mine].orphaned = process.parent->over;
  process.on_end = [&starts, mine, &kernel] {
    starts[mine].alive = false;
    starts[mine].ended = kernel.now();
  };
  process.on_orphaned = [&starts, mine] { starts[mine].orphaned = true; };
  process.on_signal = [&process, stubborn = program.stubborn](int number) {
    if (number == SIGTERM && !stubborn) process.kernel.end(process, SIGTERM);
  };
  for (std::uint32_t chunk = 0; chunk < program.chunks; ++chunk) {
    const auto& meeting = program.meeting;
    if (meeting && chunk >= meeting->chunk && chunk - meeting->chunk < meeting->times) {
      const int code = co_await meet(command, clock, meeting->patience);
      if (process.over) co_return;
      if (code != 0) co_return kernel.end(process, code << 8);
    }
    const Instant until =
        kernel.now() + std::chrono::duration_cast<Span>(
                           program.pause * (kernel.slow() * kernel.random().between(500ms, 1s) / 1s));
    while (!process.over && kernel.now() < until) co_await clock.wait_until(process.changed, until);
    const bool err = kernel.random().chance(0.2);
    if (process.over || !co_await write(command, clock, err, starts, mine)) co_return;
  }
  kernel.end(process, program.exit_code << 8);
}

}  // namespace octo::sim
