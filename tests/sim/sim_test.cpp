// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "simulation.hpp"

namespace octo::sim {
namespace {

TEST(Simulation, TheSameSeedTwiceGivesByteEqualTraces) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Outcome first = simulate(seed);
    const Outcome second = simulate(seed);
    EXPECT_GT(first.trace.size(), 1000U);
    EXPECT_EQ(first.trace, second.trace);
  }
  EXPECT_NE(simulate(1).trace, simulate(2).trace);
}

TEST(Simulation, ACutLosesNothingAndRunsNothingTwice) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Outcome outcome = simulate(seed);
    EXPECT_EQ(violations(outcome), std::vector<std::string>{}) << "seed " << seed << "\n" << outcome.trace;
    EXPECT_NE(outcome.trace.find("cut "), std::string::npos);
  }
}

}  // namespace
}  // namespace octo::sim
