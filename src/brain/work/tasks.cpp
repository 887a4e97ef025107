// SPDX-License-Identifier: MIT
// A task's life: accepted, driven, cancelled, concluded.
#include <algorithm>

#include "brain/work/engine.hpp"
#include "domain/fold.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {

TaskEvent accepted_event() {
  TaskEvent event;
  event.kind = TaskEvent::Kind::accepted;
  return event;
}

// With a start that is to come the order of each node says how far off that is, see Engine::send.
Deed command_deed(ExecOrder order, Instant start_at) {
  order.delay = {};
  if (order.together) order.together->hold = start_at == Instant{} ? kHold : Span::zero();
  return order;
}

}  // namespace

Async<Result<Engine::Task>> Engine::accept(TaskRecord record, std::vector<RunRow> rows, Stamp stamp) {
  const TaskId id = record.id;
  // The log first: without it nothing that a node reports could be taken.
  OCTO_CO_TRY((co_await ports_.events.open(id)).with("open the task's events"));
  const auto task =
      std::make_shared<LiveTask>(StoredTask{record, rows, false, std::nullopt}, ports_.events, executor_);
  for (auto& [run, live] : task->runs) live.sent = false;
  std::vector<TaskEvent> events = {accepted_event()};
  for (const auto& [run, row] : task->board.runs()) {
    if (row.state == RunState::queued || is_final(row.state)) events.push_back(state_event(row));
  }
  // Written while the task is stored: nobody can read them before that.
  Result<void> told;
  const auto stored = co_await in_nursery([&](Nursery& nursery) -> Async<Result<void>> {
    nursery.spawn([](Story& story, std::vector<TaskEvent> first, Result<void>& into) -> Async<void> {
      into = co_await story.tell(std::move(first));
    }(task->story, std::move(events), told));
    auto accepted = co_await ports_.ledger.accept_task(record, rows, stamp);
    co_await nursery.join();
    co_return accepted;
  });
  if (!stored) {
    // What cannot be removed now is removed at the next start.
    (void)co_await ports_.events.remove(id);
    co_return fail(stored.error().with("store the task"));
  }
  live_[id] = task;
  // The task is stored: it goes on even if its events cannot be shown now.
  if (!told) {
    log::error("events of task {}: {}", id, told.error().message());
  } else {
    for (auto& [run, live] : task->runs) live.end_told = is_final(task->board.find(run)->state);
  }
  co_return task;
}

Async<Result<void>> Engine::run_command(const TaskId& id, CommandRequest request, Stamp stamp) {
  return finish(accept_command(id, std::move(request), std::move(stamp)));
}

Async<Result<void>> Engine::accept_command(TaskId id, CommandRequest request, Stamp stamp) {
  TaskRecord record{
      id,       request.kind, stamp.caller.group, stamp.caller.name, request.title, request.request,
      stamp.at, request.nodes};
  std::vector<RunRow> rows;
  rows.reserve(request.nodes.size());
  for (const NodeName& node : request.nodes) {
    RunRow row;
    row.id = RunId{id, 0, node, 1};
    // With all of them due at once, that is said with the acceptance.
    if (!request.rollout.batch) row.state = due_state(node);
    // Stored with the task, so that a Brain that dies now does not wait for them after all.
    if (request.rollout.on_offline == OfflineRule::skip && absence(node) == NodeState::offline) {
      row.state = row.end.state = RunState::expired;
      row.end.reason = kSkipped;
    }
    rows.push_back(std::move(row));
  }
  // One alone is together with nobody.
  if (request.nodes.size() == 1) request.order.together.reset();
  const bool whole = request.order.together && request.rollout.on_offline == OfflineRule::queue;
  if (whole || request.rollout.on_offline == OfflineRule::fail) OCTO_CO_TRY(check_nodes(request.nodes));
  const Task task = OCTO_CO_TRY(co_await accept(std::move(record), std::move(rows), std::move(stamp)));
  task->delivery = request.deadline;
  task->rollout = request.rollout;
  if (request.delay > Span::zero()) task->start_at = ports_.clock.now() + request.delay;
  if (request.order.together) task->max_skew = request.order.together->max_skew;
  task->deeds.try_emplace(0, command_deed(std::move(request.order), task->start_at));
  nursery_.spawn(drive_command(task));
  co_return Result<void>{};
}

// A task that an earlier Brain left, or that a late report opens again.
Async<Result<Engine::Task>> Engine::revive(StoredTask stored) {
  const TaskId id = stored.record.id;
  auto summary = OCTO_CO_TRY(co_await ports_.events.open(id));
  const auto task = std::make_shared<LiveTask>(std::move(stored), ports_.events, executor_);
  task->resumed = true;
  OCTO_CO_TRY(co_await restore(*task));
  OCTO_CO_TRY(co_await reconcile(*task, std::move(summary)));
  live_[id] = task;
  co_return task;
}

