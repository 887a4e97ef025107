// SPDX-License-Identifier: MIT
// One agent that lives all the time; recovery_test.cpp has the others.
#include "runner/tree.hpp"
#include "tentacle/runs/runs_testing.hpp"

namespace octo::tentacle {
namespace {

class RunsTest : public LocalRunsTest {};

TEST_F(RunsTest, OutputAndEndOfACommandArrive) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    const auto facts =
        (co_await runs->start(order("echo out; echo err >&2; echo note >>$OCTOPODA_OUTPUT; exit 3"))).value();
    EXPECT_TRUE(facts.pid || facts.end);
    const Whole whole = co_await follow(*runs, run());
    EXPECT_EQ(whole.out, "out\n");
    EXPECT_EQ(whole.err, "err\n");
    EXPECT_EQ(whole.note, "note\n");
    EXPECT_EQ(whole.end.state, RunState::failed);
    EXPECT_EQ(whole.end.exit_code, 3);
    EXPECT_EQ(whole.end.out_bytes, 4U);
    EXPECT_EQ(runs->find(run())->state, RunState::failed);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, SecretsReachTheCommandAndNoDisk) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    Runs::Start start = order("cat $OCTOPODA_SECRET_A; read x <gate; cat $OCTOPODA_SECRET_B");
    start.order.secrets = {{"A", Secret("the first value")}, {"B", Secret("the second value")}};
    (void)(co_await runs->start(start)).value();
    const OutputMark early = co_await follow_to(*runs, run(), 15);
    // The output of the command holds what it printed; nothing else does.
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      EXPECT_FALSE(bytes.contains("the second value")) << entry.path();
      EXPECT_EQ(bytes.contains("the first value"), entry.path().filename() == "out.0") << entry.path();
    }
    open_gate();
    EXPECT_EQ((co_await follow(*runs, run(), early)).out, "the second value");
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, OutputArrivesWhileTheCommandRuns) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    const auto facts = (co_await runs->start(order("echo early; read x <gate; echo late"))).value();
    EXPECT_EQ(facts.state, RunState::running);
    EXPECT_TRUE(facts.pid);
    const OutputMark early = co_await follow_to(*runs, run(), 6);
    EXPECT_FALSE(runs->find(run())->end);
    open_gate();
    const Whole rest = co_await follow(*runs, run(), early);
    EXPECT_EQ(rest.out, "late\n") << "from the offset on, and nothing twice";
    EXPECT_EQ(rest.end.state, RunState::succeeded);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, ARunIsStartedOnceHoweverOftenItIsAskedFor) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    const auto ask = order(witnessed("read x <gate"));
    int answers = 0;
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      Event answered(co_await asio::this_coro::executor);
      for (int i = 0; i < 5; ++i) {
        nursery.spawn([](LocalRuns& on, const Runs::Start& what, int& count, Event& event) -> Async<void> {
          const auto facts = (co_await on.start(what)).value();
          EXPECT_TRUE(facts.pid);
          ++count;
          event.set();
        }(*runs, ask, answers, answered));
      }
      while (answers < 5) co_await answered.wait();
    });
    open_gate();
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::succeeded);
    EXPECT_EQ((co_await runs->start(ask)).value().end->state, RunState::succeeded);
    EXPECT_EQ(witnesses(), 1);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, CancellingEndsTheWholeTree) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order("setsid sleep 1000 & echo $!; read x <gate"))).value();
    (void)co_await follow_to(*runs, run(), 2);
    EXPECT_TRUE(co_await runs->cancel(run()));
    const Whole whole = co_await follow(*runs, run());
    EXPECT_EQ(whole.end.state, RunState::cancelled);
    const auto left = runner::process_facts(static_cast<pid_t>(std::stol(whole.out)));
    EXPECT_TRUE(!left || left->dead()) << "what left the session belongs to the run all the same";
    EXPECT_TRUE(co_await runs->cancel(run())) << "a finished one is no error";
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, ARunCancelledWhileItStartsEnds) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      const auto ask = order("read x <gate");
      bool answered = false;
      Event event(co_await asio::this_coro::executor);
      nursery.spawn([](LocalRuns& on, const Runs::Start& what, bool& flag, Event& told) -> Async<void> {
        EXPECT_TRUE(co_await on.start(what));
        flag = true;
        told.set();
      }(*runs, ask, answered, event));
      while (!runs->find(run())) co_await clock_.sleep(1ms);
      EXPECT_TRUE(co_await runs->cancel(run()));
      while (!answered) co_await event.wait();
    });
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::cancelled);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, WhetherAStartBeginsIsWaitedForByWhoeverOffersIt) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    std::ofstream(folder(1)) << "a file in its place";
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      const std::vector<Runs::Start> orders = {order("read x <gate"), order("true", 1)};
      for (const Runs::Start& what : orders) {
        nursery.spawn([](LocalRuns& on, const Runs::Start& start) -> Async<void> {
          (void)co_await on.start(start);
        }(*runs, what));
      }
      co_await asio::post(asio::use_awaitable);  // both are asked for, and nothing is decided
      EXPECT_EQ(runs->unacknowledged(), (std::vector<RunId>{run(), run(1)})) << "a session may begin now";
      EXPECT_FALSE(co_await runs->begun(run(1))) << "it could not be";
      EXPECT_TRUE(co_await runs->begun(run()));
      EXPECT_TRUE(runs->find(run())->pid);
    });
    open_gate();
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::succeeded);
    EXPECT_FALSE(co_await runs->begun(run(2))) << "nobody knows it";
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, MuchOutputArrivesWholeAndInPieces) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order("head -c 1048576 /dev/urandom | tee copy"))).value();
    const Whole whole = co_await follow(*runs, run());
    std::ifstream copy(root_ + "/copy", std::ios::binary);
    EXPECT_TRUE(whole.out == Bytes(std::istreambuf_iterator<char>(copy), {})) << whole.out.size();
    EXPECT_FALSE(whole.gap);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, WhatWasNotKeptIsAGapAndIsCounted) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order("head -c 25000000 /dev/zero"))).value();
    while (!runs->find(run())->end) co_await clock_.sleep(10ms);  // who reads along misses nothing
    const Whole whole = co_await follow(*runs, run());
    EXPECT_EQ(whole.end.out_bytes, 25'000'000U);
    EXPECT_TRUE(whole.gap);
    EXPECT_LT(whole.out.size(), 18'000'000U);
    EXPECT_GT(whole.out.size(), 14'000'000U);
    co_await close(std::move(runs));
  });
}

