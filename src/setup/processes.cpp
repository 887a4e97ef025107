// SPDX-License-Identifier: MIT
#include "setup/processes.hpp"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iterator>

#include "async/deadline.hpp"
#include "base/text.hpp"
#include "io/files/files.hpp"

namespace octo::setup {

namespace {

constexpr Span kDeathTime = 5s;  // after SIGKILL; longer means that it hangs in the kernel

// Nothing of a process that vanishes while it is read.
std::string read_proc(pid_t pid, const char* name) {
  constexpr std::size_t kArgumentsMax = 4 * 1024 * 1024;
  auto bytes = files::load(fmt::format("/proc/{}/{}", pid, name), kArgumentsMax);
  return bytes ? std::move(*bytes) : std::string();
}

struct Held {
  ProcessId id;
  process::Process process;
};

// Held first, identified after: so what we hold is what was meant.
std::optional<Held> hold(const ProcessId& id) {
  auto process = process::Process::open(id.pid);
  if (!process || !alive(id)) return std::nullopt;
  return Held{id, std::move(*process)};
}

Async<Result<void>> all_ended(std::vector<Held>& held) {
  for (Held& one : held) (void)OCTO_CO_TRY(co_await one.process.wait());
  co_return Result<void>{};
}

}  // namespace

std::optional<ProcessId> identify(pid_t pid) {
  constexpr std::size_t kState = 0,
                        kStart = 19;  // proc(5), counted after the name, which may hold spaces and brackets
  const std::string stat = read_proc(pid, "stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const auto fields = split(trim(std::string_view(stat).substr(name_end + 1)), ' ');
  if (fields.size() <= kStart || fields[kState] == "Z" || fields[kState] == "X") return std::nullopt;
  const auto ticks = parse_number(fields[kStart]);
  if (!ticks) return std::nullopt;
  return ProcessId{pid, static_cast<std::uint64_t>(*ticks)};
}

bool alive(const ProcessId& id) { return identify(id.pid) == id; }

std::vector<ProcessFacts> find_processes(const std::function<bool(const std::vector<std::string>& arguments,
                                                                  const std::string& environment)>& wanted) {
  std::vector<ProcessFacts> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto number = parse_number(entry.path().filename().string());
    if (!number || *number == ::getpid()) continue;
    const auto pid = static_cast<pid_t>(*number);
    const auto id = identify(pid);
    if (!id) continue;
    const std::string line = read_proc(pid, "cmdline");
    ProcessFacts facts{*id,
                       split(std::string_view(line).substr(0, line.empty() ? 0 : line.size() - 1), '\0')};
    if (wanted(facts.arguments, '\0' + read_proc(pid, "environ"))) found.push_back(std::move(facts));
  }
  return found;
}

Async<Result<void>> end_processes(const std::vector<ProcessId>& ids, Span patience, Clock& clock) {
  std::vector<Held> held;
  for (const ProcessId& id : ids) {
    if (auto one = hold(id)) held.push_back(std::move(*one));
  }
  for (const auto& [number, time] : {std::pair(SIGTERM, patience), std::pair(SIGKILL, kDeathTime)}) {
    for (Held& one : held) {
      const auto sent = one.process.signal(number);
      if (!sent && sent.error().code() != ErrorCode::not_found) co_return fail(sent.error());
    }
    const auto ended = co_await with_deadline(clock, time, all_ended(held));
    if (ended || ended.error().code() != ErrorCode::timed_out) co_return ended;
  }
  std::string hanging;
  for (const Held& one : held) {
    if (alive(one.id)) hanging += fmt::format(" {}", one.id.pid);
  }
  if (hanging.empty()) co_return Result<void>{};
  co_return fail(ErrorCode::timed_out, "these processes do not end, even when killed:{}", hanging);
}

}  // namespace octo::setup
