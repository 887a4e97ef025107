// SPDX-License-Identifier: MIT
// What the fleet tells: nodes that come and go, and what becomes of runs. A report is finished even if its
// session ends meanwhile: half a report would be shown and not stored, or the other way round.
#include "brain/work/engine.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {
// A run is armed, starts, and has a pid. A node that tells more than that waits until it is on disk.
constexpr int kProgressAhead = 4;

constexpr std::string_view kOffLost =
    "cancelled on its node, and by no operator; if a Brain before this one called it off, why is lost";

// Why those of its step were called off, by one of them whose disk had room for it.
std::optional<std::string> off_of_others(const TaskBoard& board, const RunId& run) {
  for (const auto& [id, row] : board.runs()) {
    const bool off = row.state == RunState::rejected && row.end.reason.starts_with(kNotStarted);
    if (id.step == run.step && off) return row.end.reason;
  }
  return std::nullopt;
}

// Of one that started it still says what became of its output.
void explain_cancel(std::string off, RunEnd& end) {
  if (end.state != RunState::cancelled) return;
  if (!end.start) {
    end.state = RunState::rejected;
    end.reason = std::move(off);
    return;
  }
  if (off.starts_with(kNotStarted))
    off.replace(0, kNotStarted.size(), "it had started when it was called off: ");
  end.reason = std::move(off) + (end.reason.empty() ? "" : "; ") + end.reason;
}
}  // namespace

Async<Result<void>> Engine::node_joined(const NodeRecord& node) { return finish(take_node(node)); }
Async<Result<FleetEvents::Taken>> Engine::run_offered(const RunId& run) { return take_offer(run); }
Async<Result<void>> Engine::run_progress(const RunId& run, const RunProgress& progress) {
  return take_progress(run, progress);
}
Async<Result<FleetEvents::Taken>> Engine::run_output(const RunId& run, OutputPiece piece) {
  return finish(take_output(run, std::move(piece)));
}
Async<Result<void>> Engine::run_ended(const RunId& run, const RunEnd& end) { return take_end(run, end); }

Async<Result<void>> Engine::run_refused(const RunId& run, const Error& why) {
  RunEnd end;
  end.state = why.code() == ErrorCode::timed_out ? RunState::expired : RunState::rejected;
  end.reason = why.message();
  return finish(take_refusal(run, end));
}

// Unlike an end that the node has journalled, a refusal says nothing about a process that it holds already;
// but what it holds it does not call late. A deed that had begun and was asked for again will not be done:
// how far it got is not known.
Async<Result<void>> Engine::take_refusal(RunId run, RunEnd end) {
  const auto found = live_.find(run.task);
  const Task task = found == live_.end() ? nullptr : found->second;
  const RunRow* row = task ? task->board.find(run) : nullptr;
  if (row != nullptr && (row->state == RunState::running || row->state == RunState::armed)) {
    if (task->deeds.at(run.step).is_process()) {
      if (end.state != RunState::expired) {
        log::warning("{} has run {} and cannot tell of it now: {}", run.node, local_name(run), end.reason);
        co_return Result<void>{};
      }
      // The node may not be the one that has it: a copy of its disk under its name is here, and it comes
      // back.
      end.state = RunState::unknown;
      end.reason = kForgotten;
    } else {
      end.state = RunState::interrupted;
    }
  }
  if (task && task->secrets_lost && end.state == RunState::expired) {
    end.state = RunState::rejected;
    end.reason = kSecretsLost;
  }
  auto taken = co_await take_end(run, std::move(end));
  // The node has nothing to offer again, so the order is sent again: the sweep sees to it.
  if (!taken && row != nullptr) task->runs.at(run).sent_now = false;
  co_return taken;
}

Async<Result<void>> Engine::take_node(NodeRecord node) {
  const auto before = nodes_.find(node.name);
  if (before != nodes_.end()) node.joined = before->second.joined;
  // Or pruned, and then whoever has the name now.
  const bool reinstalled = before == nodes_.end() || before->second.instance != node.instance;
  // This machine knows nothing of what the one before it was told: started there or not, it is not started
  // here. Written down before the machine is, or a Brain that dies in between finds nothing strange in it.
  const auto due = due_.find(node.name);
  const std::set<RunId> runs = due == due_.end() || !reinstalled ? std::set<RunId>() : due->second;
  for (const RunId& id : runs) {
    const Task task = live_.at(id.task);
    if (!task->runs.at(id).sent) continue;
    RunEnd end;
    end.state = RunState::unknown;
    end.reason = fmt::format("{} was reinstalled", node.name);
    OCTO_CO_TRY(co_await end_runs(task, {id}, end));
  }
  OCTO_CO_TRY(co_await ports_.ledger.record_node(node));
  nodes_[node.name] = node;
  co_return Result<void>{};
}

