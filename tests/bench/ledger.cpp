// SPDX-License-Identifier: MIT
// Durable results per second: ends of runs recorded in the real ledger on the disk of the working folder,
// many callers at once as when a fleet reports, beside one caller after another, each with a transaction of
// its own. Prints both as medians of several rounds, and their ratio.
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

Async<void> end_one(brain::Ledger& ledger, TaskId task, RunRow row, std::size_t& failed) {
  row.state = RunState::succeeded;
  row.end.state = RunState::succeeded;
  row.end.exit_code = 0;
  if (!co_await ledger.record_runs(task, {std::move(row)}, std::nullopt)) ++failed;
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
  std::vector<double> together, alone;
  std::size_t failed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const TaskId task = OCTO_CO_TRY(co_await accept(*ledger, 2 * round));
    const auto rows = runs_of(task);
    auto begin = clock.now();
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      for (const auto& row : rows) nursery.spawn(end_one(*ledger, task, row, failed));
      while (nursery.size() > 0) co_await nursery.join();
    });
    together.push_back(static_cast<double>(kNodes) / Seconds(clock.now() - begin).count());
    const TaskId other = OCTO_CO_TRY(co_await accept(*ledger, 2 * round + 1));
    const auto others = runs_of(other);
    begin = clock.now();
    for (std::size_t i = 0; i < kAlone; ++i) co_await end_one(*ledger, other, others[i], failed);
    alone.push_back(static_cast<double>(kAlone) / Seconds(clock.now() - begin).count());
  }
  co_await ledger->close();
  if (failed > 0) co_return fail(ErrorCode::internal, "{} ends were not recorded", failed);
  const double many = median(together), one = median(alone);
  std::printf("%-58s N=%-4d median %8.0f rows/s\n", "one transaction each (baseline)", kRounds, one);
  std::printf("%-58s N=%-4d median %8.0f rows/s  ratio %6.1f\n", "10,000 at once, in groups", kRounds, many,
              many / one);
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