Async<Result<void>> Engine::restore(LiveTask& task) {
  const TaskRecord& record = task.record;
  const auto remaining = [&](Span deadline) {
    // Boot clocks end with the boot; between two lives of the Brain the wall clock is all there is.
    return std::clamp<Span>(deadline - (ports_.clock.wall() - record.accepted), Span::zero(), deadline);
  };
  switch (record.kind) {
    case TaskKind::command:
    case TaskKind::script: {
      const auto start = OCTO_CO_TRY(api::decode_start_task(record.request));
      task.rollout = start.rollout;
      // Of a task in batches the next ones are due later than the acceptance: they get their time anew.
      task.delivery = start.rollout.batch ? delivery_of(start) : remaining(delivery_of(start));
      if (const Span delay = remaining(start.delay.value_or(Span::zero())); delay > Span::zero())
        task.start_at = ports_.clock.now() + delay;
      ExecOrder order = order_of(start);
      task.secrets_lost = !order.secrets.empty();
      order.secrets.clear();  // only their names were stored
      if (record.targets.size() == 1) order.together.reset();
      if (order.together) task.max_skew = order.together->max_skew;
      task.deeds.try_emplace(0, command_deed(std::move(order), task.start_at));
      // Whoever it was tied to had a connection to the Brain before us.
      if (start.tie) task.cancel_requested = true;
      co_return Result<void>{};
    }
    case TaskKind::apply: {
      auto apply = OCTO_CO_TRY(api::decode_apply(record.request));
      const ScenarioName scenario = apply.deployment.name;
      // The nodes that counted when it was accepted; they may have been pruned since.
      Plan plan = OCTO_CO_TRY(co_await plan_of(apply.deployment, apply.target, [&](const NodeName& node) {
        return std::ranges::count(record.targets, node) > 0;
      }));
      task.journey = Journey{std::move(plan), std::move(apply.deployment), scenario,
                             apply.bundle,    std::move(apply.message),    {}};
      co_return Result<void>{};
    }
    case TaskKind::reset: {
      task.journey = journey_of(OCTO_CO_TRY(decode_stored_reset(record.request)));
      co_return Result<void>{};
    }
  }
  co_return fail(ErrorCode::corrupt, "task {} is of a kind that this version does not know", record.id);
}

// The ledger knows ends that the log of events lacks, when a Brain died between the two.
Async<Result<void>> Engine::reconcile(LiveTask& task, EventLog::Summary summary) {
  for (const auto& [id, output] : summary.output) {
    const auto found = task.runs.find(id);
    if (found == task.runs.end()) continue;
    found->second.taken = found->second.durable = output.durable;
    found->second.output_cost = output.bytes;
    task.output_cost += output.bytes;
  }
  task.done_told = summary.done;
  for (const auto& barrier : summary.barriers) task.barriers[barrier].open = true;
  if (summary.done) co_return Result<void>{};  // only the ledger's word is missing
  std::vector<TaskEvent> missing;
  if (summary.last == 0) missing.push_back(accepted_event());
  const std::map<RunId, RunState> told(summary.states.begin(), summary.states.end());
  std::vector<RunId> begun;
  for (const auto& [id, row] : task.board.runs()) {
    const auto found = told.find(id);
    if (!is_final(row.state)) {
      // The ledger does not hold that it runs, and whoever runs is not to be started a second time.
      if (found != told.end() && found->second == RunState::running) begun.push_back(id);
      continue;
    }
    if (found == told.end() || found->second != row.state) missing.push_back(state_event(row));
    task.runs.at(id).end_told = true;  // or it cannot be loaded
  }
  for (const RunId& id : begun) (void)task.board.apply(id, RunState::running, {});
  if (missing.empty()) co_return Result<void>{};
  co_return co_await task.story.tell(std::move(missing));
}

Async<void> Engine::drive_command(Task task) {
  if (task->secrets_lost) co_await reject_without_secrets(task);
  // Those that need no decision any more: all of them, without a batch.
  co_await begin_for_sure(task, task->select([](const RunRow& row, const LiveRun&) {
    return row.state != RunState::accepted && !is_final(row.state);
  }));
  if (task->cancel_requested) co_await cancel_runs(task);
  if (task->max_skew) co_await start_together(task, task->of_step(0));
  while (true) {
    if (!task->cancel_requested) co_await begin_what_may(task);
    if (task->board.finished()) break;
    co_await task->changed.wait();
  }
  co_await conclude(task);
}

// What was sent may have arrived with its secrets: its node knows.
Async<void> Engine::reject_without_secrets(Task task) {
  RunEnd end;
  end.state = RunState::rejected;
  end.reason = kSecretsLost;
  co_await end_runs_for_sure(task, task->select([](const RunRow& row, const LiveRun& run) {
    return !is_final(row.state) && !run.sent;
  }),
                             end);
}

