// SPDX-License-Identifier: MIT
#include "domain/clock.hpp"

#include <gtest/gtest.h>

#include <random>

namespace octo {
namespace {

// A peer whose clock is `offset` ahead and drifts, behind a path with jitter that need not be symmetric.
struct Path {
  Span offset;
  std::int64_t drift_ppm = 0;
  Span there_min, there_jitter, back_min, back_jitter;
};

std::int64_t peer_clock(const Path& path, Instant at) {
  const std::int64_t ours = at.time_since_epoch().count();
  return ours + path.offset.count() + ours / 1'000'000 * path.drift_ppm;
}

ClockSample sample(const Path& path, Instant at, std::mt19937& random) {
  const auto wait = [&](Span least, Span jitter) {
    return least + Span(std::uniform_int_distribution<std::int64_t>(0, jitter.count())(random));
  };
  ClockSample sample;
  sample.sent = at;
  const Instant there = at + wait(path.there_min, path.there_jitter);
  sample.seen = peer_clock(path, there);
  sample.answered = peer_clock(path, there + 20us);
  sample.received = there + 20us + wait(path.back_min, path.back_jitter);
  return sample;
}

void expect_bound_holds(const Path& path) {
  std::mt19937 random(7);
  ClockEstimator estimator;
  Instant now{std::chrono::hours(1)};
  for (int i = 0; i < 300; ++i) {
    now += 10s;
    ASSERT_TRUE(estimator.add(sample(path, now, random)));
    const Instant later = now + 5s;
    const auto reading = estimator.at(later);
    ASSERT_TRUE(reading);
    const Span truth(peer_clock(path, later) - later.time_since_epoch().count());
    ASSERT_LE(std::chrono::abs(reading->offset - truth), reading->bound) << "sample " << i;
  }
}

TEST(Clock, TheBoundHoldsWithJitter) { expect_bound_holds({5s, 0, 1ms, 2ms, 1ms, 2ms}); }
TEST(Clock, TheBoundHoldsOnAOneSidedPath) { expect_bound_holds({-3s, 0, 100ms, 1ms, 100us, 1ms}); }
TEST(Clock, TheBoundHoldsWithTheWorstDrift) {
  expect_bound_holds({1s, 100, 200us, 300us, 200us, 300us});
  expect_bound_holds({1s, -100, 200us, 300us, 200us, 300us});
}

TEST(Clock, ManySamplesMakeTheBoundTheBestOfThem) {
  std::mt19937 random(1);
  ClockEstimator estimator;
  const Path path{0s, 0, 10us, 2ms, 10us, 2ms};
  Instant now{1h};
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(estimator.add(sample(path, now += 50ms, random)));
  EXPECT_LT(estimator.at(now)->bound, 1ms);
  EXPECT_LT(*estimator.round_trip(), 2ms);
}

TEST(Clock, ASampleThatContradictsItselfIsIgnored) {
  ClockEstimator estimator;
  EXPECT_FALSE(estimator.add({Instant(2s), 0, 0, Instant(1s)}));
  EXPECT_FALSE(estimator.add({Instant(1s), 5, 4, Instant(2s)}));
  EXPECT_FALSE(estimator.add({Instant(1s), 0, Span(2s).count(), Instant(2s)}));
  EXPECT_EQ(estimator.at(Instant(3s)), std::nullopt);
}

}  // namespace
}  // namespace octo
