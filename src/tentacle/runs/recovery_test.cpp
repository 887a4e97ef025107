// SPDX-License-Identifier: MIT
// The agent goes away and comes back; runners die; what is said then is true.
#include <csignal>

#include "runner/folder.hpp"
#include "runner/tree.hpp"
#include "tentacle/runs/runs_testing.hpp"

namespace octo::tentacle {
namespace {

class RecoveryTest : public LocalRunsTest {
 protected:
  // Until the pid is nobody's, or a zombie's.
  Async<void> await_death(std::int64_t pid) {
    while (true) {
      const auto facts = runner::process_facts(static_cast<pid_t>(pid));
      if (!facts || facts->dead()) co_return;
      co_await clock_.sleep(5ms);
    }
  }
  void kill_runner() {
    const auto holder = lock_holder(folder()).value();
    ASSERT_TRUE(holder);
    ASSERT_EQ(::kill(*holder, SIGKILL), 0);
  }
  Async<std::unique_ptr<LocalRuns>> restart(std::unique_ptr<LocalRuns> runs) {
    co_await close(std::move(runs));
    co_return co_await open();
  }
};

TEST_F(RecoveryTest, ARunningCommandOutlivesTheAgent) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    const auto pid =
        (co_await runs->start(order(witnessed("echo early; read x <gate; echo late")))).value().pid;
    const OutputMark early = co_await follow_to(*runs, run(), 6);
    runs = co_await restart(std::move(runs));
    EXPECT_EQ(runs->unacknowledged(), std::vector<RunId>{run()});
    const auto facts = (co_await runs->start(order(witnessed("echo again")))).value();
    EXPECT_EQ(facts.pid, pid) << "the same process, adopted";
    open_gate();
    const Whole rest = co_await follow(*runs, run(), early);
    EXPECT_EQ(rest.out, "late\n");
    EXPECT_EQ(rest.end.state, RunState::succeeded);
    EXPECT_EQ(rest.end.out_bytes, 11U);
    EXPECT_EQ(witnesses(), 1);
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, ACommandThatEndedWhileTheAgentWasAwayIsReported) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order(witnessed("read x <gate; echo all; exit 7")))).value();
    co_await close(std::move(runs));
    open_gate();
    while (!load_run(folder()).value().end) co_await clock_.sleep(5ms);
    runs = co_await open();
    EXPECT_EQ(runs->unacknowledged(), std::vector<RunId>{run()});
    const Whole whole = co_await follow(*runs, run());
    EXPECT_EQ(whole.out, "all\n");
    EXPECT_EQ(whole.end.exit_code, 7);
    EXPECT_EQ(witnesses(), 1);
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, AnAdoptedRunCanBeCancelled) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order("read x <gate"))).value();
    runs = co_await restart(std::move(runs));
    EXPECT_TRUE(co_await runs->cancel(run()));
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::cancelled);
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, WhoseRunnerIsKilledIsInterruptedAndItsProcessesEnd) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    const auto facts =
        (co_await runs->start(order(witnessed("setsid sleep 1000 & echo $!; read x <gate")))).value();
    (void)co_await follow_to(*runs, run(), 2);
    kill_runner();
    const Whole whole = co_await follow(*runs, run());
    EXPECT_EQ(whole.end.state, RunState::interrupted);
    EXPECT_FALSE(whole.end.exit_code) << "nobody saw it";
    EXPECT_NE(whole.end.reason.find("cannot be told"), std::string::npos) << whole.end.reason;
    EXPECT_EQ(whole.end.out_bytes, whole.out.size()) << "what is known to have been written";
    co_await await_death(facts.pid.value());
    co_await await_death(std::stol(whole.out));
    EXPECT_EQ((co_await runs->start(order(witnessed("true")))).value().end->state, RunState::interrupted);
    EXPECT_EQ(witnesses(), 1) << "never started again";
    co_await close(std::move(runs));
  });
}