// As the Brain asks for when it has enough of it.
TEST_F(RunsTest, OutputMayBeToldAtTheEndOnly) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order("echo early; read x <gate; head -c 25000000 /dev/zero; echo late; echo "
                                      ">written; read x <gate")))
        .value();
    const OutputMark early = co_await follow_to(*runs, run(), 6);
    runs->set_flow(run(), OutputFlow::at_end);
    bool told = false;
    Whole whole;
    Event ended(co_await asio::this_coro::executor);
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn([](LocalRuns& on, OutputMark from, Whole& into, bool& flag, Event& event) -> Async<void> {
        into = co_await follow(on, run(), from);
        flag = true;
        event.set();
      }(*runs, early, whole, told, ended));
      open_gate();
      while (!fs::exists(root_ + "/written")) co_await clock_.sleep(5ms);
      EXPECT_FALSE(told);
      open_gate();
      while (!told) co_await ended.wait();
    });
    EXPECT_EQ(whole.end.out_bytes, 6U + 25'000'000U + 5U);
    EXPECT_TRUE(whole.gap);
    EXPECT_GE(whole.out.size(), 15U << 20);
    EXPECT_LT(whole.out.size(), 18U << 20) << "what the node keeps, and no more";
    EXPECT_TRUE(whole.out.ends_with("late\n"));
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, OutputThatWasHeldBackComesWhenItIsWantedAgain) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order("echo early; read x <gate; echo more; echo >written; read x <gate")))
        .value();
    const OutputMark early = co_await follow_to(*runs, run(), 6);
    runs->set_flow(run(), OutputFlow::at_end);
    open_gate();
    while (!fs::exists(root_ + "/written")) co_await clock_.sleep(5ms);
    const auto late = co_await with_deadline(clock_, 50ms, runs->next(run(), early));
    EXPECT_FALSE(late && !late->pieces.empty());
    runs->set_flow(run(), OutputFlow::live);
    EXPECT_EQ((co_await runs->next(run(), early)).value().pieces.at(0).bytes, "more\n");
    open_gate();
    EXPECT_EQ((co_await follow(*runs, run(), early)).out, "more\n");
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, AnUnknownRunIsNotFound) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    EXPECT_EQ((co_await runs->next(run(), {})).error().code(), ErrorCode::not_found);
    EXPECT_EQ((co_await runs->cancel(run())).error().code(), ErrorCode::not_found);
    EXPECT_FALSE(runs->find(run()));
    EXPECT_TRUE(co_await runs->acknowledge(run(), {}, true)) << "forgotten long ago";
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, AnAcknowledgedRunBecomesATombstone) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order(witnessed("echo out")))).value();
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::succeeded);
    EXPECT_EQ(runs->unacknowledged(), std::vector<RunId>{run()});
    EXPECT_TRUE(co_await runs->acknowledge(run(), {4, 0, 0}, false));
    EXPECT_EQ(runs->unacknowledged().size(), 1U) << "the end is not durable yet";
    EXPECT_TRUE(co_await runs->acknowledge(run(), {4, 0, 0}, true));
    EXPECT_TRUE(runs->unacknowledged().empty());
    std::vector<std::string> left;
    for (const auto& entry : fs::directory_iterator(folder())) left.push_back(entry.path().filename());
    std::ranges::sort(left);
    EXPECT_EQ(left, (std::vector<std::string>{"acked", "claim", "record"}));
    EXPECT_EQ((co_await runs->start(order(witnessed("echo out")))).value().end->state, RunState::succeeded);
    EXPECT_EQ(witnesses(), 1) << "the tombstone remembers that it ran";
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, ARunningRunCannotBeAcknowledgedAsEnded) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    (void)(co_await runs->start(order("read x <gate"))).value();
    EXPECT_EQ((co_await runs->acknowledge(run(), {}, true)).error().code(), ErrorCode::conflict);
    open_gate();
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::succeeded);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, ADeedThatIsNoProcessIsKeptAndRepeated) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    const RunEnd end{
        .state = RunState::succeeded, .lasted = 5ms, .version = "0123456789abcdef0123456789abcdef01234567"};
    EXPECT_TRUE(co_await runs->record(run(), end));
    EXPECT_TRUE(co_await runs->record(run(), {.state = RunState::failed})) << "the first counts";
    EXPECT_EQ((co_await follow(*runs, run())).end, end);
    EXPECT_EQ((co_await runs->start(order(witnessed("true")))).value().end, end) << "its number is taken";
    EXPECT_EQ(witnesses(), 0);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, WithoutARunnerProgramARunEndsAsNeverStarted) {
  runners_ = LocalRunners("/no/such/runner");
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    const auto facts = (co_await runs->start(order(witnessed("true")))).value();
    EXPECT_EQ(facts.end.value().state, RunState::expired);
    EXPECT_NE(facts.end->reason.find("/no/such/runner"), std::string::npos) << facts.end->reason;
    EXPECT_EQ(witnesses(), 0);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, AFullJournalStartsNothingAndForgetsTheRun) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    std::ofstream(folder()) << "a file in its place";
    EXPECT_FALSE(co_await runs->start(order(witnessed("true"))));
    EXPECT_FALSE(runs->find(run()));
    EXPECT_EQ(witnesses(), 0);
    fs::remove(folder());
    EXPECT_TRUE(co_await runs->start(order(witnessed("true")))) << "the same order may come again";
    EXPECT_EQ((co_await follow(*runs, run())).end.state, RunState::succeeded);
    EXPECT_EQ(witnesses(), 1);
    co_await close(std::move(runs));
  });
}

TEST_F(RunsTest, ASecondAgentInOneFolderIsRefused) {
  on_loop([this]() -> Async<void> {
    auto runs = co_await open();
    EXPECT_FALSE(co_await try_open());
    co_await close(std::move(runs));
    co_await close(co_await open());
  });
}

}  // namespace
}  // namespace octo::tentacle
