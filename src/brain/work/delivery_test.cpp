// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include "brain/work/brain_testing.hpp"

namespace octo::brain {
namespace {

TEST(Delivery, WhatAllNodesOfAStepAreAskedIsMadeOnce) {
  with_brain([](Brain& brain, Nursery&) -> Async<void> {
    CommandRequest request;
    request.order.text = "true";
    co_await brain.run(300, std::move(request));
    EXPECT_EQ(brain.fleet.prepared, 1U);
    EXPECT_EQ(brain.fleet.started.size(), 300U);
    for (const auto& [run, times] : brain.fleet.started) {
      EXPECT_TRUE(times.within > 599s && times.within <= 600s);
      EXPECT_TRUE(times.delay == Span::zero() && times.hold == Span::zero());
    }
  });
}

// Each is told how far off the start is when it is told.
TEST(Delivery, AStartThatIsToComeIsToldToEachInItsOwnTime) {
  for (const bool together : {false, true}) {
    with_brain([together](Brain& brain, Nursery&) -> Async<void> {
      CommandRequest request;
      request.delay = 100s;
      if (together) request.order.together = Together{10ms, {}};
      co_await brain.run(2, std::move(request));
      for (const auto& [run, times] : brain.fleet.started) {
        const Span told = together ? times.hold - 60s : times.delay;
        EXPECT_TRUE(told > 99s && told <= 100s) << print_span(told);
        EXPECT_EQ(together ? times.delay : times.hold, Span::zero());
      }
      EXPECT_EQ(brain.fleet.prepared, 1U);
    });
  }
}

// As it is when a node is not there; it comes later.
Async<void> run_on_absent(Brain& brain) {
  co_await brain.run(1);
  CommandRequest request;
  request.nodes = {brain.runs[0].node};
  request.deadline = 600s;
  (void)co_await brain.told().run_ended(brain.runs[0], {.state = RunState::succeeded});
  brain.fleet.online.clear();
  brain.told().node_offline(request.nodes[0]);
  brain.fleet.told.clear();
  brain.id = brain.verbs->make_task_id();
  brain.runs = {{brain.id, 0, request.nodes[0], 1}};
  (co_await brain.verbs->run_command(brain.id, request, Stamp{})).value();
  co_await brain.settle();
}

void join(Brain& brain) {
  brain.fleet.online.insert(brain.runs[0].node);
  brain.told().node_online(brain.runs[0].node);
}

TEST(Delivery, AnOrderThatWaitedIsWrittenDownBeforeItIsSent) {
  with_brain([](Brain& brain, Nursery&) -> Async<void> {
    co_await run_on_absent(brain);
    EXPECT_EQ(brain.stored(brain.runs[0]).state, RunState::queued);
    brain.held = true;
    join(brain);
    co_await brain.settle();
    EXPECT_TRUE(brain.fleet.told.empty());
    brain.release();
    co_await brain.fleet.await("start n0");
    EXPECT_EQ(brain.stored(brain.runs[0]).state, RunState::delivered);
  });
}

TEST(Delivery, WhoeverCancelsItMeanwhileKeepsItFromBeingSent) {
  with_brain([](Brain& brain, Nursery&) -> Async<void> {
    co_await run_on_absent(brain);
    brain.held = true;
    join(brain);
    co_await brain.settle();
    (co_await brain.verbs->cancel(brain.id, Stamp{})).value();
    co_await brain.settle();
    brain.release();
    co_await brain.end();
    EXPECT_FALSE(brain.fleet.told.contains("start n0"));
    EXPECT_EQ(brain.stored(brain.runs[0]).state, RunState::cancelled);
  });
}

TEST(Delivery, WhatCouldNotBeWrittenDownIsTriedAgain) {
  with_brain(
      [](Brain& brain, Nursery&) -> Async<void> {
        co_await run_on_absent(brain);
        brain.fault = Error(ErrorCode::storage_full, "no space left on device");
        join(brain);
        co_await brain.settle();
        EXPECT_TRUE(brain.fleet.told.empty());
        brain.fault.reset();
        co_await brain.fleet.await("start n0");
        EXPECT_EQ(brain.stored(brain.runs[0]).state, RunState::delivered);
      },
      20);
}

// Until the second has its order.
Async<void> run_on_two(Brain& brain) {
  CommandRequest request;
  request.nodes = {NodeName("n0"), NodeName("n1")};
  request.deadline = 600s;
  for (const NodeName& node : request.nodes) brain.fleet.online.insert(node);
  brain.id = brain.verbs->make_task_id();
  (co_await brain.verbs->run_command(brain.id, request, Stamp{})).value();
  co_await brain.fleet.await("start n1");
}

// There is no room in the queue of its session, and then there is.
TEST(Delivery, ANodeThatIsSlowToTakeWhatItIsSentGetsItLater) {
  with_brain(
      [](Brain& brain, Nursery&) -> Async<void> {
        brain.fleet.refusals.emplace(NodeName("n0"), Error(ErrorCode::unavailable, "node n0 is slow"));
        co_await run_on_two(brain);
        EXPECT_FALSE(brain.fleet.told.contains("start n0"));
        brain.fleet.refusals.clear();
        co_await brain.fleet.await("start n0");
      },
      20);
}

TEST(Delivery, ANodeThatCannotDoItEndsItsRunAndNoOther) {
  with_brain([](Brain& brain, Nursery&) -> Async<void> {
    brain.fleet.refusals.emplace(NodeName("n0"), Error(ErrorCode::unsupported, "upgrade it"));
    co_await run_on_two(brain);
    (void)co_await brain.told().run_ended({brain.id, 0, NodeName("n1"), 1}, {.state = RunState::succeeded});
    co_await brain.end();
    const RunRow& refused = brain.stored({brain.id, 0, NodeName("n0"), 1});
    EXPECT_EQ(refused.state, RunState::rejected);
    EXPECT_EQ(refused.end.reason, "upgrade it");
    EXPECT_EQ(brain.ledger.stored.at(brain.id).outcome, TaskState::rejected);
  });
}

// A run that goes on, and its node is here again for ten seconds without a word of it.
Async<void> run_on_forgetful(Brain& brain) {
  co_await brain.run(1);
  (void)co_await brain.told().run_progress(brain.runs[0], {.state = RunState::running, .pid = 17});
  brain.told().node_offline(brain.runs[0].node);
  brain.fleet.told.clear();
  join(brain);
  co_await brain.clock.sleep(3s);
  EXPECT_TRUE(brain.fleet.told.empty()) << "it may be about to offer it";
  brain.fleet.connected = 10s;
  co_await brain.fleet.await("start n0");
  EXPECT_EQ(brain.fleet.started.at(brain.runs[0]).within, Span::zero()) << "asked for, not started";
  brain.fleet.told.clear();
}

TEST(Delivery, WhatANodeDoesNotOfferIsAskedForAndUnknownIfItHasForgottenIt) {
  with_brain(
      [](Brain& brain, Nursery&) -> Async<void> {
        co_await run_on_forgetful(brain);
        (void)co_await brain.told().run_refused(brain.runs[0], Error(ErrorCode::timed_out, "too late"));
        co_await brain.end();
        const RunRow& run = brain.stored(brain.runs[0]);
        EXPECT_EQ(run.state, RunState::unknown);
        EXPECT_EQ(run.end.reason, "its node has forgotten it: how far it got is not known");
      },
      20);
}

TEST(Delivery, WhatANodeKnowsAfterAllGoesOnAndIsAskedForOnce) {
  with_brain(
      [](Brain& brain, Nursery&) -> Async<void> {
        co_await run_on_forgetful(brain);
        // It has it, and cannot read it now.
        (void)co_await brain.told().run_refused(brain.runs[0], Error(ErrorCode::internal, "its disk"));
        (void)co_await brain.told().run_progress(brain.runs[0], {.state = RunState::running, .pid = 17});
        co_await brain.clock.sleep(5s);
        EXPECT_TRUE(brain.fleet.told.empty());
        (void)co_await brain.told().run_ended(brain.runs[0], {.state = RunState::succeeded});
        co_await brain.end();
        EXPECT_EQ(brain.stored(brain.runs[0]).state, RunState::succeeded);
      },
      20);
}

TEST(Delivery, OthersHaveTheirTurnsWhileThousandsOfOrdersAreSent) {
  with_brain([](Brain& brain, Nursery&) -> Async<void> {
    std::set<std::size_t> seen;
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn([](Brain& of, std::set<std::size_t>& counts) -> Async<void> {
        for (;;) {
          counts.insert(of.fleet.told.size());
          co_await asio::post(asio::use_awaitable);
        }
      }(brain, seen));
      co_await brain.run(3000);
    });
    EXPECT_GE(seen.size(), 8U);
  });
}

}  // namespace
}  // namespace octo::brain
