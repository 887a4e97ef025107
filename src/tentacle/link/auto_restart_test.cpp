// SPDX-License-Identifier: MIT
#include "tentacle/link/auto_restart.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace octo::tentacle {
namespace {

const Error kUnreachable(ErrorCode::unavailable, "no route to host");

class AutoRestartTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/octo_restart_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file() const { return folder_ + "/restarts"; }
  void write(const std::string& text) { std::ofstream(file()) << text; }
  AutoRestart open(AutoRestart::Rule rule = {.rounds = 6, .interval = 5s},
                   const std::string& boot = "boot-1") {
    return AutoRestart(rule, file(), boot, now_);
  }
  // Rounds that fail, `each` apart; the number of the one after which the command was due, or 0.
  int fail_until_due(AutoRestart& restart, int rounds, Span each, const Error& why = kUnreachable) {
    for (int round = 1; round <= rounds; ++round) {
      now_ += each;
      restart.round_failed(why, now_);
      if (restart.is_due(now_)) return round;
    }
    return 0;
  }

  std::string folder_;
  Instant now_{1h};
};

TEST_F(AutoRestartTest, RoundsAndTimeBothHaveToBeOver) {
  AutoRestart quick = open();
  EXPECT_EQ(fail_until_due(quick, 29, 1s), 0) << "many rounds in little time";
  EXPECT_EQ(fail_until_due(quick, 1, 1s), 1);
  AutoRestart slow = open();
  EXPECT_EQ(fail_until_due(slow, 20, 1min), 6) << "much time in few rounds";
}

TEST_F(AutoRestartTest, ASessionBeginsTheCountAnew) {
  AutoRestart restart = open();
  EXPECT_EQ(fail_until_due(restart, 5, 1min), 0);
  restart.session_ended(now_);
  EXPECT_EQ(fail_until_due(restart, 10, 1min), 6);
}

// Two nodes of one name, a certificate of another network: the machine works, and so does its way there.
TEST_F(AutoRestartTest, ARefusalCountsForNothing) {
  for (const ErrorCode code : {ErrorCode::forbidden, ErrorCode::conflict}) {
    AutoRestart restart = open({.rounds = 1, .interval = 1s});
    EXPECT_EQ(fail_until_due(restart, 1000, 1min, Error(code, "another node has this name")), 0);
    EXPECT_EQ(fail_until_due(restart, 2, 10s), 1) << "the network may still be lost later";
  }
}

TEST_F(AutoRestartTest, TheNextStartWaitsForTheEndOfTheOneBeforeAndForThePause) {
  AutoRestart restart = open({.rounds = 1, .interval = 1s});
  ASSERT_EQ(fail_until_due(restart, 10, 1s), 1);
  EXPECT_EQ(restart.begin(now_).value(), 1);
  EXPECT_EQ(fail_until_due(restart, 1000, 1min), 0) << "the command runs";
  restart.ended();
  EXPECT_EQ(fail_until_due(restart, 1, 1s), 1);
  const Instant second = now_;
  EXPECT_EQ(restart.begin(now_).value(), 2);
  restart.ended();
  EXPECT_GT(fail_until_due(restart, 10'000, 1s), 0);
  EXPECT_GE(now_ - second, AutoRestart::pause);
}

TEST_F(AutoRestartTest, ThreeStartsWithoutASessionAndNoMore) {
  AutoRestart restart = open({.rounds = 1, .interval = 1s});
  for (int number = 1; number <= 3; ++number) {
    ASSERT_GT(fail_until_due(restart, 100, 1min), 0) << number;
    EXPECT_EQ(restart.begin(now_).value(), number);
    restart.ended();
  }
  EXPECT_EQ(fail_until_due(restart, 10'000, 1min), 0);
  ASSERT_TRUE(restart.joined());
  EXPECT_GT(fail_until_due(restart, 100, 1min), 0);
}

// The command may be one that restarts the agent only.
TEST_F(AutoRestartTest, ARestartedAgentRemembersStartAndPause) {
  AutoRestart before = open({.rounds = 1, .interval = 1s});
  ASSERT_EQ(fail_until_due(before, 1, 1min), 1);
  ASSERT_TRUE(before.begin(now_));
  const Instant start = now_;
  AutoRestart after = open({.rounds = 1, .interval = 1s});
  EXPECT_GT(fail_until_due(after, 10'000, 1s), 0);
  EXPECT_GE(now_ - start, AutoRestart::pause - 1ms);
  EXPECT_EQ(after.begin(now_).value(), 2);
  now_ = Instant(10s);  // the boot clock begins anew
  AutoRestart rebooted = open({.rounds = 1, .interval = 1s}, "boot-2");
  EXPECT_EQ(fail_until_due(rebooted, 10, 10s), 1) << "the pause was for the reboot";
  EXPECT_EQ(rebooted.begin(now_).value(), 3);
}

TEST_F(AutoRestartTest, ADamagedCountMeansNoRestartUntilTheNextSession) {
  for (const char* damaged : {"", "two", "-1", "1 boot", "1 boot x", "1 b 2 3", "99999999999999999999"}) {
    write(damaged);
    AutoRestart restart = open({.rounds = 1, .interval = 1s});
    ASSERT_TRUE(restart.damage()) << damaged;
    EXPECT_NE(restart.damage()->message().find(file()), std::string::npos);
    EXPECT_EQ(fail_until_due(restart, 100, 1min), 0) << damaged;
    ASSERT_TRUE(restart.joined());
    EXPECT_FALSE(open().damage());
    EXPECT_GT(fail_until_due(restart, 100, 1min), 0) << damaged;
  }
  std::filesystem::remove(file());
  std::filesystem::create_directory(file());
  EXPECT_TRUE(open().damage()) << "what cannot be read is damaged too";
}

TEST_F(AutoRestartTest, AnOldFileWithACountAloneIsRead) {
  write("2\n");
  AutoRestart restart = open({.rounds = 1, .interval = 1s});
  EXPECT_FALSE(restart.damage());
  ASSERT_EQ(fail_until_due(restart, 1, 1min), 1);
  EXPECT_EQ(restart.begin(now_).value(), 3);
}

TEST_F(AutoRestartTest, AStartThatCannotBeCountedIsNone) {
  AutoRestart restart({.rounds = 1, .interval = 1s}, folder_ + "/none/restarts", "boot", now_);
  ASSERT_EQ(fail_until_due(restart, 1, 1min), 1);
  EXPECT_FALSE(restart.begin(now_));
  EXPECT_TRUE(restart.is_due(now_)) << "it is tried again";
}

}  // namespace
}  // namespace octo::tentacle
