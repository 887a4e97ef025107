// SPDX-License-Identifier: MIT
// Runs that wait for their time, that end with their agent, that run as somebody else, that read something.
#include <pwd.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "runner/runner_testing.hpp"

namespace octo::runner {
namespace {

class ArmedTest : public RunnerTest {
 protected:
  // A runner whose parent can die: begin() forks once more here.
  pid_t begin_under_agent(const std::string& text) {
    int up[2];
    EXPECT_EQ(::pipe(up), 0);
    const pid_t agent = ::fork();
    if (agent == 0) {
      rlimit files{};
      ::getrlimit(RLIMIT_FSIZE, &files);
      files.rlim_cur = std::min(file_bytes_, files.rlim_max);
      ::setrlimit(RLIMIT_FSIZE, &files);
      intent_.tied_to = ::getpid();
      (void)begin(text);
      (void)!::write(up[1], "", 1);
      ::pause();
      ::_exit(0);
    }
    char byte = 0;
    EXPECT_EQ(::read(up[0], &byte, 1), 1);
    for (const int fd : up) ::close(fd);
    for (const Instant limit = now() + 10s; !is_locked() && now() < limit;) std::this_thread::yield();
    return agent;
  }
  // Until its run has ended too.
  void end(pid_t agent) {
    ::kill(agent, SIGKILL);
    ::waitpid(agent, nullptr, 0);
    await(Wake::ended);
  }
  rlim_t file_bytes_ = RLIM_INFINITY;  // of each file that the agent and its runner write
};

TEST_F(ArmedTest, ACommandReadsItsInputToTheEnd) {
  intent_.input = std::string(300'000, 'x') + Bytes("\0\n\xff", 3);
  EXPECT_EQ(end_of("cat").exit_code, 0);
  EXPECT_EQ(output(1), intent_.input);
  EXPECT_EQ(record().ended->bytes[0], intent_.input.size());
}

TEST_F(ArmedTest, ACommandRunsAsItsUserAndTheNoteIsItsOwn) {
  if (::geteuid() != 0) GTEST_FAIL() << "needs root, as the agent does";
  const passwd* nobody = ::getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  intent_.user = User{nobody->pw_uid, nobody->pw_gid, {nobody->pw_gid}};
  ::umask(077);  // as agents write intents
  for (const std::string& passage : {runs_, folder_}) ASSERT_EQ(::chmod(passage.c_str(), 0711), 0);
  intent_.script = true;
  intent_.script_name = "who";
  const Ended end =
      end_of("#!/bin/sh\nid -un; id -G; echo noted >>\"$OCTOPODA_OUTPUT\"; cat " + folder_ + "/intent");
  EXPECT_EQ(end.exit_code, 1) << "the intent is not for it to read";
  EXPECT_EQ(output(1), fmt::format("nobody\n{}\n", nobody->pw_gid));
  EXPECT_EQ(output(3), "noted\n");
}

TEST_F(ArmedTest, NothingStartsBeforeItsTime) {
  const Instant start = now() + 300ms;
  intent_.not_before = start;
  EXPECT_EQ(end_of("true").state, "succeeded");
  EXPECT_GE(record().started->at, start);
}

TEST_F(ArmedTest, WhatIsCancelledBeforeItsTimeNeverStarts) {
  intent_.not_before = now() + 1h;
  const pid_t runner = begin("echo ran >" + runs_ + "/witness");
  // Its lock is its sign of life, and it can be told to end from then on.
  for (const Instant limit = now() + 10s; !is_locked() && now() < limit;) std::this_thread::yield();
  ASSERT_TRUE(is_locked());
  ::kill(runner, SIGTERM);
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_EQ(record().ended->state, "cancelled");
  EXPECT_FALSE(record().started);
  EXPECT_FALSE(fs::exists(runs_ + "/witness"));
}

TEST_F(ArmedTest, AProcessThatDiesBeforeItsTimeWasNeverTheCommand) {
  for (const int signal : {SIGKILL, SIGSTOP}) {
    intent_.not_before = now() + 1s;
    const pid_t runner = begin("echo ran >" + runs_ + "/witness");
    pid_t child = 0;
    for (const Instant limit = now() + 10s; child == 0 && now() < limit;) child = child_of(runner);
    ASSERT_EQ(::kill(child, signal), 0);
    if (signal == SIGSTOP) ::kill(runner, SIGTERM);  // one that hangs ends with its runner
    EXPECT_EQ(join(runner), Exit::done);
    EXPECT_EQ(record().ended->state, signal == SIGKILL ? "rejected" : "cancelled");
    EXPECT_EQ(record().ended->reason,
              signal == SIGKILL ? "its process died before the start" : "cancelled before it was started");
    EXPECT_FALSE(alive(child));
    EXPECT_FALSE(fs::exists(runs_ + "/witness"));
    TearDown();
    SetUp();
  }
}

TEST_F(ArmedTest, ATiedRunEndsWithItsAgentAlsoBeforeItsTime) {
  for (const Span delay : {Span::zero(), Span(1h)}) {
    intent_.not_before = delay == Span::zero() ? Instant{} : now() + delay;
    const pid_t agent = begin_under_agent("echo up; sleep 1000");
    if (delay == Span::zero()) await(Wake::output);
    end(agent);
    ASSERT_TRUE(record().ended) << print_span(delay);
    EXPECT_EQ(record().ended->state, "cancelled");
    EXPECT_NE(record().ended->reason.find("tied"), std::string::npos);
    EXPECT_EQ(record().ended->reason.contains("before it was started"), !record().started)
        << print_span(delay);
    TearDown();
    SetUp();
  }
}

TEST_F(ArmedTest, ATiedRunThatLosesItsAgentSaysWhatAFullDiskRefused) {
  std::signal(SIGXFSZ, SIG_IGN);
  file_bytes_ = 4096;  // stands for a full disk: what is longer is not kept
  const pid_t agent = begin_under_agent("head -c 100000 /dev/zero; echo up >&2; sleep 1000");
  await(Wake::output);
  while (output(2).empty()) await(Wake::output);
  end(agent);
  ASSERT_TRUE(record().ended);
  EXPECT_EQ(record().ended->bytes[0], 100'000U);
  const std::string reason = record().ended->reason;
  EXPECT_TRUE(reason.contains("tied")) << reason;
  // Which pieces are refused depends on how the pipe was read; a small last one may find room.
  const std::size_t kept = output(1).size();
  EXPECT_LT(kept, file_bytes_);
  EXPECT_TRUE(reason.contains(fmt::format("; {} bytes of output were not kept: ", 100'000 - kept))) << reason;
}

}  // namespace
}  // namespace octo::runner
