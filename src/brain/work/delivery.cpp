// SPDX-License-Identifier: MIT
// Runs on their way to nodes, and back from there by cancel, deadline or silence.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "brain/work/engine.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {
constexpr Span kSweepEvery = 1s;      // a deadline is kept to within this
constexpr Span kCancelRetry = 200ms;  // the start may be on the node's doorstep
constexpr int kCancelTries = 50;
constexpr std::size_t kAtOnce = 256;  // orders; then others have their turn of the loop
constexpr Span kOfferWithin = 10s;    // a node offers what it holds as soon as it is there
}  // namespace

RunState Engine::due_state(const NodeName& node) const {
  return is_online(node) ? RunState::delivered : RunState::queued;
}

bool Engine::is_online(const NodeName& node) const {
  return ports_.fleet != nullptr && ports_.fleet->is_online(node);
}

Async<Result<void>> Engine::make_due(Task task, std::vector<RunId> ids) {
  std::vector<RunRow> changed;
  for (const RunId& id : ids) {
    const RunRow& row = *task->board.find(id);
    if (row.state != RunState::accepted || task->runs.at(id).ending) continue;
    changed.push_back(row);
    changed.back().state = due_state(id.node);
  }
  if (!changed.empty()) {
    OCTO_CO_TRY(co_await ports_.ledger.record_runs(task->record.id, changed, std::nullopt));
    std::vector<TaskEvent> events;
    for (const RunRow& row : changed) {
      (void)task->board.apply(row.id, row.state, {});
      if (row.state != RunState::queued) continue;
      events.emplace_back().kind = TaskEvent::Kind::state;
      events.back().run = row;
    }
    if (!events.empty()) OCTO_CO_TRY(co_await task->story.tell(std::move(events)));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const RunId& id = ids[i];
    if (is_final(task->board.find(id)->state)) continue;
    task->runs.at(id).deadline = ports_.clock.now() + task->delivery;
    due_[id.node].insert(id);
    if (is_online(id.node)) deliver(task, id);
    if (i % kAtOnce == kAtOnce - 1) co_await asio::post(asio::use_awaitable);
  }
  due_changed_.set();
  co_return Result<void>{};
}

Async<void> Engine::deliver_due(NodeName node) {
  if (const auto due = due_.find(node); due != due_.end()) {
    for (const RunId& id : due->second) deliver(live_.at(id.task), id);
  }
  co_return;
}

void Engine::deliver(const Task& task, const RunId& id) {
  LiveRun& run = task->runs.at(id);
  const RunRow& row = *task->board.find(id);
  // One whose end is on its way to the ledger would be written over there.
  if (run.delivering || run.ending || is_final(row.state)) return;
  if (row.state == RunState::queued && !task->cancel_requested && run.off.empty()) {
    run.delivering = true;
    nursery_.spawn(deliver_queued(task, id));
  } else {
    send(task, row, run);
  }
}

// Written down first: what a Brain may have sent is never taken for unsent by the next one.
Async<void> Engine::deliver_queued(Task task, RunId id) {
  LiveRun& run = task->runs.at(id);
  const RunRow& known = *task->board.find(id);
  RunRow row = known;
  row.state = RunState::delivered;
  const auto stored = co_await ports_.ledger.record_runs(task->record.id, {std::move(row)}, std::nullopt);
  run.delivering = false;
  if (stored) (void)task->board.apply(id, RunState::delivered, {});
  else log::warning("run {} for {}: {}", local_name(id), id.node, stored.error().message());
  if (stored && !is_final(known.state)) send(task, known, run);
  else take_back(task, id);
}

// An order that is refused ends its run; `unavailable` leaves it due.
void Engine::send(const Task& task, const RunRow& row, LiveRun& run) {
  const RunId& id = row.id;
  if (task->cancel_requested || !run.off.empty()) return take_back(task, id);
  StepDeed& deed = task->deeds.at(id.step);
  const bool begun = row.state >= RunState::armed;
  // A process that has begun its node has for good, and offers by itself. One that it does not offer is asked
  // for, and not started: a disk may have been put back to what it held before. A deed dies with its agent,
  // and is done once however often it is asked for.
  const bool missed = begun && deed.is_process();
  if (missed && !is_overdue(id, run)) return;
  // Past the deadline, or without its secrets, the node may still know it from before; it starts nothing
  // then.
  const Instant now = ports_.clock.now();
  const Span left = task->secrets_lost || missed ? Span::zero() : run.deadline - now;
  StartTimes times{.within = begun && !missed ? limits::delivery_deadline : std::max(Span::zero(), left)};
  if (task->start_at != Instant{}) {
    // Those that start together are told when; until then they are held.
    const Span delay = std::max(task->start_at - now, Span::zero());
    if (task->max_skew) times.hold = delay + kHold;
    else times.delay = delay;
  }
  const auto sent = ports_.fleet->start_run(id, deed.prepared_for(id.node, *ports_.fleet), times);
  if (sent) run.sent = run.sent_now = true;
  else if (missed) log::warning("run {} cannot be asked for: {}", local_name(id), sent.error().message());
  else if (sent.error().code() != ErrorCode::unavailable) {
    run.delivering = true;
    nursery_.spawn(reject(task, id, sent.error()));
  }
}

