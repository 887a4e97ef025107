// SPDX-License-Identifier: MIT
// Faults of the world, each begun, and over after a while.
#include <array>
#include <functional>
#include <span>

#include "play.hpp"

namespace octo::sim {

namespace {

using Weather = Network::Weather;

Async<void> bad_weather(World& world, const std::string& machine, Weather weather, Span lasts) {
  world.network.set_weather(machine, weather);
  co_await world.clock.sleep(lasts);
  world.network.set_weather(machine, {});
}

Async<void> cut_all(World& world, Span lasts) {
  for (const auto& machine : world.machines) world.network.set_weather(machine->label(), {false, false, 3ms});
  co_await world.clock.sleep(lasts);
  for (const auto& machine : world.machines) world.network.set_weather(machine->label(), {});
}

Async<void> duplicate(World& world, const FaultPlan& fault) {
  const std::string label = fmt::format("double{}", world.machines.size());
  const NodeName name = world.machines[fault.machine]->node();
  world.machines.push_back(std::make_unique<Machine>(Machine::Setup{label, name}, world.surface,
                                                     world.network, world.witness, world.node_faults,
                                                     SeededRandom(fault.chance)));
  Machine& machine = *world.machines.back();
  // Whoever is taken for the node may change from now on, also when its sessions have ended.
  const Instant now = world.clock.now();
  world.witness.incidents.push_back(
      {Witness::Incident::Kind::link, name.str(), now, now + fault.lasts + limits::offline_after, ""});
  machine.start_agent();
  co_await world.clock.sleep(fault.lasts);
  machine.kill_agent();
}

void step_wall(World& world, MachineClock& clock) {
  // A day off, or right again; never two days, which is as long as the Brain keeps its receipts.
  const bool ahead = (world.plan.healed.time_since_epoch().count() & 1) != 0;
  const Span by = clock.offset() != Span::zero() ? -clock.offset() : ahead ? Span(24h) : Span(-24h);
  clock.step_wall(by);
  if (by < Span::zero() && &clock == &world.brain.clock()) world.oracle.wall_stepped_back();
}

// One of ten, every second, or all. Then whoever reads the log starts the machine anew, or nobody does.
Async<void> failing_syncs(World& world, const FaultPlan& fault, Machine& machine) {
  constexpr std::array kParts = {0.1, 0.5, 1.0};
  machine.set_sync_fails(kParts[fault.chance % kParts.size()]);
  co_await world.clock.sleep(fault.lasts);
  machine.set_sync_fails(0);
  if ((fault.chance / kParts.size() & 1) == 0) co_return;
  machine.power_cut();
  co_await world.clock.sleep(1s);
  machine.start_agent();
}

Async<void> node_trouble(World& world, const FaultPlan& fault) {
  Machine& machine = *world.machines[fault.machine];
  switch (fault.fault) {
    case Fault::slow_node:
      machine.set_slow(5);
      co_await world.clock.sleep(fault.lasts);
      co_return machine.set_slow(1);
    case Fault::stalled_node: co_return machine.stall(fault.lasts);
    case Fault::runner_killed: co_return machine.kill_runner(fault.chance);
    case Fault::agent_killed_at_write: co_return machine.die_after(fault.chance % 20, Death::kill);
    case Fault::node_power_cut_at_write: co_return machine.die_after(fault.chance % 60, Death::power_cut);
    case Fault::agent_killed: machine.kill_agent(); break;
    case Fault::node_power_cut: machine.power_cut(); break;
    case Fault::node_reinstalled: machine.reinstall(); break;
    case Fault::node_disk_full:
      machine.set_disk_full(true);
      co_await world.clock.sleep(fault.lasts);
      co_return machine.set_disk_full(false);
    case Fault::node_sync_fails: co_return co_await failing_syncs(world, fault, machine);
    case Fault::node_clock_step: co_return step_wall(world, machine.clock());
    case Fault::duplicate_node: co_return co_await duplicate(world, fault);
    default: co_return;
  }
  co_await world.clock.sleep(fault.lasts);
  machine.start_agent();
}

Async<void> net_trouble(World& world, const FaultPlan& fault) {
  const std::string machine = world.machines[fault.machine]->label();
  const bool way = (fault.chance & 1) != 0;
  switch (fault.fault) {
    case Fault::delays: {
      const bool long_ones = (fault.chance & 6) == 0;
      co_return co_await bad_weather(world, machine, {true, true, long_ones ? Span(8s) : Span(400ms)},
                                     fault.lasts);
    }
    case Fault::cut: co_return co_await bad_weather(world, machine, {false, false, 3ms}, fault.lasts);
    case Fault::one_way: co_return co_await bad_weather(world, machine, {way, !way, 3ms}, fault.lasts);
    case Fault::cut_all: co_return co_await cut_all(world, fault.lasts);
    case Fault::reset: co_return world.network.break_streams(machine, Network::Told::both);
    case Fault::half_open:
      co_return world.network.break_streams(machine, way ? Network::Told::node : Network::Told::brain);
    default: co_return co_await node_trouble(world, fault);
  }
}

// Another fault in place of this one, so long after that has happened once more.
Async<void> trouble_after(World& world, FaultPlan fault, std::function<std::size_t(const Witness&)> happened,
                          std::span<const Fault> others, Span most) {
  SeededRandom random(fault.chance);
  const std::size_t before = happened(world.witness);
  const Instant until = fault.at + kDecisionWithin;
  while (happened(world.witness) == before && world.clock.now() < until)
    co_await world.clock.wait_until(world.witness.turns, until);
  fault.fault = others[random.below(others.size())];
  fault.at = world.clock.now() + random.between(0ms, random.chance(0.7) ? 10ms : most);
  if (fault.at < until) co_await trouble(world, fault);
}

// What matters to a group happens within milliseconds, which chance alone seldom finds.
Async<void> trouble_at_decision(World& world, const FaultPlan& fault) {
  static constexpr std::array kFaults = {Fault::brain_killed,   Fault::brain_killed, Fault::brain_power_cut,
                                         Fault::agent_killed,   Fault::cut,          Fault::one_way,
                                         Fault::half_open,      Fault::reset,        Fault::runner_killed,
                                         Fault::node_power_cut, Fault::delays,       Fault::node_disk_full,
                                         Fault::node_sync_fails};
  return trouble_after(
      world, fault, [](const Witness& witness) { return witness.decided.size(); }, kFaults, 350ms);
}

Async<void> trouble_at_barrier(World& world, const FaultPlan& fault) {
  static constexpr std::array kFaults = {Fault::brain_killed, Fault::brain_power_cut, Fault::agent_killed,
                                         Fault::cut,          Fault::half_open,       Fault::node_power_cut};
  return trouble_after(world, fault, [](const Witness& witness) { return witness.opened; }, kFaults, 3s);
}

}  // namespace

Async<void> trouble(World& world, const FaultPlan& fault) {
  co_await world.clock.sleep_until(fault.at);
  world.trace.add(
      fmt::format("FAULT {} of pi{} for {}", name_of(fault.fault), fault.machine, print_span(fault.lasts)));
  const std::size_t operations = fault.chance % 200;
  switch (fault.fault) {
    case Fault::brain_clock_step: co_return step_wall(world, world.brain.clock());
    case Fault::brain_killed: co_return world.brain.die(Death::kill);
    case Fault::brain_power_cut: co_return world.brain.die(Death::power_cut);
    case Fault::brain_killed_at_write: co_return world.brain.die_after(operations, Death::kill);
    case Fault::brain_power_cut_at_write: co_return world.brain.die_after(operations, Death::power_cut);
    case Fault::brain_sync_fails: co_return world.brain.fail_next_sync();
    case Fault::brain_disk_full:
      world.brain.set_disk_full(true);
      co_await world.clock.sleep(fault.lasts);
      co_return world.brain.set_disk_full(false);
    case Fault::at_a_decision: co_return co_await trouble_at_decision(world, fault);
    case Fault::at_a_barrier: co_return co_await trouble_at_barrier(world, fault);
    case Fault::nodes_pruned: co_return co_await prune(world);
    default: co_await net_trouble(world, fault);
  }
}

Async<void> supervise_brain(World& world) {
  while (true) {
    co_await world.clock.sleep(100ms);
    if (world.brain.sync_failed()) {
      // Its operator reads the log, and starts the machine anew.
      co_await world.clock.sleep(world.random.between(1s, 20s));
      if (world.brain.sync_failed()) world.brain.die(Death::power_cut);
    }
    if (world.brain.is_up()) continue;
    co_await world.clock.sleep(world.random.chance(0.2) ? world.random.between(5s, 20s)
                                                        : world.random.between(50ms, 2s));
    world.brain.start();
  }
}

Async<void> heal_everything(World& world) {
  world.trace.add("healed");
  world.brain.heal();
  if (world.brain.sync_failed()) world.brain.die(Death::power_cut);
  for (const auto& machine : world.machines) {
    world.network.set_weather(machine->label(), {});
    machine->heal();
    const bool planned = &machine - world.machines.data() < static_cast<std::ptrdiff_t>(world.plan.nodes);
    if (planned) machine->start_agent();
    else machine->kill_agent();
  }
  co_return;
}

}  // namespace octo::sim