// 16 processes that go on as others all the time, for ten seconds at most. They keep the mark.
TEST_F(RecoveryTest, AForkBombWhoseRunnerIsKilledEndsWithoutCgroupsToo) {
  cgroups_ = LocalRuns::UseCgroups::never;
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    auto bomb = order(
        "#!/usr/bin/env python3\n"
        "import os, select, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "first, until = os.getpid(), time.monotonic() + 10\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "os.write(1, b'.')\n"
        "while time.monotonic() < until:\n"
        "    select.select([], [], [], 0.002)\n"
        "    os.getpid() != first and os.fork() and os._exit(0)\n");
    bomb.order.kind = ExecOrder::Kind::script;
    bomb.order.script_name = "bomb";
    (void)(co_await runs->start(bomb)).value();
    (void)co_await follow_to(*runs, run(), 16);
    kill_runner();
    const Whole whole = co_await follow(*runs, run());
    EXPECT_EQ(whole.end.state, RunState::interrupted);
    EXPECT_EQ(whole.end.reason.find("could not be killed"), std::string::npos) << whole.end.reason;
    const std::string mark = fmt::format("OCTOPODA_OUTPUT={}/note", folder());
    runner::each_process([&](const runner::ProcessFacts& facts) {
      std::ifstream environ(fmt::format("/proc/{}/environ", facts.pid));
      const std::string text(std::istreambuf_iterator<char>(environ), {});
      EXPECT_EQ(text.find(mark), std::string::npos) << facts.pid;
    });
    co_await close(std::move(runs));
  });
}

// One that carries no mark and has a session of its own is found as long as its parent, or somebody of its
// session, carries one.
TEST_F(RecoveryTest, WhoseKinIsFoundIsFoundWithoutCgroupsToo) {
  cgroups_ = LocalRuns::UseCgroups::never;
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order(
               // A child that is scrubbed, of a parent that is not; and one whose session is kept by another.
               "setsid sh -c 'setsid env -i /bin/sleep 1000 & printf %9d\\n $!; wait' & "
               "setsid sh -c 'env -i /bin/sleep 1000 & printf %9d\\n $!; sleep 1000 & exit 0' & read x "
               "<gate")))
        .value();
    const OutputMark mark = co_await follow_to(*runs, run(), 20);
    kill_runner();
    const Whole whole = co_await follow(*runs, run());
    EXPECT_EQ(whole.end.state, RunState::interrupted);
    EXPECT_GE(whole.out.size(), mark.out);
    for (const std::string& pid : split(trim(whole.out), '\n')) co_await await_death(std::stol(pid));
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, ARunnerThatDiedWhileTheAgentWasAwayIsFoundOut) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    const auto pid = (co_await runs->start(order(witnessed("echo up; read x <gate")))).value().pid;
    (void)co_await follow_to(*runs, run(), 3);
    co_await close(std::move(runs));
    kill_runner();
    runs = co_await open();
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::interrupted);
    co_await await_death(pid.value());
    runs = co_await restart(std::move(runs));
    EXPECT_EQ(runs->find(run())->state, RunState::interrupted) << "and stays so";
    EXPECT_EQ(witnesses(), 1);
    co_await close(std::move(runs));
  });
}

