// SPDX-License-Identifier: MIT
// Bugs, each planted at a seam: what the oracle has to find. The product knows nothing of them.
#pragma once
#include <memory>
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

Plant make_plant(std::size_t which);
// node_plants.cpp: those behind the Brain's.
Plant make_node_plant(std::size_t which);
// together_plants.cpp: those behind these.
Plant make_together_plant(std::size_t which);

// Wrappers live until the world ends: a dead Brain's coroutines may still stand in one.
template <class Wrapper>
class Wrappers {
 public:
  template <class... Args>
  Wrapper& add(Args&&... args) {
    return *all_.emplace_back(std::make_unique<Wrapper>(std::forward<Args>(args)...));
  }

 private:
  std::vector<std::unique_ptr<Wrapper>> all_;
};

}  // namespace octo::sim
