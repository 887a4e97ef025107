// SPDX-License-Identifier: MIT
#include "domain/task.hpp"

#include <gtest/gtest.h>

#include <random>

#include "domain/limits.hpp"
#include "domain/node.hpp"

namespace octo {
namespace {

RunRow row(const std::string& node, RunState state = RunState::accepted) {
  RunRow run;
  run.id = RunId{TaskId("T"), 0, NodeName(node), 1};
  run.state = state;
  return run;
}

TEST(RunStates, EveryNameGoesThereAndBack) {
  for (int i = 0; i <= static_cast<int>(RunState::unknown); ++i) {
    const auto state = static_cast<RunState>(i);
    EXPECT_EQ(find_run_state(name_of(state)), state);
  }
  EXPECT_EQ(find_run_state("done"), std::nullopt);
}

TEST(RunStates, FinalOnesNeverChangeButUnknownOnce) {
  for (int i = 0; i <= static_cast<int>(RunState::unknown); ++i) {
    const auto to = static_cast<RunState>(i);
    EXPECT_FALSE(may_follow(RunState::succeeded, to));
    EXPECT_FALSE(may_follow(RunState::interrupted, to));
    EXPECT_EQ(may_follow(RunState::unknown, to), is_final(to) && to != RunState::unknown);
  }
}

TEST(RunStates, WhatANodeHasMayTurnOutNeverToHaveStarted) {
  EXPECT_TRUE(may_follow(RunState::running, RunState::expired));
  EXPECT_TRUE(may_follow(RunState::running, RunState::rejected));
  EXPECT_TRUE(may_follow(RunState::delivered, RunState::expired));
  EXPECT_TRUE(may_follow(RunState::delivered, RunState::queued));
  EXPECT_FALSE(may_follow(RunState::running, RunState::queued));
}

TEST(TaskBoard, WhatIsCountedAlongIsWhatALookAtEachRunWouldCount) {
  TaskBoard board;
  std::minstd_rand random(7);
  for (int i = 0; i < 3000; ++i) {
    RunRow run = row(fmt::format("pi{}", random() % 40));
    run.id.attempt = 1 + random() % 3;
    run.id.step = random() % 2;
    if (board.find(run.id) == nullptr) board.add(run);  // also an earlier attempt after a later one
    else (void)board.apply(run.id, static_cast<RunState>(random() % 13), {});
    std::map<RunState, std::size_t> counts;
    std::size_t waiting = 0;
    bool finished = true;
    for (const RunRow* latest : board.latest()) ++counts[latest->state];
    for (const auto& [id, each] : board.runs()) {
      waiting += each.state == RunState::accepted ? 1 : 0;
      finished = finished && is_final(each.state);
    }
    ASSERT_EQ(board.counts(), counts);
    ASSERT_EQ(board.waiting().size(), waiting);
    ASSERT_EQ(board.finished(), finished);
  }
}

TEST(TaskBoard, AFinishedRunStaysFinished) {
  TaskBoard board;
  board.add(row("pi0"));
  board.add(row("pi1"));
  RunEnd end;
  end.exit_code = 3;
  EXPECT_TRUE(board.apply(row("pi0").id, RunState::failed, end).value());
  EXPECT_FALSE(board.apply(row("pi0").id, RunState::failed, end).value());  // the same report again
  EXPECT_EQ(board.apply(row("pi0").id, RunState::succeeded, {}).error().code(), ErrorCode::conflict);
  EXPECT_FALSE(board.finished());
  EXPECT_TRUE(board.apply(row("pi1").id, RunState::succeeded, {}).value());
  EXPECT_TRUE(board.finished());
  EXPECT_EQ(board.outcome(), TaskState::failed);
  EXPECT_EQ(board.find(row("pi0").id)->end.exit_code, 3);
}

TEST(TaskBoard, UnknownMayBeReplacedOnce) {
  TaskBoard board;
  board.add(row("pi0"));
  EXPECT_TRUE(board.apply(row("pi0").id, RunState::unknown, {}).value());
  EXPECT_TRUE(board.finished());
  EXPECT_TRUE(board.apply(row("pi0").id, RunState::succeeded, {}).value());
  EXPECT_EQ(board.apply(row("pi0").id, RunState::unknown, {}).error().code(), ErrorCode::conflict);
}

TEST(TaskBoard, TheWorstStateDecidesTheOutcome) {
  EXPECT_EQ(outcome_of({{RunState::succeeded, 3}}), TaskState::succeeded);
  EXPECT_EQ(outcome_of({{RunState::failed, 1}, {RunState::cancelled, 2}}), TaskState::failed);
  EXPECT_EQ(outcome_of({{RunState::failed, 1}, {RunState::timed_out, 1}}), TaskState::timed_out);
  EXPECT_EQ(outcome_of({{RunState::failed, 1}, {RunState::interrupted, 1}}), TaskState::lost);
  EXPECT_EQ(outcome_of({{RunState::rejected, 1}, {RunState::expired, 1}}), TaskState::rejected);
  EXPECT_EQ(outcome_of({{RunState::rejected, 1}, {RunState::queued, 1}}), TaskState::running);
}

TEST(NodeState, FollowsTheSilence) {
  EXPECT_EQ(state_after(Span::zero()), NodeState::online);
  EXPECT_EQ(state_after(limits::suspect_after - 1ns), NodeState::online);
  EXPECT_EQ(state_after(limits::suspect_after), NodeState::suspect);
  EXPECT_EQ(state_after(limits::offline_after), NodeState::offline);
}

}  // namespace
}  // namespace octo
