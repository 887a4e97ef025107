// SPDX-License-Identifier: MIT
// Durable results per second: ends of runs recorded in the real ledger on the disk of the working folder.
// In groups, as brain/work hands over the ends of one task that came while others were on their way
// (ends.cpp); by many callers at once, as ends of many tasks come; and by one caller after another, each with
// a transaction of its own. Medians of several rounds, and their ratios.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "async/workers.hpp"
#include "brain/ledger/ledger.hpp"
#include "daemon/daemon.hpp"

namespace octo {
namespace {

constexpr std::size_t kNodes = 10'000;
constexpr std::size_t kGroup = 100;
constexpr std::size_t kAlone = 500;  // of the baseline
constexpr int kRounds = 5;

using Seconds = std::chrono::duration<double>;

std::vector<RunRow> runs_of(const TaskId& task) {
  std::vector<RunRow> rows(kNodes);
  for (std::size_t i = 0; i < kNodes; ++i) rows[i].id = RunId{task, 0, NodeName(fmt::format("n{}", i)), 1};
  return rows;
}

Async<Result<TaskId>> accept(brain::Ledger& ledger, int round) {
  const TaskId task(fmt::format("01BENCH00000000000000000{:02}", round));
  const TaskRecord record{task, TaskKind::command, Group("bench"), "bench", "true", "{}", WallTime{}, {}};
  const brain::Stamp stamp{
      {"bench", Group("bench")}, "task.start", "task " + task.str(), WallTime{}, std::nullopt};
  OCTO_CO_TRY(co_await ledger.accept_task(record, runs_of(task), stamp));
  co_return task;
}

Async<void> end_runs(brain::Ledger& ledger, TaskId task, std::vector<RunRow> rows, std::size_t& failed) {
  for (RunRow& row : rows) {
    row.state = RunState::succeeded;
    row.end.state = RunState::succeeded;
    row.end.exit_code = 0;
  }
  if (!co_await ledger.record_runs(task, rows, std::nullopt)) ++failed;
}

// The first `count` runs of a task of its own, `group` in one call; rows per second.
Async<Result<double>> measure(brain::Ledger& ledger, Clock& clock, int number, std::size_t count,
                              std::size_t group, bool at_once) {
  const TaskId task = OCTO_CO_TRY(co_await accept(ledger, number));
  const auto rows = runs_of(task);
  std::size_t failed = 0;
  const auto begin = clock.now();
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    for (std::size_t i = 0; i < count; i += group) {
      const auto first = rows.begin() + static_cast<std::ptrdiff_t>(i);
      nursery.spawn(end_runs(ledger, task, {first, first + static_cast<std::ptrdiff_t>(group)}, failed));
      if (!at_once) co_await nursery.join();
    }
    while (nursery.size() > 0) co_await nursery.join();
  });
  if (failed > 0) co_return fail(ErrorCode::internal, "{} ends were not recorded", failed);
  co_return static_cast<double>(count) / Seconds(clock.now() - begin).count();
}

double median(std::vector<double> of) {
  std::ranges::sort(of);
  return of[of.size() / 2];
}

Async<Result<void>> body(Executor executor) {
  const std::string folder = fmt::format("ledger-bench.{}", ::getpid());
  std::filesystem::create_directory(folder);
  struct Gone {
    ~Gone() { std::filesystem::remove_all(folder); }
    const std::string& folder;
  } const gone{folder};
  SystemClock clock(executor);
  ThreadWorkers workers(1);
  auto ledger = OCTO_CO_TRY(brain::SqliteLedger::open(folder, workers, executor));
  std::vector<double> grouped, together, alone;
  for (int round = 0; round < kRounds; ++round) {
    grouped.push_back(OCTO_CO_TRY(co_await measure(*ledger, clock, 3 * round, kNodes, kGroup, true)));
    together.push_back(OCTO_CO_TRY(co_await measure(*ledger, clock, 3 * round + 1, kNodes, 1, true)));
    alone.push_back(OCTO_CO_TRY(co_await measure(*ledger, clock, 3 * round + 2, kAlone, 1, false)));
  }
  co_await ledger->close();
  const double base = median(alone);
  std::printf("%-58s N=%-4d median %8.0f rows/s\n", "one transaction each (baseline)", kRounds, base);
  for (const auto& [what, figures] :
       {std::pair("10,000 callers at once", &together), std::pair("10,000 in groups of 100", &grouped)}) {
    std::printf("%-58s N=%-4d median %8.0f rows/s  ratio %6.1f\n", what, kRounds, median(*figures),
                median(*figures) / base);
  }
  co_return Result<void>{};
}

}  // namespace
}  // namespace octo

int main(int argc, char** argv) {
  return octo::daemon::run({argv, static_cast<std::size_t>(argc)},
                           {"octo_ledger_bench", "",
                            [](const octo::daemon::Arguments&, octo::Executor executor, octo::daemon::Stop&) {
                              return octo::body(executor);
                            }});
}
