// SPDX-License-Identifier: MIT
// One run of the simulation: a real Brain and real agents' links and verbs in one process, one command, one
// cut, one seed.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "domain/task.hpp"

namespace octo::sim {

struct Outcome {
  std::string trace;                                        // byte-equal for equal seeds
  std::map<std::string, RunRow> runs;                       // by node, as the Brain tells at the end
  std::map<std::string, std::string> output;                // by node, as listeners saw it
  std::map<std::string, std::vector<std::string>> witness;  // process starts, by node
  bool finished = false;                                    // every run final before the virtual deadline
};

Outcome simulate(std::uint64_t seed);

// What of "nothing lost" does not hold; empty when all does.
std::vector<std::string> violations(const Outcome& outcome);

}  // namespace octo::sim
