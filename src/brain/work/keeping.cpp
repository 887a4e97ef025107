// SPDX-License-Identifier: MIT
// Old tasks and old output go, by age and by size.
#include "brain/work/engine.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {
constexpr Span kHouseEvery = 1h;
constexpr std::size_t kAtOnce = 500;  // tasks of one transaction: nobody waits long behind it
}  // namespace

Async<void> Engine::keep_house(std::vector<TaskId> told) {
  if (const auto dropped = co_await drop_orphans(std::exchange(told, {})); !dropped)
    log::error("events of tasks that are gone are not removed: {}", dropped.error().message());
  while (true) {
    auto kept = co_await forget_old_tasks();
    if (kept) kept = co_await drop_old_output();
    if (!kept) log::error("old tasks are not removed: {}", kept.error().message());
    co_await ports_.clock.sleep(kHouseEvery);
  }
}

// A Brain that died between a row of the ledger and the file of its events leaves the file alone.
Async<Result<void>> Engine::drop_orphans(const std::vector<TaskId>& told) {
  std::size_t count = 0;
  for (const TaskId& task : told) {
    if (live_.contains(task) || OCTO_CO_TRY(co_await ports_.ledger.find_task(task))) continue;
    OCTO_CO_TRY(co_await ports_.events.remove(task));
    ++count;
  }
  if (count > 0) log::info("removed the events of {} tasks that are not in the ledger", count);
  co_return Result<void>{};
}

Async<Result<void>> Engine::forget_old_tasks() {
  if (ports_.keep.age <= Span::zero()) co_return Result<void>{};
  const WallTime before = ports_.clock.wall() - ports_.keep.age;
  const std::string what = fmt::format("tasks before {}", print_wall(before));
  std::size_t count = 0;
  for (bool more = true; more;) {
    const Stamp stamp{{"brain", Group("")}, "task.forget", what, ports_.clock.wall(), std::nullopt};
    const auto gone = OCTO_CO_TRY(co_await ports_.ledger.forget_tasks(before, kAtOnce, stamp));
    for (const TaskId& task : gone) OCTO_CO_TRY(co_await ports_.events.remove(task));
    count += gone.size();
    more = gone.size() == kAtOnce;
  }
  if (count > 0) log::info("removed {} {}", count, what);
  co_return Result<void>{};
}

Async<Result<void>> Engine::drop_old_output() {
  if (ports_.keep.output_bytes == 0) co_return Result<void>{};
  const auto sizes = OCTO_CO_TRY(co_await ports_.events.sizes());
  std::uint64_t total = 0, dropped = 0;
  for (const auto& [task, bytes] : sizes) total += bytes;
  std::size_t count = 0;
  for (const auto& [task, bytes] : sizes) {
    if (total - dropped <= ports_.keep.output_bytes) break;
    if (live_.contains(task)) continue;
    OCTO_CO_TRY(co_await ports_.events.remove(task));
    dropped += bytes;
    ++count;
  }
  if (count > 0) log::info("removed the output of the {} oldest tasks, {} bytes", count, dropped);
  co_return Result<void>{};
}

}  // namespace octo::brain
