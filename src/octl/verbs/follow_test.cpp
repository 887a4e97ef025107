// SPDX-License-Identifier: MIT
// Who may end a task: the one who started it, not the one who listens.
#include "octl/verbs/follow.hpp"

#include <gmock/gmock.h>

#include <csignal>

#include "octl/exit_code.hpp"
#include "octl/fake_brain_testing.hpp"

namespace octo::octl {
namespace {

using testing::HasSubstr;
using testing::Not;

class FollowTest : public FakeBrainTest {
 protected:
  // One task of pi0 that goes on until it is cancelled, started or listened to.
  void serve(std::function<void()> begun) {
    other_ = [this, begun](const http::Request& request) {
      if (request.path.ends_with("/cancel")) {
        cancelled_ = true;
        return json_reply("{}");
      }
      if (request.path.ends_with("/events")) return run_until(cancelled_, begun, "");
      if (request.method == "POST") return run_until(cancelled_, begun);
      return detail_reply({ended("pi0", RunState::running, {}).run});
    };
  }
  // Writes more than once, so that a reader who has gone is noticed, and ends when `over`.
  static http::Reply chatter(const std::atomic<bool>& over) {
    http::Reply reply;
    reply.stream = [&over](http::BodyWriter& writer) -> Async<Result<void>> {
      SystemClock clock(co_await asio::this_coro::executor);
      for (std::uint64_t i = 0; !over; ++i) {
        OCTO_CO_TRY(co_await writer.write(line_of(wrote("pi0", "y\n", 2 * i), i + 1)));
        co_await clock.sleep(1ms);
      }
      co_return Result<void>();
    };
    return reply;
  }
  Outcome octl(std::vector<std::string> words, Look look = {}, std::FILE* out = std::tmpfile()) {
    const auto brain = make_brain();
    return call_octl(std::move(words), write_settings(brain_at(brain->port())), look, out);
  }

  std::atomic<bool> cancelled_ = false;
};

TEST_F(FollowTest, AListenerWhoIsToldToGoLeavesTheTaskAlone) {
  for (const int signal : {SIGTERM, SIGHUP, SIGINT}) {
    serve([signal] { ::kill(::getpid(), signal); });
    const Outcome got = octl({"task", "attach", std::string(kTask)});
    EXPECT_FALSE(cancelled_) << signal;
    EXPECT_EQ(got.code, kInterrupted) << signal;
    EXPECT_THAT(got.err, HasSubstr(fmt::format("task {} goes on", kTask)));
  }
}

TEST_F(FollowTest, AListenerWhoseReaderHasGoneLeavesTheTaskAlone) {
  std::atomic<bool> over = false;
  other_ = [&](const http::Request& request) {
    if (request.path.ends_with("/cancel")) cancelled_ = true;
    if (request.path.ends_with("/events")) return chatter(over);
    return detail_reply({ended("pi0", RunState::running, {}).run});
  };
  const Outcome got =
      octl({"task", "attach", std::string(kTask), "--output", "text"}, {}, std::fopen("/dev/full", "w"));
  over = true;
  EXPECT_FALSE(cancelled_);
  EXPECT_EQ(got.code, kOurError);
  EXPECT_THAT(got.err, HasSubstr("stdout"));
}

TEST_F(FollowTest, WhoStartedItEndsItOnSigterm) {
  serve([] { ::kill(::getpid(), SIGTERM); });
  EXPECT_EQ(octl({"cmd", "run", "sleep 1000", "pi0"}).code, kInterrupted);
  EXPECT_TRUE(cancelled_);
}

TEST_F(FollowTest, ATerminalThatHangsUpDetachesAndNoTerminalCancels) {
  serve([] { ::kill(::getpid(), SIGHUP); });
  const Outcome got = octl({"cmd", "run", "sleep 1000", "pi0"},
                           {.out_terminal = true, .err_terminal = true, .in_terminal = true});
  EXPECT_FALSE(cancelled_);
  EXPECT_THAT(got.err, HasSubstr("goes on"));
  EXPECT_EQ(octl({"cmd", "run", "sleep 1000", "pi0"}).code, kInterrupted);
  EXPECT_TRUE(cancelled_);
}

TEST_F(FollowTest, WhatIsIgnoredFromOutsideStaysIgnored) {
  std::signal(SIGHUP, SIG_IGN);  // as nohup does it
  serve([] {
    ::kill(::getpid(), SIGHUP);
    ::kill(::getpid(), SIGTERM);
  });
  const Outcome got = octl({"cmd", "run", "sleep 1000", "pi0"},
                           {.out_terminal = true, .err_terminal = true, .in_terminal = true});
  std::signal(SIGHUP, SIG_DFL);
  EXPECT_TRUE(cancelled_) << got.err;
}

TEST_F(FollowTest, AFinishedCommandIsNotCancelledBecauseItsOutputCannotBeWritten) {
  for (const char* format : {"text", "json"}) {
    bool asked = false;
    other_ = [&](const http::Request& request) {
      if (request.path.ends_with("/cancel")) asked = true;
      return events_reply(kStarted + line_of(wrote("pi0", "x\n", 0), 1) +
                              line_of(ended("pi0", RunState::succeeded, 0), 2) +
                              line_of(finished(TaskState::succeeded), 3),
                          {});
    };
    const Outcome got =
        octl({"cmd", "run", "echo x", "pi0", "--output", format}, {}, std::fopen("/dev/full", "w"));
    EXPECT_FALSE(asked) << format;
    EXPECT_EQ(got.code, kOurError);
    EXPECT_THAT(got.err, HasSubstr("No space left on device"));
    EXPECT_THAT(got.err, Not(HasSubstr("cancel")));
  }
}

TEST(Choice, OnlyTheAnswersOfferedCount) {
  EXPECT_EQ(parse_choice("c\n"), Choice::cancel);
  EXPECT_EQ(parse_choice(" Cancel \n"), Choice::cancel);
  EXPECT_EQ(parse_choice("d\n"), Choice::detach);
  EXPECT_EQ(parse_choice("\n"), Choice::go_on);
  for (const char* other : {"continue\n", "x\n", "dc\n", "yes\n"})
    EXPECT_EQ(parse_choice(other), Choice::unclear) << other;
  EXPECT_EQ(parse_choice(std::nullopt), Choice::detach) << "Ctrl-D";
}

TEST_F(FollowTest, ACommandWhoseReaderHasGoneIsCancelled) {
  other_ = [&](const http::Request& request) {
    if (!request.path.ends_with("/cancel")) {
      http::Reply reply = run_until(cancelled_, [] {}, kStarted + line_of(wrote("pi0", "x\n", 0), 1));
      return reply;
    }
    cancelled_ = true;
    return json_reply("{}");
  };
  const Outcome got =
      octl({"cmd", "run", "yes", "pi0", "--output", "text"}, {}, std::fopen("/dev/full", "w"));
  EXPECT_TRUE(cancelled_);
  EXPECT_EQ(got.code, kOurError);
}

}  // namespace
}  // namespace octo::octl
