// SPDX-License-Identifier: MIT
#include "domain/rollout.hpp"

#include <gtest/gtest.h>

namespace octo {
namespace {

RunId id_of(int node, std::uint32_t attempt = 1) {
  return {TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 0, NodeName(fmt::format("n{:02}", node)), attempt};
}
TaskBoard board_of(const std::vector<RunState>& states) {
  TaskBoard board;
  for (std::size_t i = 0; i < states.size(); ++i) {
    RunRow row;
    row.id = id_of(static_cast<int>(i));
    row.state = states[i];
    board.add(std::move(row));
  }
  return board;
}
using enum RunState;

TEST(Rollout, WithoutABatchAllBeginAtOnce) {
  EXPECT_EQ(advance({}, board_of({accepted, accepted, accepted})).begin.size(), 3U);
  EXPECT_TRUE(advance({}, board_of({running, succeeded})).begin.empty());
}

TEST(Rollout, ABatchIsFilledUpAsRunsEnd) {
  const Rollout rollout{.batch = Share{2, false}};
  EXPECT_EQ(advance(rollout, board_of({accepted, accepted, accepted})).begin,
            (std::vector{id_of(0), id_of(1)}));
  EXPECT_EQ(advance(rollout, board_of({succeeded, running, accepted, accepted})).begin,
            std::vector{id_of(2)});
  EXPECT_TRUE(advance(rollout, board_of({queued, running, accepted})).begin.empty());
}

TEST(Rollout, APartIsRoundedDownAndOneNodeAtLeastGoesOn) {
  EXPECT_EQ((Share{50, true}.of(5)), 2U);
  EXPECT_EQ(advance({.batch = Share{1, true}}, board_of({accepted, accepted})).begin.size(), 1U);
  EXPECT_EQ(advance({.batch = Share{0, false}}, board_of({accepted, accepted})).begin.size(), 1U);
}

TEST(Rollout, WithMoreFailuresThanMayBeNothingFurtherBegins) {
  const Rollout rollout{.batch = Share{2, false}, .max_fail = Share{1, false}};
  EXPECT_EQ(advance(rollout, board_of({failed, succeeded, accepted, accepted})).begin.size(), 2U);
  const Advance over = advance(rollout, board_of({failed, unknown, accepted, accepted}));
  EXPECT_TRUE(over.begin.empty());
  EXPECT_EQ(over.give_up, (std::vector{id_of(2), id_of(3)}));
  EXPECT_NE(over.why.find("2 of 4"), std::string::npos);
  EXPECT_FALSE(advance({.max_fail = Share{0, false}}, board_of({failed, accepted})).give_up.empty());
}

TEST(Rollout, OnlyWhatFailedOrTimedOutIsTriedAgain) {
  const Rollout rollout{.retries = 2};
  EXPECT_EQ(next_attempt(rollout, id_of(0), failed), id_of(0, 2));
  EXPECT_EQ(next_attempt(rollout, id_of(0, 2), timed_out), id_of(0, 3));
  EXPECT_FALSE(next_attempt(rollout, id_of(0, 3), failed));
  for (const RunState state : {succeeded, cancelled, expired, rejected, interrupted, unknown})
    EXPECT_FALSE(next_attempt(rollout, id_of(0), state));
}

TEST(Rollout, TheLastAttemptOfANodeCounts) {
  TaskBoard board = board_of({failed, succeeded});
  RunRow again;
  again.id = id_of(0, 2);
  again.state = succeeded;
  board.add(again);
  EXPECT_EQ(board.outcome(), TaskState::succeeded);
  EXPECT_EQ(board.counts(), (std::map<RunState, std::size_t>{{succeeded, 2}}));
  EXPECT_TRUE(advance({.max_fail = Share{0, false}}, board).give_up.empty());
}

TEST(Rollout, SharesAreReadAndPrinted) {
  for (const char* text : {"0", "5", "20%", "100%"}) EXPECT_EQ(print(parse_share(text).value()), text);
  for (const char* text : {"", "%", "-1", "101%", "5 %", "x", "1e3", "9999999"})
    EXPECT_FALSE(parse_share(text)) << text;
}

}  // namespace
}  // namespace octo
