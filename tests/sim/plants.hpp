// SPDX-License-Identifier: MIT
// Bugs, each planted at a seam: what the oracle has to find. The product knows nothing of them.
#pragma once
#include <concepts>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "brain.hpp"
#include "machine.hpp"
#include "simulation.hpp"

namespace octo::sim {

struct Plant {
  std::string_view name;
  std::unique_ptr<BrainFaults> brain;  // fresh for every seed
  std::unique_ptr<NodeFaults> nodes;
};
using MakePlant = Plant (*)();

// In the order of their numbers.
std::span<const MakePlant> brain_plants();
std::span<const MakePlant> node_plants();
std::span<const MakePlant> together_plants();  // of either, where runs start together or wait for each other

// Wrappers live until the world ends: a dead Brain's coroutines may still stand in one.
template <class Wrapper>
class Wrappers {
 public:
  // `to` itself where the wrapper is of another port; with what else it wants.
  template <class Port, class... Tools>
  Port& wrap(Port& to, Tools&... tools) {
    if constexpr (!std::derived_from<Wrapper, Port>) return to;
    else if constexpr (std::constructible_from<Wrapper, Port&, Tools&...>) return add(to, tools...);
    else return add(to);
  }
  template <class... Args>
  Wrapper& add(Args&&... args) {
    return *all_.emplace_back(std::make_unique<Wrapper>(std::forward<Args>(args)...));
  }

 private:
  std::vector<std::unique_ptr<Wrapper>> all_;
};

// A bug that is a wrapper of one port, made anew for every life of the Brain or an agent.
template <class Wrapper>
class AtBrain final : public BrainFaults {
  brain::Ledger& wrap(brain::Ledger& to, Nursery& nursery, Clock& clock) override {
    return made_.wrap(to, nursery, clock);
  }
  brain::EventLog& wrap(brain::EventLog& to) override { return made_.wrap(to); }
  brain::FleetEvents& wrap(brain::FleetEvents& to, Nursery& nursery, Clock& clock) override {
    return made_.wrap(to, nursery, clock);
  }
  brain::Fleet& wrap(brain::Fleet& to) override { return made_.wrap(to); }
  Clock& wrap(Clock& to) override { return made_.wrap(to); }
  Wrappers<Wrapper> made_;
};
template <class Wrapper>
class AtNodes final : public NodeFaults {
  tentacle::Runs& wrap(tentacle::Runs& to, Machine& machine) override { return made_.wrap(to, machine); }
  tentacle::Runners& wrap(tentacle::Runners& to) override { return made_.wrap(to); }
  Wrappers<Wrapper> made_;
};

// The bug is one of these wrappers, or misbehaves by itself.
template <class Bug>
Plant plant(std::string_view name) {
  Plant made{name, std::make_unique<BrainFaults>(), std::make_unique<NodeFaults>()};
  if constexpr (std::derived_from<Bug, BrainFaults>) made.brain = std::make_unique<Bug>();
  else if constexpr (std::derived_from<Bug, NodeFaults>) made.nodes = std::make_unique<Bug>();
  else if constexpr (std::derived_from<Bug, tentacle::Runs> || std::derived_from<Bug, tentacle::Runners>)
    made.nodes = std::make_unique<AtNodes<Bug>>();
  else made.brain = std::make_unique<AtBrain<Bug>>();
  return made;
}

}  // namespace octo::sim
