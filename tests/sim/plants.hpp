// SPDX-License-Identifier: MIT
// Thirteen bugs, each planted at a seam: what the oracle has to find. The product knows nothing of them.
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

}  // namespace octo::sim
