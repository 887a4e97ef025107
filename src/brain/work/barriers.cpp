// SPDX-License-Identifier: MIT
// Points at which the runs of a step wait for each other (octl-sync; spec/time.md). A barrier opens once, for
// good, and durably: whoever asks again after a restart finds it open. Who waits is asked for anew by its
// node, so of that nothing is kept.
//
// Thousands come one by one, and to look whether all are there is to look at thousands. So those that wait
// gather, one coroutine watches for them, and it looks when that may tell something new. All hear its answer.
#include <algorithm>

#include "async/deadline.hpp"
#include "base/text.hpp"
#include "brain/work/engine.hpp"
#include "domain/limits.hpp"

namespace octo::brain {

namespace {
constexpr Span kLookAgain = 5s;  // a node becomes lost by silence, which nothing announces
constexpr std::size_t kNamed = 5;

// Of its node and step; what the attempts before came to is history.
bool is_latest(const LiveTask& task, const RunId& id) {
  return task.board.find({id.task, id.step, id.node, id.attempt + 1}) == nullptr;
}
}  // namespace

// Waits as long as it lives.
struct Engine::AtBarrier {
  AtBarrier(const Executor& executor, std::shared_ptr<Gathering> at, const RunId& who)
      : gathering(std::move(at)), member(gathering->members.try_emplace(who, executor).first) {
    ++member->second.questions;
    if (gathering->members.size() >= gathering->wanted) gathering->changed.set();
  }
  ~AtBarrier() {
    if (--member->second.questions > 0) return;
    gathering->members.erase(member);
    if (gathering->members.empty()) gathering->changed.set();
  }
  AtBarrier(const AtBarrier&) = delete;

  std::shared_ptr<Gathering> gathering;
  decltype(Gathering::members)::iterator member;
};

Async<Result<void>> Engine::barrier_reached(const RunId& run, const std::string& name) {
  const RunId id = run;
  const BarrierKey key{id.step, name};
  const auto found = live_.find(id.task);
  const Task task = found == live_.end() ? nullptr : found->second;
  const RunRow* row = task ? task->board.find(id) : nullptr;
  if (row == nullptr || is_final(row->state))
    co_return fail(ErrorCode::not_found, "barrier {}: the Brain knows no such run that goes on", key.second);
  if (task->barriers.size() >= kBarriersMax && !task->barriers.contains(key))
    co_return fail(ErrorCode::exhausted, "barrier {}: a task has {} barriers at most", key.second,
                   kBarriersMax);
  Barrier& barrier = task->barriers[key];
  if (barrier.open) co_return Result<void>{};
  if (!barrier.gathering) {
    barrier.gathering = std::make_shared<Gathering>(executor_);
    nursery_.spawn(watch_barrier(task, key, barrier.gathering));
  }
  const AtBarrier waiting(executor_, barrier.gathering, id);
  while (!waiting.gathering->answer) {
    co_await waiting.member->second.changed.wait();
    if (is_final(row->state)) co_return fail(ErrorCode::cancelled, "barrier {}: the run is over", key.second);
  }
  co_return *waiting.gathering->answer;
}

// Until those that have gathered have their answer, or have all gone away. Whoever comes after that gathers
// anew.
Async<void> Engine::watch_barrier(Task task, BarrierKey key, std::shared_ptr<Gathering> gathering) {
  Barrier& barrier = task->barriers.at(key);
  while (!gathering->members.empty()) {
    const auto all = all_have_come(*task, key, barrier);
    if (!all) gathering->answer = fail(all.error());
    else if (*all) gathering->answer = co_await open_barrier(task, barrier, key);
    if (gathering->answer) break;
    co_await wait_until(ports_.clock, gathering->changed, ports_.clock.now() + kLookAgain);
  }
  barrier.gathering.reset();
  for (auto& [id, member] : gathering->members) member.changed.set();
}

// Whether every run of the step waits; an error when one never will.
Result<bool> Engine::all_have_come(const LiveTask& task, const BarrierKey& key, Barrier& barrier) const {
  const auto& [step, name] = key;
  const auto& members = barrier.gathering->members;
  // Of whom it was found before, it mostly holds: not one more look at thousands for each that comes too
  // late.
  std::erase_if(barrier.away, [&](const RunId& id) {
    return members.contains(id) || !is_latest(task, id) || !will_not_come(*task.board.find(id));
  });
  std::size_t wanted = 0, missing = 0;
  if (barrier.away.empty()) {
    const auto& runs = task.board.runs();
    for (auto at = runs.lower_bound({.step = step, .attempt = 0});
         at != runs.end() && at->first.step == step && barrier.away.size() < kNamed; ++at) {
      const auto next = std::next(at);
      if (next != runs.end() && next->first.step == step && next->first.node == at->first.node) continue;
      ++wanted;
      if (members.contains(at->first)) continue;
      ++missing;
      if (will_not_come(at->second)) barrier.away.push_back(at->first);
    }
  }
  std::vector<std::string> ended;
  for (const RunId& id : barrier.away) {
    const RunState state = task.board.find(id)->state;
    if (!is_final(state))
      return fail(ErrorCode::unavailable, "barrier {}: {} is lost, it was not heard of for {}", name, id.node,
                  print_span(limits::offline_after));
    ended.push_back(fmt::format("{} has ended ({})", id.node, name_of(state)));
  }
  if (!ended.empty())
    return fail(ErrorCode::conflict, "barrier {}: {} and will not come", name, join(ended, ", "));
  barrier.gathering->wanted = wanted;
  return missing == 0;
}

bool Engine::will_not_come(const RunRow& row) const { return is_final(row.state) || is_lost(row.id.node); }

// By the clock that nobody sets. What a Brain before us heard says nothing of how long a node is silent.
bool Engine::is_lost(const NodeName& node) const {
  if (is_online(node)) return false;
  const auto left = left_.find(node);
  return ports_.clock.now() - (left == left_.end() ? began_ : left->second) >= limits::offline_after;
}

// Durable before anybody passes: a Brain that dies now must not make half of them wait for ever.
Async<Result<void>> Engine::open_barrier(Task task, Barrier& barrier, BarrierKey key) {
  TaskEvent event;
  event.kind = TaskEvent::Kind::note;
  event.text = fmt::format("barrier {}: all have come", key.second);
  event.barrier = key.second;
  event.step = key.first;
  auto told = co_await task->story.tell({std::move(event)}, Story::Until::durable);
  barrier.open = told.has_value();
  co_return std::move(told).with(fmt::format("open barrier {}", key.second));
}

// A run has ended: it waits nowhere any more, and whoever waits for it waits in vain.
void Engine::tell_barriers(LiveTask& task, const RunId& ended) {
  for (auto at = task.barriers.lower_bound({ended.step, ""});
       at != task.barriers.end() && at->first.first == ended.step; ++at) {
    const auto& gathering = at->second.gathering;
    if (!gathering) continue;
    if (const auto member = gathering->members.find(ended); member != gathering->members.end())
      member->second.changed.set();
    gathering->changed.set();
  }
}

}  // namespace octo::brain
