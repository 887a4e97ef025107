// SPDX-License-Identifier: MIT
// Points at which the runs of a step wait for each other (octl-sync; spec/time.md). A barrier opens once, for
// good, and durably: whoever asks again after a restart finds it open. Who waits is asked for anew by its
// node, so of that nothing is kept.
#include <algorithm>

#include "async/deadline.hpp"
#include "base/text.hpp"
#include "brain/work/engine.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {
constexpr Span kLookAgain = 5s;  // a node becomes lost by silence, which nothing announces
constexpr std::size_t kNamed = 5;
}  // namespace

// Counts as waiting as long as it lives.
struct Engine::AtBarrier {
  AtBarrier(Task in, Barrier& at, RunId who) : task(std::move(in)), barrier(at), run(std::move(who)) {
    ++barrier.waiting[run];
    task->changed.set();
  }
  ~AtBarrier() {
    // Its agent may ask anew before the old question is gone.
    if (const auto found = barrier.waiting.find(run); --found->second == 0) barrier.waiting.erase(found);
  }
  AtBarrier(const AtBarrier&) = delete;
  Task task;
  Barrier& barrier;
  RunId run;
};

Async<Result<void>> Engine::barrier_reached(const RunId& run, const std::string& name) {
  const RunId id = run;
  const std::string what = name;
  const auto found = live_.find(id.task);
  const Task task = found == live_.end() ? nullptr : found->second;
  const RunRow* row = task ? task->board.find(id) : nullptr;
  if (row == nullptr || is_final(row->state))
    co_return fail(ErrorCode::not_found, "barrier {}: the Brain knows no such run that goes on", what);
  if (task->barriers.size() >= kBarriersMax && !task->barriers.contains({id.step, what}))
    co_return fail(ErrorCode::exhausted, "barrier {}: a task has {} barriers at most", what, kBarriersMax);
  Barrier& barrier = task->barriers[{id.step, what}];
  const AtBarrier waiting(task, barrier, id);
  while (!barrier.open) {
    const auto missing = OCTO_CO_TRY(missing_at(*task, barrier, id.step, what));
    if (missing == 0 && !barrier.opening) {
      OCTO_CO_TRY(co_await open_barrier(task, barrier, id.step, what));
      continue;
    }
    co_await wait_until(ports_.clock, task->changed, ports_.clock.now() + kLookAgain);
    if (is_final(task->board.find(id)->state))
      co_return fail(ErrorCode::cancelled, "barrier {}: the run is over", what);
  }
  co_return Result<void>{};
}

// How many of the step's runs have not come; an error when one never will.
Result<std::size_t> Engine::missing_at(const LiveTask& task, const Barrier& barrier, std::uint32_t step,
                                       const std::string& name) const {
  std::size_t missing = 0;
  std::vector<std::string> ended;  // one may have been released by the end of another
  for (const RunRow* row : task.board.latest()) {
    if (row->id.step != step || barrier.waiting.contains(row->id)) continue;
    const NodeName& node = row->id.node;
    if (is_final(row->state)) {
      ended.push_back(fmt::format("{} has ended ({})", node, name_of(row->state)));
      if (ended.size() == kNamed) break;
      continue;
    }
    // By the clock that nobody sets. What a Brain before us heard says nothing of how long a node is silent.
    const auto left = left_.find(node);
    const Span silent = ports_.clock.now() - (left == left_.end() ? began_ : left->second);
    if (!is_online(node) && silent >= limits::offline_after) {
      return fail(ErrorCode::unavailable, "barrier {}: {} is lost, it was not heard of for {}", name, node,
                  print_span(limits::offline_after));
    }
    ++missing;
  }
  if (!ended.empty())
    return fail(ErrorCode::conflict, "barrier {}: {} and will not come", name, join(ended, ", "));
  return missing;
}

// Durable before anybody passes: a Brain that dies now must not make half of them wait for ever.
Async<Result<void>> Engine::open_barrier(Task task, Barrier& barrier, std::uint32_t step, std::string name) {
  barrier.opening = true;
  TaskEvent event;
  event.kind = TaskEvent::Kind::note;
  event.text = fmt::format("barrier {}: all have come", name);
  event.barrier = name;
  event.step = step;
  auto told = co_await finish(task->story.tell({std::move(event)}, Story::Until::durable));
  barrier.opening = false;
  barrier.open = told.has_value();
  task->changed.set();
  co_return std::move(told).with(fmt::format("open barrier {}", name));
}

}  // namespace octo::brain
