// SPDX-License-Identifier: MIT
#include "plan.hpp"

#include <algorithm>
#include <array>

namespace octo::sim {

namespace {

constexpr Span kTasksWithin = 60s;
constexpr Span kFaultsWithin = 75s;

constexpr std::array<std::string_view, kFaults> kNames = {"delays",
                                                          "cut",
                                                          "cut all",
                                                          "one way",
                                                          "half-open",
                                                          "reset",
                                                          "slow node",
                                                          "stalled node",
                                                          "agent killed",
                                                          "agent killed at a write",
                                                          "runner killed",
                                                          "node power cut",
                                                          "node power cut at a write",
                                                          "reinstalled",
                                                          "node disk full",
                                                          "node sync fails",
                                                          "duplicate node",
                                                          "node clock step",
                                                          "brain clock step",
                                                          "brain killed",
                                                          "brain power cut",
                                                          "brain killed at a write",
                                                          "brain power cut at a write",
                                                          "brain sync fails",
                                                          "brain disk full",
                                                          "at a decision",
                                                          "at a barrier",
                                                          "nodes pruned"};

TogetherPlan make_together(SeededRandom& random, TaskPlan& task) {
  TogetherPlan together;
  if (random.chance(0.1)) together.max_skew = random.between(20us, 2ms);  // hardly any clock is known so well
  if (random.chance(0.35)) together.delay = random.between(500ms, 12s);
  together.skip_offline = random.chance(0.2);
  if (random.chance(0.05))
    task.program.absent = fmt::format("pi{}", task.nodes[random.below(task.nodes.size())]);
  return together;
}

Program::Meeting make_meeting(SeededRandom& random, const Program& program) {
  Program::Meeting meeting;
  meeting.chunk = static_cast<std::uint32_t>(random.below(std::min<std::size_t>(program.chunks, 5) + 1));
  if (random.chance(0.5)) meeting.times = static_cast<std::uint32_t>(2 + random.below(3));
  if (random.chance(0.4)) meeting.patience = random.between(10ms, 20s);
  return meeting;
}

TaskPlan make_task(SeededRandom& random, std::size_t number, std::size_t nodes) {
  TaskPlan task;
  task.key = fmt::format("key{}", number);
  task.at = Instant(random.between(500ms, kTasksWithin));
  for (std::size_t node = 0; node < nodes; ++node) {
    if (random.chance(0.6)) task.nodes.push_back(node);
  }
  if (task.nodes.empty() || random.chance(0.1)) {
    task.nodes.clear();
    for (std::size_t node = 0; node < nodes; ++node) task.nodes.push_back(node);
  }
  Program& program = task.program;
  program.chunks = static_cast<std::uint32_t>(random.below(9));
  program.bytes = static_cast<std::uint32_t>(10 + random.below(400));
  program.pause = random.between(1ms, 300ms);
  if (random.chance(0.2)) program.exit_code = 3;
  program.stubborn = random.chance(0.1);
  const double length = random.fraction();
  if (length < 0.3) program.pause = random.between(1s, 5s);
  if (length < 0.1) program.chunks = 400;  // longer than the world lasts, unless somebody ends it
  task.limit = random.chance(0.3) ? random.between(200ms, 20s) : Span(1h);
  task.background = random.chance(0.15);
  if (task.background) task.limit = Span::zero();
  task.deadline = random.chance(0.5) ? random.between(2s, 40s) : limits::delivery_deadline;
  if (task.nodes.size() > 1 && random.chance(0.4)) task.together = make_together(random, task);
  if (task.nodes.size() > 1 && random.chance(0.25)) program.meeting = make_meeting(random, program);
  if (random.chance(0.35) || program.chunks == 400) task.cancel_after = random.between(Span::zero(), 15s);
  // Also while they are being got ready, and while they wait.
  if (task.together && task.cancel_after && random.chance(0.5))
    task.cancel_after = random.between(0ms, task.together->delay + 600ms);
  if (random.chance(0.1)) task.answers_lost = 1 + static_cast<int>(random.below(2));
  if (!task.background && random.chance(0.2)) {
    task.tie = true;
    if (random.chance(0.4)) task.leaves_after = random.between(Span::zero(), 15s);
  }
  if (random.chance(0.3)) task.post_again = random.between(1s, 60s);
  return task;
}

FaultPlan make_fault(SeededRandom& random, std::size_t nodes) {
  FaultPlan fault;
  fault.fault = static_cast<Fault>(random.below(kFaults));
  fault.at = Instant(random.between(100ms, kFaultsWithin));
  fault.lasts = random.chance(0.25) ? random.between(20s, 70s) : random.between(10ms, 12s);
  fault.machine = random.below(nodes);
  if (random.chance(0.15)) fault.fault = Fault::at_a_decision;
  if (random.chance(0.05)) fault.fault = Fault::at_a_barrier;
  fault.chance = random.next();
  return fault;
}

// So long that a node is called offline while what it runs is tied to its Brain.
FaultPlan make_silence(SeededRandom& random, TaskPlan& task) {
  task.program.chunks = 400;
  task.program.pause = random.between(1s, 5s);
  task.limit = 1h;
  task.cancel_after.reset();
  task.leaves_after = random.between(20s, 60s);
  return {.fault = random.chance(0.5) ? Fault::cut : Fault::one_way,
          .at = task.at + random.between(200ms, 3s),
          .lasts = random.between(60s, 70s),
          .machine = task.nodes[random.below(task.nodes.size())],
          .chance = random.next()};
}

}  // namespace

std::string_view name_of(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

Plan make_plan(SeededRandom random) {
  Plan plan;
  plan.nodes = 3 + random.below(3);
  for (std::size_t node = 0; node < plan.nodes; ++node)
    plan.first_start.emplace_back(random.chance(0.15) ? random.between(1s, 50s) : Span(1ms));
  const std::size_t tasks = 3 + random.below(6);
  for (std::size_t task = 0; task < tasks; ++task) plan.tasks.push_back(make_task(random, task, plan.nodes));
  const std::size_t faults = 1 + random.below(7);
  for (std::size_t fault = 0; fault < faults; ++fault) plan.faults.push_back(make_fault(random, plan.nodes));
  // Faults come together with what they disturb more often than chance alone would have it.
  for (FaultPlan& fault : plan.faults) {
    if (!random.chance(0.5)) continue;
    const Span after =
        random.chance(0.4) ? Span(15ms) : Span(3s);  // orders, claims, starts; or output and ends
    const TaskPlan& task = plan.tasks[random.below(tasks)];
    fault.at = task.at + random.between(Span::zero(), after);
    // Those that start together are told to within these instants.
    if (task.together && random.chance(0.7))
      fault.at =
          task.at + task.together->delay + random.between(0ms, 700ms) - (task.together->delay > 0s ? 2s : 0s);
  }
  for (TaskPlan& task : plan.tasks) {
    if (task.tie && random.chance(0.04)) plan.faults.push_back(make_silence(random, task));
  }
  plan.healed = Instant(kTasksWithin + 10s);
  for (const FaultPlan& fault : plan.faults) {
    const bool is_late = fault.fault == Fault::at_a_decision || fault.fault == Fault::at_a_barrier;
    const Span waits = is_late ? kDecisionWithin : Span::zero();
    plan.healed = std::max(plan.healed, fault.at + waits + fault.lasts);
  }
  for (const Instant& start : plan.first_start) plan.healed = std::max(plan.healed, start);
  return plan;
}

}  // namespace octo::sim
