// SPDX-License-Identifier: MIT
// Ends of runs: stored, then shown, those of many nodes together. And what else a task's story is told.
#include <algorithm>

#include "brain/work/engine.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

Async<Result<void>> Engine::end_runs(Task task, std::vector<RunId> ids, RunEnd end) {
  // Two ends of one run may come at once; the second finds it done. While one of them is waited for, another
  // may end otherwise.
  while (std::ranges::any_of(ids, [&](const RunId& id) { return task->runs.at(id).ending; }))
    co_await task->changed.wait();
  std::vector<RunRow> rows;
  for (const RunId& id : ids) {
    RunRow row = *task->board.find(id);
    if (!may_follow(row.state, end.state)) continue;
    put_end(row, end.state, end);
    rows.push_back(std::move(row));
  }
  if (rows.empty()) co_return Result<void>{};
  for (const RunRow& row : rows) task->runs.at(row.id).ending = true;
  OCTO_CO_TRY(co_await record_ends(task, rows));
  co_await tell_ends(task, rows);
  co_return Result<void>{};
}

Async<Result<void>> Engine::record_ends(Task task, const std::vector<RunRow>& rows) {
  // Stored with the end they follow from, or a Brain that dies now would take the task for finished.
  std::vector<RunRow> again;
  for (const RunRow& row : rows) {
    const auto next = next_attempt(task->rollout, row.id, row.state);
    if (!next || task->cancel_requested || task->secrets_lost) continue;
    again.emplace_back().id = *next;
    again.back().title = row.title;
  }
  std::vector<RunRow> changed = rows;
  changed.insert(changed.end(), again.begin(), again.end());
  auto stored = co_await ports_.ledger.record_runs(task->record.id, changed, std::nullopt);
  if (stored) {
    for (const RunRow& row : again) {
      task->runs.try_emplace(row.id);
      task->board.add(row);
    }
  }
  for (const RunRow& row : rows) {
    if (stored) {
      (void)task->board.apply(row.id, row.state, row.end);
      if (row.pid) task->board.set_pid(row.id, *row.pid);
      due_[row.id.node].erase(row.id);
      tell_barriers(*task, row.id);
    } else {
      task->runs.at(row.id).ending = false;
    }
  }
  task->changed.set();
  co_return stored;
}

Async<void> Engine::tell_ends(Task task, const std::vector<RunRow>& rows) {
  std::vector<TaskEvent> events;
  for (const RunRow& row : rows) events.push_back(state_event(*task->board.find(row.id)));
  const auto told = co_await task->story.tell(std::move(events));
  if (!told) log::error("events of task {}: {}", task->record.id, told.error().message());
  for (const RunRow& row : rows) {
    LiveRun& run = task->runs.at(row.id);
    run.ending = false;
    run.end_told = run.end_told || told.has_value();
  }
  task->changed.set();
}

// Where many nodes do one thing their ends come together: one transaction for each of ten thousand, and one
// wait for the story, takes seconds.
Async<Result<void>> Engine::end_with_others(Task task, RunRow row) {
  task->runs.at(row.id).ending = true;
  if (!task->next_ends) task->next_ends = std::make_shared<Ends>(executor_);
  const std::shared_ptr<Ends> ends = task->next_ends;
  ends->rows.push_back(std::move(row));
  if (!std::exchange(task->storing_ends, true)) nursery_.spawn(store_ends(task));
  while (!ends->stored) co_await ends->changed.wait();
  co_return *ends->stored;
}

Async<void> Engine::store_ends(Task task) {
  while (const auto ends = std::exchange(task->next_ends, nullptr)) {
    ends->stored = co_await record_ends(task, ends->rows);
    ends->changed.set();
    if (*ends->stored) co_await tell_ends(task, ends->rows);
  }
  task->storing_ends = false;
}

Async<void> Engine::end_runs_for_sure(Task task, std::vector<RunId> ids, RunEnd end) {
  while (true) {
    const auto stored = co_await end_runs(task, ids, end);
    if (stored) co_return;
    log::error("outcome of task {}: {}", task->record.id, stored.error().message());
    co_await ports_.clock.sleep(kStorageRetry);
  }
}

Async<void> Engine::say(Task task, std::string text) {
  TaskEvent event;
  event.kind = TaskEvent::Kind::note;
  event.text = std::move(text);
  const auto told = co_await task->story.tell({std::move(event)});
  if (!told && told.error().code() != ErrorCode::conflict) {
    log::warning("a note of task {} is lost: {}", task->record.id, told.error().message());
  }
}

// What its teller does not wait for.
void Engine::tell_soon(const Task& task, TaskEvent event) {
  task->story.add(std::move(event));
  if (!std::exchange(task->telling, true)) nursery_.spawn(tell_added(task));
}

Async<void> Engine::tell_added(Task task) {
  while (task->story.has_more()) {
    const auto told = co_await task->story.tell({});
    if (told) continue;
    if (told.error().code() != ErrorCode::conflict)
      log::error("events of task {}: {}", task->record.id, told.error().message());
    break;
  }
  task->telling = false;
}

}  // namespace octo::brain
