// SPDX-License-Identifier: MIT
#include "tentacle/link/timeliness.hpp"

#include <gtest/gtest.h>

namespace octo::tentacle {
namespace {

constexpr Span kAhead = 100h;  // the Brain's clock
constexpr Span kBound = 150ms;
const Instant kBegun{1h};
const ClockReading kClock{kAhead, kBound};

// Judged so long after the session began and the order was sent, by clocks that know it.
Timeliness judged(Span start_within, Span of_session, Span of_order,
                  std::optional<ClockReading> clock = kClock) {
  const Instant now = kBegun + of_session;
  return judge({{}, start_within, now + kAhead - of_order}, now, kBegun, clock);
}

TEST(TimelinessTest, AnOrderIsNoOlderThanItsSession) {
  EXPECT_EQ(judged(2s, 2s, 1s, std::nullopt), Timeliness::in_time);
  EXPECT_EQ(judged(2s, 2s + 1ns, 1s, std::nullopt), Timeliness::not_known);
  EXPECT_EQ(judged(10min, 30s, 29s, std::nullopt), Timeliness::in_time);
}

TEST(TimelinessTest, ItIsStartedOnlyWhenItIsSureToBeInTime) {
  EXPECT_EQ(judged(2s, 1h, 0s), Timeliness::in_time);
  EXPECT_EQ(judged(2s, 1h, 2s - kBound), Timeliness::in_time);
  EXPECT_EQ(judged(2s, 1h, 2s - kBound + 1ns), Timeliness::late);
  EXPECT_EQ(judged(2s, 1h, 40s), Timeliness::late);
}

TEST(TimelinessTest, PastTheDeadlineNothingStarts) {
  EXPECT_EQ(judged(0s, 0s, 0s), Timeliness::late);
  EXPECT_EQ(judged(0s, 0s, 0s, std::nullopt), Timeliness::late);
}

TEST(TimelinessTest, AnOlderBrainIsTakenAtItsWord) {
  const Instant now = kBegun + 1h;
  EXPECT_EQ(judge({{}, 2s, std::nullopt}, now, kBegun, kClock), Timeliness::in_time);
  EXPECT_EQ(judge({{}, 0s, std::nullopt}, now, kBegun, kClock), Timeliness::late);
}

}  // namespace
}  // namespace octo::tentacle