Async<void> Engine::begin_for_sure(Task task, std::vector<RunId> ids) {
  while (!co_await make_due(task, ids)) co_await ports_.clock.sleep(kStorageRetry);
}

Async<void> Engine::begin_what_may(Task task) {
  // All were due with the acceptance and none comes later; to look at each after every word of one of them
  // takes seconds with ten thousand.
  if (!task->rollout.batch && task->rollout.retries == 0) co_return;
  Advance next = advance(task->rollout, task->board);
  if (!next.begin.empty()) co_await begin_for_sure(task, std::move(next.begin));
  if (next.give_up.empty()) co_return;
  co_await say(task, next.why);
  RunEnd end;
  end.state = RunState::cancelled;
  end.reason = next.why;
  end.given_up = true;
  co_await end_runs_for_sure(task, std::move(next.give_up), end);
}

Async<void> Engine::conclude(Task task) {
  const TaskId id = task->record.id;
  while (task->is_ending()) co_await task->changed.wait();  // what was unknown may be replaced just now
  task->concluding = true;
  TaskEvent done;
  done.kind = TaskEvent::Kind::done;
  done.outcome = task->board.outcome();
  while (true) {
    // What the disk had no room for when it happened; and the word before the ledger's, so that a task with
    // an outcome always has its last event.
    std::vector<TaskEvent> last;
    for (const auto& [run, row] : task->board.runs()) {
      if (!task->runs.at(run).end_told) last.push_back(state_event(row));
    }
    last.push_back(done);
    Result<void> written;
    if (!task->done_told) written = co_await task->story.tell(std::move(last), Story::Until::durable);
    task->done_told = task->done_told || written.has_value();
    if (written) written = co_await ports_.ledger.record_runs(id, {}, done.outcome);
    if (written) break;
    log::error("outcome of task {}: {}", id, written.error().message());
    co_await ports_.clock.sleep(kStorageRetry);
  }
  live_.erase(id);
  task->deeds.clear();  // with the secrets in them; whoever still listens keeps the task
  task->changed.set();
  task->story.close();
  ports_.events.close(id);
}

Async<Result<void>> Engine::cancel(const TaskId& id, Stamp stamp) {
  return finish(accept_cancel(id, std::move(stamp)));
}

void Engine::caller_gone(const TaskId& id) {
  const auto found = live_.find(id);
  if (found == live_.end() || found->second->cancel_requested) return;
  const Task task = found->second;
  nursery_.spawn([](Engine& engine, Task of) -> Async<void> {
    const Stamp stamp{{of->record.caller, of->record.group},
                      "task.cancel",
                      "task " + of->record.id.str(),
                      engine.ports_.clock.wall(),
                      std::nullopt};
    // Nobody else will ask for it.
    while (true) {
      const auto asked = co_await engine.accept_cancel(of->record.id, stamp);
      if (asked || asked.error().code() == ErrorCode::conflict) co_return;
      log::error("task {} is tied to a caller that is gone: {}", of->record.id, asked.error().message());
      co_await engine.ports_.clock.sleep(kStorageRetry);
    }
  }(*this, task));
}

Async<Result<void>> Engine::accept_cancel(TaskId id, Stamp stamp) {
  const auto found = live_.find(id);
  if (found == live_.end()) {
    const auto stored = OCTO_CO_TRY(co_await ports_.ledger.find_task(id));
    if (!stored) co_return fail(ErrorCode::not_found, "there is no task {}", id);
    co_return fail(ErrorCode::conflict, "task {} is over: {}", id,
                   name_of(stored->outcome.value_or(TaskState::running)));
  }
  const Task task = found->second;
  OCTO_CO_TRY(co_await ports_.ledger.request_cancel(id, stamp));
  if (!task->cancel_requested) co_await say(task, fmt::format("{} asks to cancel", stamp.caller.name));
  task->cancel_requested = true;
  task->changed.set();
  nursery_.spawn(cancel_runs(task));
  co_return Result<void>{};
}

// What never left is cancelled here; the rest by its nodes, each in its own time.
Async<void> Engine::cancel_runs(Task task) {
  RunEnd end;
  end.state = RunState::cancelled;
  end.reason = "never started";
  co_await end_runs_for_sure(task, task->select([](const RunRow& row, const LiveRun& run) {
    return !is_final(row.state) && !run.sent && !run.delivering;
  }),
                             end);
  for (const RunId& id :
       task->select([](const RunRow& row, const LiveRun&) { return !is_final(row.state); })) {
    nursery_.spawn(cancel_run(task, id));
  }
}

}  // namespace octo::brain