void Engine::node_online(const NodeName& node) {
  left_.erase(node);
  const auto due = due_.find(node);
  if (due == due_.end()) return;
  for (const RunId& id : due->second) {
    const Task task = live_.at(id.task);
    task->runs.at(id).sent_now = false;
  }
  nursery_.spawn(deliver_due(node));  // its session takes orders from the next turn on
}

void Engine::node_offline(const NodeName& node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  found->second.last_heard = ports_.clock.wall();
  left_[node] = ports_.clock.now();
  nursery_.spawn(keep_last_heard(found->second));
  const auto due = due_.find(node);
  if (due == due_.end()) return;
  for (const RunId& id : due->second) {
    const Task task = live_.at(id.task);
    task->runs.at(id).sent_now = false;
    task->changed.set();
    nursery_.spawn(
        say(task, fmt::format("{} is not connected; what it does is reported when it is back", node)));
  }
}

Async<void> Engine::keep_last_heard(NodeRecord node) {
  if (const auto kept = co_await ports_.ledger.record_node(node); !kept) {
    log::warning("when {} was last heard is not kept: {}", node.name, kept.error().message());
  }
}

Async<Result<FleetEvents::Taken>> Engine::take_offer(RunId run) {
  if (const auto found = live_.find(run.task); found != live_.end()) {
    const Task task = found->second;
    if (task->board.find(run) == nullptr)
      co_return fail(ErrorCode::not_found, "task {} has no run {}", run.task, local_name(run));
    // Whoever offers it has it; whether it waits for its time yet, its next word tells.
    const bool may_wait = task->start_at > ports_.clock.now() || task->max_skew.has_value();
    OCTO_CO_TRY(co_await take_progress(run, {.state = may_wait ? RunState::armed : RunState::running}));
    const LiveRun& live = task->runs.at(run);
    co_return Taken{live.durable, flow_of(*task, live)};
  }
  const auto stored = OCTO_CO_TRY(co_await ports_.ledger.find_run(run));
  if (!stored) co_return fail(ErrorCode::not_found, "there is no task {}", run.task);
  // Its output up to the end is here, or was declared lost with it.
  co_return Taken{{stored->end.out_bytes, stored->end.err_bytes, stored->end.note_bytes}};
}

Async<Result<void>> Engine::take_progress(RunId run, RunProgress progress) {
  const auto [state, pid, clock_bound, start] = progress;
  if (state != RunState::armed && state != RunState::running)
    co_return fail(ErrorCode::invalid_argument, "'{}' is no progress of a run", name_of(state));
  const auto found = live_.find(run.task);
  if (found == live_.end()) co_return Result<void>{};
  const Task task = found->second;
  const RunRow* row = task->board.find(run);
  if (row == nullptr || is_final(row->state)) co_return Result<void>{};
  LiveRun& live = task->runs.at(run);
  live.sent = live.sent_now = true;
  if (clock_bound) live.clock_bound = clock_bound;
  // It came back, and does not know yet.
  if (!live.off.empty() && !pid) nursery_.spawn(call_off_run(task, run));
  const bool known = row->state == state || row->state == RunState::running;
  if (known && (!pid || row->pid == pid)) {
    task->changed.set();
    co_return Result<void>{};
  }
  if (!known) OCTO_CO_TRY(task->board.apply(run, state, {}));
  if (pid) task->board.set_pid(run, *pid);
  if (start) task->board.set_start(run, *start);
  TaskEvent event;
  event.kind = TaskEvent::Kind::state;
  event.run = *task->board.find(run);
  task->changed.set();
  if (live.progress_told >= kProgressAhead) co_return co_await finish(task->story.tell({std::move(event)}));
  ++live.progress_told;
  tell_soon(task, std::move(event));
  co_return Result<void>{};
}

Async<Result<FleetEvents::Taken>> Engine::take_output(RunId run, OutputPiece piece) {
  const auto found = live_.find(run.task);
  if (found == live_.end()) {
    if (!OCTO_CO_TRY(co_await ports_.ledger.find_run(run)))
      co_return fail(ErrorCode::not_found, "there is no task {}", run.task);
    Taken gone;  // concluded without it: take_late_end() says so
    gone.durable.of(piece.stream) = piece.offset + piece.bytes.size();
    co_return gone;
  }
  const Task task = found->second;
  if (task->board.find(run) == nullptr)
    co_return fail(ErrorCode::not_found, "task {} has no run {}", run.task, local_name(run));
  LiveRun& live = task->runs.at(run);
  std::uint64_t& taken = live.taken.of(piece.stream);
  const std::uint64_t end = piece.offset + piece.bytes.size();
  if (end <= taken) co_return Taken{live.durable, flow_of(*task, live)};  // a repeat
  if (piece.offset < taken) {
    piece.bytes.erase(0, static_cast<std::size_t>(taken - piece.offset));
    piece.offset = taken;
  }
  taken = end;
  const OutputStream stream = piece.stream;
  if (has_room(live, piece)) {
    const std::uint64_t cost = output_cost(piece);
    live.output_cost += cost;
    task->output_cost += cost;
    TaskEvent event;
    event.kind = TaskEvent::Kind::output;
    event.run.id = run;
    event.run.state = RunState::running;
    event.output = std::move(piece);
    auto told = co_await task->story.tell({std::move(event)}, Story::Until::durable);
    if (!told) {
      live.taken = live.durable;
      live.output_cost -= cost;
      task->output_cost -= cost;
      co_return fail(told.error().with("keep output"));
    }
  }
  live.durable.of(stream) = std::max(live.durable.of(stream), end);
  const OutputFlow flow = flow_of(*task, live);
  if (flow == OutputFlow::at_end && !std::exchange(live.full, true))
    co_await say(task, fmt::format("{} has written more than is stored as it comes: the last of it follows "
                                   "when it has ended",
                                   run.node));
  co_return Taken{live.durable, flow};
}

