// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "simulation.hpp"

namespace octo::sim {
namespace {

TEST(Simulation, TheSameSeedTwiceGivesByteEqualTraces) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome first = simulate(seed);
    EXPECT_GT(first.trace.size(), 1000U);
    EXPECT_EQ(first.trace, simulate(seed).trace);
  }
  EXPECT_NE(simulate(1).trace, simulate(2).trace);
}

TEST(Simulation, NothingIsLostAndNothingRunsTwice) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    const Outcome outcome = simulate(seed);
    EXPECT_EQ(outcome.violations, std::vector<std::string>{}) << "replay it with octo_sim --seed " << seed;
  }
}

}  // namespace
}  // namespace octo::sim
