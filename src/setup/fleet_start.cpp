// SPDX-License-Identifier: MIT
#include "setup/fleet_start.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "async/deadline.hpp"
#include "io/files/files.hpp"
#include "setup/ready.hpp"
#include "setup/shell_word.hpp"

namespace octo::setup {

namespace {

namespace fs = std::filesystem;

constexpr Span kProgramTime = 30s;  // to answer after its start
constexpr Span kNodesTime = 60s;    // for all nodes together; a hundred of them on two cores take seconds
constexpr Span kAskAgain = 50ms;

std::string program(std::string_view name) { return files::join(process::own_folder(), name); }

// The last lines of what a program has said, newest log last.
std::string tail_of(const std::string& log_folder) {
  constexpr std::size_t kBytes = 8 * 1024, kLines = 12;
  std::vector<fs::path> logs;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(log_folder, ignored)) {
    if (entry.is_regular_file(ignored) && entry.file_size(ignored) > 0) logs.push_back(entry.path());
  }
  std::ranges::sort(logs, {}, [&](const fs::path& path) { return fs::last_write_time(path, ignored); });
  if (logs.size() > 2) logs.erase(logs.begin(), logs.end() - 2);
  std::string text;
  for (const fs::path& path : logs) {
    std::ifstream file(path, std::ios::binary);
    const auto size = fs::file_size(path, ignored);
    file.seekg(static_cast<std::streamoff>(size > kBytes ? size - kBytes : 0));
    auto lines = split(trim(std::string(std::istreambuf_iterator<char>(file), {})), '\n');
    if (lines.size() > kLines) lines.erase(lines.begin(), lines.end() - kLines);
    text += fmt::format("\n  {}:", path.string());
    for (const std::string& line : lines) text += "\n    " + line;
  }
  return text.empty() ? fmt::format("\n  nothing was logged in {}", log_folder) : text;
}

class Starter {
 public:
  Starter(const Start& start, FleetRecord& record) : start_(start), record_(record) {}

  Async<Result<void>> run() {
    const Layout& layout = start_.layout;
    OCTO_CO_TRY(spawn("nameserver", "nameserver", layout.nameserver(), layout.nameserver_settings()));
    OCTO_CO_TRY(save_record(layout, record_));
    ready_ = OCTO_CO_TRY(Ready::open(layout, start_.clock, co_await asio::this_coro::executor));
    OCTO_CO_TRY(co_await answers("nameserver", layout.nameserver(), &Ready::ask_nameserver));
    OCTO_CO_TRY(spawn("brain", "brain", layout.brain(), layout.brain_settings()));
    OCTO_CO_TRY(save_record(layout, record_));
    OCTO_CO_TRY(co_await answers("brain", layout.brain(), &Ready::ask_brain));
    for (const NodeName& node : start_.nodes) {
      OCTO_CO_TRY(spawn(node.str(), "tentacle", layout.node(node), layout.node_settings(node)));
    }
    OCTO_CO_TRY(save_record(layout, record_));
    co_return co_await nodes_are_online();
  }

 private:
  Result<void> spawn(const std::string& name, std::string_view kind, const std::string& folder,
                     const std::string& settings) {
    const std::string out = folder + "/log/start.log";
    std::error_code absent;
    fs::remove(out, absent);
    process::Spawn spawn{.program = program(kind), .arguments = {program(kind), "-c", settings}};
    spawn.folder = folder;
    spawn.new_session = true;  // Ctrl-C is ours to handle, and a detached fleet survives its terminal
    spawn.out_file = out;
    if (start_.stay == Stay::foreground) {
      // The program ends with us, however we end: see apps/octopoda.
      spawn.program = fs::read_symlink("/proc/self/exe", absent);
      spawn.arguments.insert(spawn.arguments.begin(),
                             {spawn.program, "--bound-to", fmt::format("{}", ::getpid())});
    }
    const pid_t pid = OCTO_TRY(process::spawn(spawn));
    const auto id = identify(pid);
    if (!id)
      return fail(ErrorCode::unavailable, "{} ended as soon as it was started:{}", name,
                  tail_of(folder + "/log"));
    record_.processes.push_back({name, *id});
    return {};
  }