// Neither offered by now in this session, nor asked for.
bool Engine::is_overdue(const RunId& run, const LiveRun& live) const {
  const auto node = live.sent_now ? std::nullopt : ports_.fleet->find(run.node);
  return node && node->connected >= kOfferWithin;
}

Async<void> Engine::reject(Task task, RunId id, Error why) {
  log::warning("run {} for {}: {}", local_name(id), id.node, why.message());
  RunEnd end;
  end.state = RunState::rejected;
  end.reason = why.message();
  co_await end_runs_for_sure(task, {id}, end);
  task->runs.at(id).delivering = false;
}

// Whoever came to cancel it, or to call it off, left that to the delivery.
void Engine::take_back(const Task& task, const RunId& id) {
  if (task->cancel_requested) nursery_.spawn(cancel_run(task, id));
  else if (!task->runs.at(id).off.empty()) nursery_.spawn(call_off_run(task, id));
}

// Until the node has the cancel; its report of the end comes like any other.
Async<void> Engine::cancel_run(Task task, RunId id) {
  LiveRun& run = task->runs.at(id);
  RunEnd end;
  end.state = RunState::cancelled;
  end.reason = "never started";
  if (task->board.find(id)->state >= RunState::armed) {
    end.state = RunState::interrupted;
    end.reason = kForgotten;
  }
  for (int tries = 0; !is_final(task->board.find(id)->state); ++tries) {
    if (run.delivering) co_return;  // the delivery comes here when it is through
    if (!run.sent) co_return co_await end_runs_for_sure(task, {id}, end);
    if (ports_.fleet == nullptr) co_return;  // still loading: asked once the node is there
    const auto done = co_await ports_.fleet->cancel_run(id);
    if (done) co_return;
    if (done.error().code() != ErrorCode::not_found) co_return;  // asked again when the node is back
    if (!run.sent_now || tries >= kCancelTries) co_return co_await end_runs_for_sure(task, {id}, end);
    co_await ports_.clock.sleep(kCancelRetry);
  }
}

// Deadlines, silence, and what could not be done when it was due.
Async<void> Engine::sweep() {
  while (true) {
    std::erase_if(due_, [](const auto& entry) { return entry.second.empty(); });
    if (due_.empty()) {
      co_await due_changed_.wait();
      continue;
    }
    co_await ports_.clock.sleep(kSweepEvery);
    // Found first: while some are ended others come and go.
    std::vector<RunId> vain;
    for (const auto& [node, runs] : due_) {
      const bool here = is_online(node);
      for (const RunId& id : runs) {
        const auto found = live_.find(id.task);
        if (found == live_.end()) continue;
        if (here && found->second->runs.at(id).sent_now) continue;  // as nearly all of them are
        if (vain_end(*found->second, id)) vain.push_back(id);
        else if (here) deliver(found->second, id);
      }
    }
    for (const RunId& id : vain) {
      const auto found = live_.find(id.task);
      if (found == live_.end()) continue;
      const Task task = found->second;
      const auto end = vain_end(*task, id);
      if (!end) continue;
      if (const auto stored = co_await end_runs(task, {id}, *end); !stored)
        log::error("outcome of run {} on {}: {}", local_name(id), id.node, stored.error().message());
    }
  }
}

std::optional<RunEnd> Engine::vain_end(const LiveTask& task, const RunId& id) const {
  const LiveRun& run = task.runs.at(id);
  if (run.delivering || run.ending || is_final(task.board.find(id)->state)) return std::nullopt;
  const bool here = is_online(id.node);
  const auto known = nodes_.find(id.node);
  RunEnd end;
  if (!here && known == nodes_.end()) {  // by a Brain that died before it came to this
    end.state = run.sent ? RunState::unknown : RunState::expired;
    end.reason = "the node was pruned";
  } else if (!run.sent && run.deadline <= ports_.clock.now()) {
    end.state = RunState::expired;
    end.reason = fmt::format("{} was offline until the delivery deadline", id.node);
  } else if (run.sent && !here && ports_.clock.wall() - known->second.last_heard > limits::run_kept) {
    end.state = RunState::unknown;
    end.reason = fmt::format("{} was not heard of again", id.node);
  } else {
    return std::nullopt;
  }
  return end;
}

}  // namespace octo::brain
