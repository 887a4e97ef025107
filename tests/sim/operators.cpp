// SPDX-License-Identifier: MIT
// What operators do: they post with a key until they are answered, listen, cancel, and ask again.
#include <algorithm>

#include "api/records.hpp"
#include "async/deadline.hpp"
#include "brain/work/stored_request.hpp"
#include "play.hpp"

namespace octo::sim {

namespace {

constexpr Span kPatience = 40s;  // after the faults are over
const brain::Caller kCaller{"sim", Group("")};

brain::CommandRequest request_of(const World& world, const TaskPlan& plan) {
  api::StartTask start;
  start.text = print(plan.program);
  for (const std::size_t node : plan.nodes) start.nodes.push_back(world.machines[node]->node().str());
  start.background = plan.background;
  start.limit = plan.limit;
  start.deadline = plan.deadline;
  start.tie = plan.tie;
  if (plan.together) {
    start.together = true;
    start.max_skew = plan.together->max_skew;
    if (plan.together->delay > Span::zero()) start.delay = plan.together->delay;
    if (plan.together->skip_offline) start.rollout.on_offline = OfflineRule::skip;
  }
  brain::CommandRequest request;
  request.order = brain::order_of(start);
  for (const std::string& node : start.nodes) request.nodes.emplace_back(node);
  request.deadline = brain::delivery_of(start);
  request.delay = start.delay.value_or(Span::zero());
  request.rollout = start.rollout;
  request.title = start.text;
  request.request = api::encode(start);
  return request;
}

// As brain/doors does with a stream of events that a task is tied to: however it ends, the caller is gone.
Async<void> hold_tied(BrainHost::Life& life, World& world, TaskId id, std::optional<Span> stays) {
  if (!stays) co_return;
  co_await world.clock.sleep(*stays);
  if (life.dead) co_return;
  world.trace.add(fmt::format("who asked for {} leaves", id));
  world.oracle.caller_left(id, world.clock.now());
  life.verbs->caller_gone(id);
}

// As brain/doors does with a POST.
Async<Result<TaskId>> post_in(BrainHost::Life& life, World& world, const TaskPlan& plan) {
  const auto before = OCTO_CO_TRY(co_await life.told_ledger->find_receipt(kCaller, plan.key));
  if (before) co_return TaskId(before->answer);
  // A name that no node has borne is an error of the request.
  const auto nodes = OCTO_CO_TRY(co_await life.verbs->nodes());
  for (const std::size_t node : plan.nodes) {
    const NodeName& name = world.machines[node]->node();
    if (std::ranges::none_of(nodes, [&](const NodeInfo& info) { return info.record.name == name; }))
      co_return fail(ErrorCode::not_found, "there is no node {}", name);
  }
  const TaskId id = life.verbs->make_task_id();
  const brain::Stamp stamp{kCaller, "task.start", "task " + id.str(), world.brain.clock().wall(),
                           brain::Receipt{plan.key, Sha256(), 201, id.str()}};
  world.oracle.made(id, plan, world.clock.now());
  OCTO_CO_TRY(co_await life.verbs->run_command(id, request_of(world, plan), stamp));
  // Who does not get the answer has no connection any more.
  if (plan.tie)
    life.nursery.spawn(hold_tied(life, world, id, plan.answers_lost > 0 ? Span::zero() : plan.leaves_after));
  co_return id;
}

Async<Result<TaskId>> post(World& world, const TaskPlan& plan) {
  co_await world.clock.sleep(world.random.between(100us, 2ms));
  auto answer = co_await world.brain.call<TaskId>(
      [&world, &plan](BrainHost::Life& life) { return post_in(life, world, plan); });
  world.trace.add(fmt::format("{}: {}", plan.key, answer ? answer->str() : answer.error().message()));
  if (answer) world.oracle.acknowledged(*answer, plan);
  co_return answer;
}

bool gives_up(const World& world) { return world.clock.now() > world.plan.healed + kPatience; }

Async<std::optional<TaskId>> post_until_answered(World& world, const TaskPlan& plan) {
  int lost = plan.answers_lost;
  while (!gives_up(world)) {
    const auto answer = co_await post(world, plan);
    if (answer && lost-- <= 0) co_return *answer;
    co_await world.clock.sleep(world.random.between(200ms, 2s));
  }
  co_return std::nullopt;
}

// Where a listener goes on, and after how many power cuts of the Brain it came there.
struct Place {
  std::uint64_t next = 1;
  std::size_t power_cuts = 0;
};

// True once `done` was told, false when nothing follows without it.
Async<Result<bool>> listen_in(BrainHost::Life& life, World& world, const TaskId& id, Place& place) {
  auto& [next, power_cuts] = place;
  const auto listener = OCTO_CO_TRY(co_await life.verbs->listen(id, next));
  while (true) {
    const auto events = OCTO_CO_TRY(co_await listener->next());
    if (life.dead) co_return fail(ErrorCode::unavailable, "connection lost");
    if (events.empty()) co_return false;
    for (const brain::StoredEvent& stored : events) {
      const TaskEvent event = OCTO_CO_TRY(api::decode_task_event(stored.json));
      world.trace.add(fmt::format("{} event {} {} {} {}", id, event.number, octo::name_of(event.kind),
                                  event.run.id.node, octo::name_of(event.run.state)));
      // What was told and not durable is gone, and others have those numbers.
      if (std::exchange(power_cuts, world.brain.power_cuts()) != world.brain.power_cuts())
        next = std::min(next, event.number);
      world.oracle.told(id, next++, event);
      if (event.kind == TaskEvent::Kind::done) co_return true;
    }
  }
}

Async<void> listen(World& world, TaskId id) {
  const std::size_t power_cuts = world.brain.power_cuts();
  Place place{1, power_cuts};
  while (true) {
    const auto over = co_await world.brain.call<bool>(
        [&](BrainHost::Life& life) { return listen_in(life, world, id, place); });
    // After a power cut numbers that a listener has seen may stand for other events: it has to ask for the
    // task.
    if (over && !*over && power_cuts == world.brain.power_cuts())
      world.oracle.fault(fmt::format("task {}: a listener is not told that it is done", id));
    if (over) co_return;
    co_await world.clock.sleep(world.random.between(100ms, 1s));
  }
}

Async<void> cancel(World& world, TaskId id, Span after) {
  co_await world.clock.sleep(after);
  while (!gives_up(world)) {
    const auto answer =
        co_await world.brain.call<bool>([&world, id](BrainHost::Life& life) -> Async<Result<bool>> {
          const brain::Stamp stamp{kCaller, "task.cancel", "task " + id.str(), world.brain.clock().wall(),
                                   std::nullopt};
          OCTO_CO_TRY(co_await life.verbs->cancel(id, stamp));
          co_return true;
        });
    world.trace.add(fmt::format("cancel {}: {}", id, answer ? "accepted" : answer.error().message()));
    if (answer) co_return world.oracle.cancel_acknowledged(id, world.clock.now());
    if (answer.error().code() == ErrorCode::conflict) co_return;
    co_await world.clock.sleep(world.random.between(200ms, 2s));
  }
}

Async<Result<std::optional<brain::StoredTask>>> ask(World& world, TaskId id) {
  const Oracle::Known before = world.oracle.known();
  auto stored = co_await world.brain.call<std::optional<brain::StoredTask>>(
      [id](BrainHost::Life& life) { return life.verbs->find_task(id); });  // it may outlive this call
  if (stored && *stored) world.oracle.answered(before, (*stored)->runs);
  co_return stored;
}

Async<void> look_now_and_then(World& world, TaskId id) {
  while (!world.healed) {
    co_await world.clock.sleep(world.random.between(1s, 15s));
    (void)co_await ask(world, id);
  }
}

// All events there are, as somebody sees them who comes last.
Async<Result<std::vector<TaskEvent>>> read_events(BrainHost::Life& life, World& world, TaskId id, bool over) {
  std::vector<TaskEvent> events;
  const auto listener = OCTO_CO_TRY(co_await life.verbs->listen(id, 1));
  while (true) {
    auto some =
        over ? co_await listener->next() : co_await with_deadline(world.clock, 100ms, listener->next());
    if (!some && some.error().code() == ErrorCode::timed_out) co_return events;
    if (!some) co_return fail(some.error());
    if (some->empty()) co_return events;
    for (const brain::StoredEvent& stored : *some)
      events.push_back(OCTO_CO_TRY(api::decode_task_event(stored.json)));
  }
}

}  // namespace

Async<void> operate(World& world, const TaskPlan& plan, Nursery& nursery) {
  co_await world.clock.sleep_until(plan.at);
  const auto id = co_await post_until_answered(world, plan);
  if (!id) co_return;
  nursery.spawn(listen(world, *id));
  nursery.spawn(look_now_and_then(world, *id));
  if (plan.cancel_after) nursery.spawn(cancel(world, *id, *plan.cancel_after));
  if (!plan.post_again) co_return;
  co_await world.clock.sleep(*plan.post_again);
  (void)co_await post_until_answered(world, plan);
}

Async<void> prune(World& world) {
  const auto pruned =
      co_await world.brain.call<std::size_t>([&](BrainHost::Life& life) -> Async<Result<std::size_t>> {
        const brain::Stamp stamp{kCaller, "node.prune", "*", world.brain.clock().wall(), std::nullopt};
        const auto outcome = OCTO_CO_TRY(co_await life.verbs->prune(
            {}, true, stamp, [](const brain::Verbs::PruneOutcome&) { return std::string(); }));
        co_return outcome.pruned.size();
      });
  world.trace.add(pruned ? fmt::format("{} nodes pruned", *pruned) : pruned.error().message());
}

Async<bool> is_quiet(World& world) {
  for (std::size_t node = 0; node < world.plan.nodes; ++node) {
    if (world.machines[node]->epoch_seen() < world.brain.lives_served()) co_return false;
  }
  for (const auto& [id, task] : world.oracle.tasks()) {
    const auto stored = co_await ask(world, id);
    if (!stored || (*stored && !(*stored)->outcome)) co_return false;
  }
  co_return world.oracle.answered_keys() == world.plan.tasks.size();
}

Async<void> take_stock(World& world) {
  if (world.brain.broken())
    world.oracle.fault("the Brain does not start: " + world.brain.broken()->message());
  for (auto& [id, task] : world.oracle.tasks()) {
    const auto stored = co_await ask(world, id);
    if (!stored) world.oracle.fault(fmt::format("task {}: {}", id, stored.error().message()));
    if (!stored || !*stored) continue;
    task.stored = **stored;
    const TaskId asked = id;
    const bool over = task.stored->outcome.has_value();
    auto events = co_await world.brain.call<std::vector<TaskEvent>>(
        [&](BrainHost::Life& life) { return read_events(life, world, asked, over); });
    if (!events) {
      world.oracle.fault(fmt::format("events of task {}: {}", id, events.error().message()));
      continue;
    }
    std::uint64_t next = 1;
    for (const TaskEvent& event : *events) world.oracle.told(id, next++, event);
    task.events = std::move(*events);
  }
  for (std::size_t node = 0; node < world.plan.nodes; ++node) {
    const std::uint64_t seen = world.machines[node]->epoch_seen();
    if (seen < world.brain.lives_served())
      world.oracle.fault(fmt::format("{} obeys epoch {}, and the Brain was started {} times",
                                     world.machines[node]->label(), seen, world.brain.lives_served()));
  }
}

}  // namespace octo::sim
