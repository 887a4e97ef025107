// SPDX-License-Identifier: MIT
// usage: octo_sim [--seed N | --seeds N]   one seed with its trace, or the seeds 1…N
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "simulation.hpp"

int main(int argc, char** argv) {
  const bool one = argc == 3 && std::strcmp(argv[1], "--seed") == 0;
  const bool many = argc == 3 && std::strcmp(argv[1], "--seeds") == 0;
  if (argc != 1 && !one && !many) {
    std::fprintf(stderr, "usage: octo_sim [--seed N | --seeds N]\n");
    return 2;
  }
  const std::uint64_t last = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 1000;
  int bad = 0;
  for (std::uint64_t seed = one ? last : 1; seed <= last; ++seed) {
    const auto outcome = octo::sim::simulate(seed);
    if (one) std::fputs(outcome.trace.c_str(), stdout);
    for (const std::string& violation : octo::sim::violations(outcome)) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), violation.c_str());
      ++bad;
    }
  }
  std::printf("simulation: seeds up to %llu, %d violations\n", static_cast<unsigned long long>(last), bad);
  return bad == 0 ? 0 : 1;
}
