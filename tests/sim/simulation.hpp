// SPDX-License-Identifier: MIT
// One run of the simulation: a real Brain and real agents in one process, tasks and faults from one seed, and
// what of "nothing lost" did not hold.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace octo::sim {

class BrainFaults;
class NodeFaults;

struct Outcome {
  std::string trace;                    // byte-equal for equal seeds
  std::vector<std::string> violations;  // empty when all holds
  Span lasted{};                        // virtual
  std::size_t tasks = 0;
  std::size_t starts = 0;
  // Of groups that were to start together, and of runs that waited for each other.
  std::size_t whole = 0, none = 0, part = 0;
  std::size_t met = 0, not_met = 0;
};

// With the planted bug of that number (plants.hpp), below count_plants(), and how it is called.
std::size_t count_plants();
Outcome simulate_with_plant(std::uint64_t seed, std::size_t plant);
std::string_view name_of_plant(std::size_t plant);
// The faults are planted by tests of the oracle; without any, the product is what is tested.
Outcome simulate(std::uint64_t seed, BrainFaults& brain, NodeFaults& nodes);
Outcome simulate(std::uint64_t seed);

}  // namespace octo::sim
