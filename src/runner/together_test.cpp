// SPDX-License-Identifier: MIT
// Runs that start together with others: armed, told, started at their instant, or provably never.
#include <sys/resource.h>

#include <algorithm>

#include "runner/runner_testing.hpp"

namespace octo::runner {
namespace {

class TogetherTest : public RunnerTest {
 protected:
  void SetUp() override {
    RunnerTest::SetUp();
    intent_.hold_until = now() + 30s;
  }
  // As the agent does it.
  void tell(pid_t runner, Instant at) {
    const StartAt start{at, at + 5s, 7us};  // a Brain whose clock is five seconds ahead
    std::ofstream(folder_ + "/commit", std::ios::binary) << encode(start);
    fs::rename(folder_ + "/commit", folder_ + "/go");
    ::kill(runner, SIGUSR1);
  }
  void expect_never(pid_t runner, std::string_view state, std::string_view reason) {
    EXPECT_EQ(join(runner), Exit::done);
    ASSERT_TRUE(record().ended);
    EXPECT_EQ(record().ended->state, state);
    EXPECT_NE(record().ended->reason.find(reason), std::string::npos) << record().ended->reason;
    EXPECT_FALSE(record().mark);
    EXPECT_FALSE(fs::exists(runs_ + "/witness"));
  }
  std::string witness() const { return "echo ran >" + runs_ + "/witness"; }
};

TEST_F(TogetherTest, ItStartsAtItsInstantAndSaysWhen) {
  std::vector<Span> late;
  for (int i = 0; i < 10; ++i) {
    const pid_t runner = begin("true");
    await(Wake::armed);
    const Instant at = now() + 500ms;
    tell(runner, at);
    await(Wake::going);
    EXPECT_EQ(join(runner), Exit::done);
    const Record record = this->record();
    ASSERT_TRUE(record.mark);
    EXPECT_EQ(record.ended->state, "succeeded");
    EXPECT_EQ(record.ended->mark, record.mark);
    EXPECT_GE(record.mark->late, Span::zero());
    EXPECT_EQ(record.mark->at, at + 5s + record.mark->late) << "on the Brain's clock";
    EXPECT_EQ(record.mark->bound, 7us + record.mark->late * 200 / 1'000'000 + 1ns) << "clocks drift on";
    late.push_back(record.mark->late);
    TearDown();
    SetUp();
  }
  std::ranges::sort(late);
  RecordProperty("late_median_ns", std::to_string(late[late.size() / 2].count()));
}

TEST_F(TogetherTest, TheCommandHasNoPriorityAndNoTimerOfOurs) {
  const pid_t runner =
      begin("cat /proc/self/sched | grep -e '^policy'; chrt -p $$; cat /proc/$$/timerslack_ns");
  await(Wake::armed);
  tell(runner, now() + 1s);
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_NE(output(1).find("SCHED_OTHER"), Bytes::npos) << output(1);
  EXPECT_NE(output(1).find("50000"), Bytes::npos) << output(1);
}

TEST_F(TogetherTest, WhoIsNotToldNeverStarts) {
  intent_.hold_until = now() + 300ms;
  const pid_t runner = begin(witness());
  await(Wake::armed);
  ::kill(runner, SIGUSR1);  // with no instant there
  expect_never(runner, "expired", "nobody said");
}

TEST_F(TogetherTest, WhatIsToldTooLateNeverStarts) {
  const pid_t runner = begin(witness());
  await(Wake::armed);
  tell(runner, now() - 1ms);
  expect_never(runner, "expired", "behind the instant");
}

TEST_F(TogetherTest, WhatIsCalledOffNeverStartsAlsoAtTheLastMoment) {
  for (const bool told : {false, true}) {
    const pid_t runner = begin(witness());
    await(Wake::armed);
    if (told) {
      tell(runner, now() + 2s);
      await(Wake::going);
    }
    std::ofstream(folder_ + "/off") << "pi3 cannot";
    ::kill(runner, SIGTERM);
    expect_never(runner, "rejected", "pi3 cannot");
    TearDown();
    SetUp();
  }
}

TEST_F(TogetherTest, ACancelAroundTheInstantEndsItOneWayOrTheOther) {
  for (int i = 0; i < 12; ++i) {
    const pid_t runner = begin("sleep 1000");
    await(Wake::armed);
    const Instant at = now() + 500ms;
    tell(runner, at);
    await(Wake::going);
    while (now() < at + Span(1us) * ((i - 6) * 20)) {
    }
    ::kill(runner, SIGTERM);
    EXPECT_EQ(join(runner), Exit::done);
    EXPECT_EQ(record().ended->state, "cancelled");
    TearDown();
    SetUp();
  }
}

TEST_F(TogetherTest, WhoCannotBeReadySaysWhy) {
  const pid_t no_program = begin("no_such_program_of_ours --really");
  expect_never(no_program, "rejected", "there is no program no_such_program_of_ours");
  TearDown();
  SetUp();
  intent_.folder = "/nowhere/at/all";
  expect_never(begin("true"), "rejected", "cannot enter folder /nowhere/at/all");
}

TEST_F(TogetherTest, ARunnerThatDiesTakesItsChildAlong) {
  const pid_t runner = begin(witness());
  await(Wake::armed);
  const Instant at = now() + 300ms;
  tell(runner, at);
  await(Wake::going);
  const auto child = record().started.value();
  ::kill(runner, SIGKILL);
  ::waitpid(runner, nullptr, 0);
  for (const Instant limit = now() + 10s; alive(child.pid) && now() < limit;) ::sched_yield();
  EXPECT_FALSE(alive(child.pid));
  EXPECT_FALSE(fs::exists(runs_ + "/witness"));
}

}  // namespace
}  // namespace octo::runner
