// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdio>

#include "simulation.hpp"

namespace octo::sim {
namespace {

// The sanitizers look at what each step does, not at how seldom a fault strikes; they are ten times slower.
#if __has_feature(address_sanitizer)
constexpr std::uint64_t kSeeds = 100;
#else
constexpr std::uint64_t kSeeds = 2000;
#endif

TEST(Simulation, TheSameSeedTwiceGivesByteEqualTraces) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome first = simulate(seed);
    EXPECT_GT(first.trace.size(), 1000U);
    EXPECT_EQ(first.trace, simulate(seed).trace);
  }
  EXPECT_NE(simulate(1).trace, simulate(2).trace);
}

TEST(Simulation, NothingIsLostAndNothingRunsTwice) {
  std::size_t starts = 0, whole = 0, met = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome outcome = simulate(seed);
    EXPECT_EQ(outcome.violations, std::vector<std::string>{}) << "replay it with octo_sim --seed " << seed;
    starts += outcome.starts;
    whole += outcome.whole;
    met += outcome.met;
  }
  // A world in which nothing can start breaks no promise either.
  EXPECT_GT(starts, 5 * kSeeds);
  EXPECT_GT(whole, kSeeds / 4);
  EXPECT_GT(met, kSeeds / 4);
}

#if !__has_feature(address_sanitizer)
// A test of the tests: a bug of each kind that the oracle is there for is found. Some strike once in a
// thousand seeds, so only the optimised build looks for them.
TEST(Oracle, FindsEveryPlantedBugWithinTwoThousandSeeds) {
  for (std::size_t plant = 0; plant < count_plants(); ++plant) {
    std::uint64_t seed = 1;
    Outcome outcome = simulate_with_plant(seed, plant);
    while (outcome.violations.empty() && seed < 2000) outcome = simulate_with_plant(++seed, plant);
    ASSERT_FALSE(outcome.violations.empty()) << name_of_plant(plant) << " is not found";
    std::printf("%s: found at seed %llu: %s\n", std::string(name_of_plant(plant)).c_str(),
                static_cast<unsigned long long>(seed), outcome.violations.front().c_str());
  }
}
#endif

}  // namespace
}  // namespace octo::sim
