// SPDX-License-Identifier: MIT
#include "simulation.hpp"

#include <boost/asio/co_spawn.hpp>
#include <cstdlib>

#include "base/expects.hpp"
#include "plants.hpp"
#include "play.hpp"

namespace octo::sim {

namespace {

constexpr Span kVirtualDeadline = 1h;
// A node that was away for long pauses up to a minute before it dials again, a half-open link is noticed
// after 45 s, and then the promise gives the product a minute.
constexpr Span kSettle = 60s + 45s + 65s;

Async<void> begin_node(World& world, std::size_t node) {
  co_await world.clock.sleep_until(world.plan.first_start[node]);
  world.machines[node]->start_agent();
}

Async<void> story(World& world) {
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    world.brain.start();
    nursery.spawn(supervise_brain(world));
    for (std::size_t node = 0; node < world.plan.nodes; ++node) nursery.spawn(begin_node(world, node));
    for (const TaskPlan& task : world.plan.tasks) nursery.spawn(operate(world, task, nursery));
    for (const FaultPlan& fault : world.plan.faults) nursery.spawn(trouble(world, fault));
    co_await world.clock.sleep_until(world.plan.healed + 1s);
    co_await heal_everything(world);
    world.healed = true;
    const Instant settled = world.clock.now() + kSettle;
    while (world.clock.now() < settled && !co_await is_quiet(world)) co_await world.clock.sleep(1s);
    co_await world.clock.sleep(2s);
    co_await take_stock(world);
    world.oracle.judge(world.witness);
  });
  for (const auto& machine : world.machines) co_await machine->stop();
  co_await world.brain.stop();
  judge_audit(world);
}

}  // namespace

World::World(std::uint64_t seed, BrainFaults& brain_faults, NodeFaults& node_faults_)
    : random(seed),
      clock(loop.get_executor()),
      trace(clock),
      surface{loop.get_executor(), clock, trace},
      sqlite(random.fork(), clock),
      plan(make_plan(random.fork())),
      witness(loop.get_executor()),
      network(surface, witness, random.fork()),
      node_faults(node_faults_),
      brain(surface, network, witness, brain_faults, random.fork()),
      oracle(trace, brain) {
  for (std::size_t node = 0; node < plan.nodes; ++node) {
    const std::string name = fmt::format("pi{}", node);
    machines.push_back(std::make_unique<Machine>(Machine::Setup{name, NodeName(name)}, surface, network,
                                                 witness, node_faults, random.fork()));
  }
}

Outcome simulate(std::uint64_t seed, BrainFaults& brain, NodeFaults& nodes) {
  World world(seed, brain, nodes);
  bool over = false;
  std::exception_ptr failed;
  asio::co_spawn(world.loop, story(world), [&](std::exception_ptr error) {
    failed = error;
    over = true;
  });
  while (!over) {
    world.loop.restart();
    if (world.loop.poll() > 0) continue;
    if (!world.clock.advance() || world.clock.now().time_since_epoch() > kVirtualDeadline) {
      // Nothing can happen any more, or it takes for ever: a bug of the simulation or of the product.
      std::fputs(world.trace.text().c_str(), stderr);
      std::fprintf(stderr, "seed %llu is stuck\n", static_cast<unsigned long long>(seed));
      std::abort();
    }
  }
  if (failed) std::rethrow_exception(failed);
  Outcome outcome{.trace = world.trace.text(),
                  .violations = world.oracle.faults(),
                  .lasted = world.clock.now().time_since_epoch(),
                  .tasks = world.oracle.tasks().size()};
  for (const auto& [run, starts] : world.witness.starts) outcome.starts += starts.size();
  const auto& groups = world.oracle.groups();
  outcome.whole = groups.whole;
  outcome.none = groups.none;
  outcome.part = groups.part;
  for (const auto& [name, barrier] : world.witness.barriers) {
    outcome.met += barrier.passed.size();
    outcome.not_met += barrier.came.size() - barrier.passed.size();
  }
  return outcome;
}

namespace {

Plant make_plant(std::size_t which) {
  for (const auto& some : {brain_plants(), node_plants(), together_plants()}) {
    if (which < some.size()) return some[which]();
    which -= some.size();
  }
  OCTO_EXPECTS(false);
}

}  // namespace

std::size_t count_plants() { return brain_plants().size() + node_plants().size() + together_plants().size(); }

Outcome simulate_with_plant(std::uint64_t seed, std::size_t plant) {
  const Plant bug = make_plant(plant);
  return simulate(seed, *bug.brain, *bug.nodes);
}

std::string_view name_of_plant(std::size_t plant) { return make_plant(plant).name; }

Outcome simulate(std::uint64_t seed) {
  BrainFaults brain;
  NodeFaults nodes;
  return simulate(seed, brain, nodes);
}

}  // namespace octo::sim