// A crash between the intent and the runner's claim: the claim proves that nothing was started, now and for
// ever.
TEST_F(RecoveryTest, AnIntentThatNobodyClaimedExpiresAndALateRunnerLoses) {
  fs::create_directories(root_ + "/runs");
  const runner::Intent intent{.run = local_name(run()),
                              .node = "pi0",
                              .text = witnessed("true"),
                              .folder = root_,
                              .environment = {{"PATH", "/usr/bin:/bin"}},
                              .head_bytes = 1 << 20,
                              .tail_bytes = 1 << 20};
  ASSERT_TRUE(create_run(folder(), intent));
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::expired);
    const pid_t late =
        process::spawn({.program = OCTO_RUNNER, .arguments = {"runner", folder()}, .folder = "/"}).value();
    auto process = process::Process::open(late).value();
    EXPECT_EQ(WEXITSTATUS((co_await process.wait()).value().value()),
              static_cast<int>(runner::Exit::claim_lost));
    EXPECT_EQ(witnesses(), 0);
    runs = co_await restart(std::move(runs));
    EXPECT_EQ(runs->find(run())->state, RunState::expired);
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, AFolderWithoutIntentWasNeverAnsweredForAndGoes) {
  fs::create_directories(folder());
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    EXPECT_FALSE(fs::exists(folder()));
    (void)(co_await runs->start(order(witnessed("true")))).value();
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::succeeded);
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, ATombstoneIsRememberedByTheNextAgent) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order(witnessed("echo out")))).value();
    (void)co_await follow(*runs, run());
    EXPECT_TRUE(co_await runs->acknowledge(run(), {4, 0, 0}, true));
    runs = co_await restart(std::move(runs));
    EXPECT_TRUE(runs->unacknowledged().empty());
    EXPECT_EQ((co_await runs->start(order(witnessed("echo out")))).value().end->state, RunState::succeeded);
    EXPECT_EQ(witnesses(), 1);
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, ATombstoneHalfMadeIsFinished) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order("echo out"))).value();
    (void)co_await follow(*runs, run());
    co_await close(std::move(runs));
    std::ofstream(folder() + "/acked");
    runs = co_await open();
    EXPECT_TRUE(runs->unacknowledged().empty());
    EXPECT_FALSE(fs::exists(folder() + "/intent"));
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, ARunThatWaitsForItsTimeIsAdoptedAndStartsThen) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    auto later = order(witnessed("echo out"));
    later.order.delay = 700ms;
    EXPECT_EQ((co_await runs->start(later)).value().state, RunState::armed);
    EXPECT_EQ(witnesses(), 0);
    while (!lock_holder(folder()).value())
      co_await clock_.sleep(1ms);  // until then the next agent may end it for good
    runs = co_await restart(std::move(runs));
    EXPECT_EQ(runs->find(run())->state, RunState::armed);
    const Whole whole = co_await follow(*runs, run());
    EXPECT_EQ(whole.out, "out\n");
    EXPECT_EQ(witnesses(), 1);
    // One that nobody waits for any more.
    auto never = order(witnessed("true"), 1);
    never.order.delay = 1h;
    EXPECT_EQ((co_await runs->start(never)).value().state, RunState::armed);
    EXPECT_TRUE(co_await runs->cancel(run(1)));
    EXPECT_EQ((co_await follow(*runs, run(1))).end.state, RunState::cancelled);
    EXPECT_EQ(witnesses(), 1);
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, ATiedRunEndsWhenItsBrainOrItsAgentIsGone) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    for (const std::uint32_t step : {0U, 1U, 2U}) {
      auto tied = order("echo up; sleep 1000", step);
      tied.order.tie = step != 2;
      (void)(co_await runs->start(tied)).value();
      if (step == 0) {
        runs->end_tied();
        EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::cancelled);
      }
    }
    runs = co_await restart(std::move(runs));
    EXPECT_EQ((co_await follow(*runs, run(1))).end.state, RunState::cancelled);
    EXPECT_FALSE(runs->find(run(2))->end) << "not tied: it outlives its agent";
    EXPECT_TRUE(co_await runs->cancel(run(2)));
    (void)co_await follow(*runs, run(2));
    co_await close(std::move(runs));
  });
}

TEST_F(RecoveryTest, DamageOfOneRecordIsReportedForThatRunOnly) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    for (const std::uint32_t step : {0U, 1U}) {
      (void)(co_await runs->start(order("echo out", step))).value();
      (void)co_await follow(*runs, run(step));
    }
    co_await close(std::move(runs));
    {
      std::fstream record(folder(0) + "/record", std::ios::in | std::ios::out | std::ios::binary);
      record.seekp(10);  // in the first frame, with another behind it
      record.put('\x7f');
    }
    runs = co_await open();
    const RunEnd damaged = (co_await follow(*runs, run(0))).end;
    EXPECT_EQ(damaged.state, RunState::interrupted);
    EXPECT_NE(damaged.reason.find(".damaged"), std::string::npos) << damaged.reason;
    EXPECT_EQ(runs->find(run(1))->state, RunState::succeeded);
    co_await close(std::move(runs));
  });
}

}  // namespace
}  // namespace octo::tentacle