  Async<Result<void>> answers(const std::string& name, const std::string& folder,
                              Async<Result<void>> (Ready::*ask)()) {
    auto child = OCTO_CO_TRY(process::Process::open(record_.processes.back().id.pid));
    const Instant limit = start_.clock.now() + kProgramTime;
    for (;;) {
      const auto answer = co_await (ready_.get()->*ask)();
      if (answer) co_return Result<void>{};
      const auto ended = co_await with_deadline(start_.clock, kAskAgain, child.wait());
      if (ended) {
        co_return fail(ErrorCode::unavailable, "{} ended with {}:{}", name,
                       describe_status(ended->value_or(0)), tail_of(folder + "/log"));
      }
      if (start_.clock.now() > limit) {
        co_return fail(ErrorCode::timed_out, "{} does not answer within {} ({}):{}", name,
                       print_span(kProgramTime), answer.error().message(), tail_of(folder + "/log"));
      }
    }
  }

  Async<Result<void>> nodes_are_online() {
    const Instant limit = start_.clock.now() + kNodesTime;
    for (;;) {
      const auto online = co_await ready_->fetch_online();
      if (!online && online.error().code() == ErrorCode::unauthenticated) {
        co_return fail(
            ErrorCode::unauthenticated,
            "{}: the password in {} is not the Brain's; change it there, or set the Brain's with: brain "
            "-c {} passwd",
            online.error().message(), start_.layout.octl_settings(),
            shell_word(start_.layout.brain_settings()));
      }
      std::vector<std::string> lacking;
      bool ended = false;
      for (const FleetRecord::Entry& entry : record_.processes) {
        const bool is_node =
            std::ranges::any_of(start_.nodes, [&](const auto& node) { return node.str() == entry.name; });
        if (!is_node || (online && online->contains(entry.name))) continue;
        ended = ended || !alive(entry.id);
        lacking.push_back(entry.name);
      }
      if (online && lacking.empty()) co_return Result<void>{};
      if (ended || start_.clock.now() > limit) co_return not_online(lacking, online);
      co_await start_.clock.sleep(kAskAgain);
    }
  }

  Failure not_online(const std::vector<std::string>& names, const Result<std::set<std::string>>& asked) {
    constexpr std::size_t kTails = 3;  // more say the same
    std::string text = fmt::format("these nodes are not online: {}", join(names, ", "));
    if (!asked) text += fmt::format(" (the Brain answers: {})", asked.error().message());
    for (std::size_t i = 0; i < names.size() && i < kTails; ++i) {
      text += tail_of(start_.layout.node(NodeName(names[i])) + "/log");
    }
    return fail(ErrorCode::unavailable, "{}", text);
  }

  const Start& start_;
  FleetRecord& record_;
  std::unique_ptr<Ready> ready_;
};

}  // namespace

Result<void> check_programs() {
  for (const std::string_view name : {"nameserver", "brain", "tentacle", "runner"}) {
    if (::access(program(name).c_str(), X_OK) == 0) continue;
    return fail(ErrorCode::not_found, "the program {} is missing; octopoda starts the programs beside itself",
                program(name));
  }
  return {};
}

std::string describe_status(int status) {
  if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
  return fmt::format("exit status {}", WEXITSTATUS(status));
}

Async<Result<void>> start_or_interrupt(const Start& start, FleetRecord& record) {
  Event changed(co_await asio::this_coro::executor);
  std::optional<Result<void>> outcome;
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](const Start& what, FleetRecord& into, std::optional<Result<void>>& result,
                     Event& event) -> Async<void> {
      Starter starter(what, into);
      auto ended = co_await starter.run();
      if (!result) result = std::move(ended);
      event.set();
    }(start, record, outcome, changed));
    nursery.spawn([](std::optional<Result<void>>& result, Event& event) -> Async<void> {
      const int number = co_await process::stop_signal();
      if (!result) result = fail(ErrorCode::cancelled, "interrupted by signal {}", number);
      event.set();
    }(outcome, changed));
    while (!outcome) co_await changed.wait();
  });
  co_return std::move(*outcome);
}

}  // namespace octo::setup