OutputFlow Engine::flow_of(const LiveTask& task, const LiveRun& run) const {
  const auto is_over = [](std::uint64_t kept, std::uint64_t most) { return most > 0 && kept >= most; };
  const bool full = is_over(run.output_cost, ports_.keep.run_output_bytes) ||
                    is_over(task.output_cost, ports_.keep.output_bytes);
  return full ? OutputFlow::at_end : OutputFlow::live;
}

// A node that goes on telling is an old one, or not to be trusted. One that does not has in its spool, or had
// on the way, less than this for the end.
bool Engine::has_room(const LiveRun& run, const OutputPiece& piece) const {
  constexpr std::uint64_t kAtEndMost = 4 * (limits::output_head_bytes + limits::output_tail_bytes);
  const std::uint64_t most = ports_.keep.run_output_bytes;
  return most == 0 || run.output_cost + output_cost(piece) <= most + kAtEndMost;
}

// A node cancels what is called off when it has started already, and when its disk had no room for the
// reason. Then that reason ends with the Brain that gave it, unless others of the group have it.
void Engine::explain_call_off(const LiveTask& task, const RunId& run, RunEnd& end) {
  if (task.cancel_requested) return;
  if (const std::string& off = task.runs.at(run).off; !off.empty()) return explain_cancel(off, end);
  if (task.resumed && task.max_skew)
    explain_cancel(off_of_others(task.board, run).value_or(std::string(kOffLost)), end);
}

Async<Result<void>> Engine::take_end(RunId run, RunEnd end) {
  if (!is_final(end.state))
    co_return fail(ErrorCode::invalid_argument, "'{}' is no end of a run", name_of(end.state));
  const auto found = live_.find(run.task);
  if (found == live_.end()) co_return co_await take_late_end(run, std::move(end));
  const Task task = found->second;
  const RunRow* row = task->board.find(run);
  if (row == nullptr)
    co_return fail(ErrorCode::not_found, "task {} has no run {}", run.task, local_name(run));
  if (is_final(row->state) && row->state != end.state && row->state != RunState::unknown) {
    log::warning("{} reports run {} as {}; it is {} and stays so", run.node, local_name(run),
                 name_of(end.state), name_of(row->state));
    co_return Result<void>{};
  }
  explain_call_off(*task, run, end);
  while (task->runs.at(run).ending) co_await task->changed.wait();
  if (!task->concluding) {
    if (!may_follow(row->state, end.state)) co_return Result<void>{};  // it was told twice
    RunRow ended = *row;
    put_end(ended, end.state, std::move(end));
    co_return co_await end_with_others(task, std::move(ended));
  }
  while (live_.contains(run.task)) co_await task->changed.wait();
  co_return co_await take_late_end(run, std::move(end));
}

// The task is concluded. Only what was `unknown` may still change, once; the log of events is closed for
// good.
Async<Result<void>> Engine::take_late_end(RunId run, RunEnd end) {
  const auto known = OCTO_CO_TRY(co_await ports_.ledger.find_run(run));
  if (!known) co_return fail(ErrorCode::not_found, "there is no task {}", run.task);
  if (known->state != RunState::unknown || end.state == RunState::unknown) co_return Result<void>{};
  auto stored = OCTO_CO_TRY(co_await ports_.ledger.find_task(run.task));
  if (!stored) co_return fail(ErrorCode::not_found, "there is no task {}", run.task);
  TaskBoard board;
  for (const RunRow& row : stored->runs) board.add(row);
  if (board.find(run) == nullptr || board.find(run)->state != RunState::unknown) co_return Result<void>{};
  if (const auto off = off_of_others(board, run); off && !stored->cancel_requested) explain_cancel(*off, end);
  end.reason += end.reason.empty() ? "told after the task was over, its output is not kept"
                                   : "; told after the task was over, its output is not kept";
  OCTO_CO_TRY(board.apply(run, end.state, end));
  co_return co_await ports_.ledger.record_runs(run.task, {*board.find(run)}, board.outcome());
}

}  // namespace octo::brain
