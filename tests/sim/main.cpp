// SPDX-License-Identifier: MIT
// usage: octo_sim [--plant N] [--seed N | [--from N] --seeds N]   one seed with its trace, or so many
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "simulation.hpp"

namespace {

using Seed = unsigned long long;

// The product as it is, or with a planted bug (from 1 on).
octo::sim::Outcome simulate(Seed seed, Seed plant) {
  return plant == 0 ? octo::sim::simulate(seed) : octo::sim::simulate_with_plant(seed, plant - 1);
}

int replay(Seed seed, Seed plant) {
  const auto outcome = simulate(seed, plant);
  std::fputs(outcome.trace.c_str(), stdout);
  for (const std::string& violation : outcome.violations)
    std::printf("seed %llu: %s\n", seed, violation.c_str());
  return outcome.violations.empty() ? 0 : 1;
}

int run_many(Seed from, Seed count, Seed plant) {
  const auto begun = std::chrono::steady_clock::now();
  Seed bad = 0;
  octo::sim::Outcome sum;
  for (Seed seed = from; seed < from + count; ++seed) {
    const auto outcome = simulate(seed, plant);
    sum.tasks += outcome.tasks;
    sum.starts += outcome.starts;
    sum.whole += outcome.whole;
    sum.none += outcome.none;
    sum.part += outcome.part;
    sum.met += outcome.met;
    sum.not_met += outcome.not_met;
    bad += outcome.violations.empty() ? 0 : 1;
    for (const std::string& violation : outcome.violations)
      std::printf("seed %llu: %s\n", seed, violation.c_str());
    std::fflush(stdout);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf(
      "simulation: %llu seeds from %llu, %zu tasks, %zu starts; of groups %zu started as a whole, %zu not, "
      "%zu in "
      "part; %zu runs passed a barrier, %zu came in vain; %llu seeds with violations, %.0f seeds/s\n",
      count, from, sum.tasks, sum.starts, sum.whole, sum.none, sum.part, sum.met, sum.not_met, bad,
      static_cast<double>(count) / took.count());
  return bad == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Seed seed = 0, from = 1, count = 1000, plant = 0;
  for (int word = 1; word < argc; word += 2) {
    Seed* const into = std::strcmp(argv[word], "--seed") == 0    ? &seed
                       : std::strcmp(argv[word], "--from") == 0  ? &from
                       : std::strcmp(argv[word], "--seeds") == 0 ? &count
                       : std::strcmp(argv[word], "--plant") == 0 ? &plant
                                                                 : nullptr;
    if (into == nullptr || word + 1 == argc || plant > octo::sim::count_plants()) {
      std::fprintf(stderr, "usage: octo_sim [--plant N] [--seed N | [--from N] --seeds N]\n");
      return 2;
    }
    *into = std::strtoull(argv[word + 1], nullptr, 10);
  }
  return seed != 0 ? replay(seed, plant) : run_many(from, count, plant);
}
