// SPDX-License-Identifier: MIT
// Runs that start together with others: armed, told, started at their instant, or provably never.
#include <linux/capability.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

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
  bool prepare_runner() override {
    if (right_to_hold_) return true;
    __user_cap_header_struct version{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
    (void)::syscall(SYS_capget, &version, sets);
    sets[0].effective &= ~(1U << CAP_SYS_PTRACE);
    return ::syscall(SYS_capset, &version, sets) == 0;
  }
  bool right_to_hold_ = true;
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

TEST_F(TogetherTest, WhatCannotBeExecutedIsKnownBeforeAnybodyCountsOnIt) {
  const std::string program = runs_ + "/busy";
  fs::copy_file("/bin/true", program);
  const int writer = ::open(program.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  const pid_t runner = begin(program);
  await(Wake::armed);
  tell(runner, now() + 30s);
  expect_never(runner, "rejected", "cannot be executed: octopoda: " + program + ": Text file busy");
  ::close(writer);
}

TEST_F(TogetherTest, ItsProgramIsHeldAtItsFirstInstructionUntilThen) {
  const pid_t runner = begin("sleep 1000");
  await(Wake::armed);
  tell(runner, now() + 30s);
  await(Wake::going);
  const std::int64_t child = record().started.value().pid;
  EXPECT_TRUE(fs::read_symlink(fmt::format("/proc/{}/exe", child)).string().contains("sleep"));
  // Before it has loaded its libraries, and it comes no further.
  const std::string maps = bytes_of(fmt::format("/proc/{}/maps", child));
  EXPECT_FALSE(maps.contains("libc")) << maps;
  EXPECT_EQ(process_facts(static_cast<pid_t>(child))->state, 't');
  ::kill(static_cast<pid_t>(child), SIGKILL);
  expect_never(runner, "expired", "its process died before the start");
}

TEST_F(TogetherTest, WhoMayNotHoldItStartsItAllTheSame) {
  if (::geteuid() != 0) GTEST_FAIL() << "needs root, as the agent does";
  right_to_hold_ = false;
  const pid_t runner = begin("grep -c . /proc/self/status");
  await(Wake::armed);
  const Instant at = now() + 1s;
  tell(runner, at);
  await(Wake::going);
  const std::int64_t child = record().started.value().pid;
  EXPECT_FALSE(fs::read_symlink(fmt::format("/proc/{}/exe", child)).string().contains("grep"));
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_EQ(record().ended->state, "succeeded");
  ASSERT_TRUE(record().mark);
  EXPECT_GE(record().mark->late, Span::zero());
}

TEST_F(TogetherTest, AProgramThatChangesItsUserMay) {
  if (::geteuid() != 0) GTEST_FAIL() << "needs root, as the agent does";
  fs::permissions(runs_, fs::perms::others_exec, fs::perm_options::add);
  struct statvfs place{};
  ASSERT_EQ(::statvfs(runs_.c_str(), &place), 0);
  ASSERT_EQ(place.f_flag & ST_NOSUID, 0U) << runs_ << " is mounted nosuid";
  const std::string program = runs_ + "/who";
  fs::copy_file("/usr/bin/id", program);
  ASSERT_EQ(::chmod(program.c_str(), 04755), 0);
  intent_.user = User{65534, 65534, {65534}};
  for (const bool right : {true, false}) {
    right_to_hold_ = right;
    const pid_t runner = begin(program + " -u");
    await(Wake::armed);
    tell(runner, now() + 1s);
    EXPECT_EQ(join(runner), Exit::done);
    EXPECT_EQ(output(1), "0\n") << right;
    fs::remove_all(folder_);
    fs::create_directory(folder_);
  }
}

// A child that is stopped stands for one that hangs where nobody answers.
TEST_F(TogetherTest, AChildThatHangsHoldsNobodyUp) {
  const pid_t runner = begin(witness());
  await(Wake::armed);
  const pid_t child = child_of(runner);
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  ::kill(runner, SIGTERM);
  expect_never(runner, "cancelled", "before it was started");
  EXPECT_FALSE(alive(child));
}

// As when its folder or its program lie where nobody answers.
TEST_F(TogetherTest, AChildThatIsNotReadyInTimeIsGivenUpAndCanBeCancelled) {
  for (const bool cancelled : {false, true}) {
    // Caught in the millisecond before it is ready, or once more.
    pid_t runner = 0;
    while (runner == 0) {
      intent_.hold_until = now() + (cancelled ? Span(30s) : Span(1s));
      runner = begin(witness());
      pid_t child = 0;
      while (child == 0) child = child_of(runner);
      ::kill(child, SIGSTOP);
      pollfd word{wake_, POLLIN, 0};
      if (::poll(&word, 1, 100) == 0) break;
      ::kill(runner, SIGKILL);
      ::waitpid(std::exchange(runner, 0), nullptr, 0);
      TearDown();
      SetUp();
    }
    if (cancelled) ::kill(runner, SIGTERM);
    expect_never(runner, cancelled ? "cancelled" : "expired",
                 cancelled ? "before it was started" : "was not ready in time");
    TearDown();
    SetUp();
  }
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
