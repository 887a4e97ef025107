// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include "brain/work/brain_testing.hpp"

namespace octo::brain {
namespace {

using testing::ElementsAre;

// As the fleet does it for each run: it starts, it ends, and the end is acknowledged.
Async<void> report(Brain& brain, RunId run, std::vector<Result<void>>& answers, RunEnd end) {
  (void)co_await brain.told().run_progress(run, {.state = RunState::running, .pid = 17});
  answers.push_back(co_await brain.told().run_ended(run, end));
}

RunEnd good_end() {
  RunEnd end;
  end.state = RunState::succeeded;
  end.exit_code = 0;
  return end;
}

// A look at the members and the wait that follows are one: there is no turn of the loop in which the last one
// may come unheard, to be found half a minute later.
TEST(Reports, ThatTheLastOfAGroupIsArmedIsNeverMissed) {
  for (int turns = 0; turns < 12; ++turns) {
    with_brain([turns](Brain& brain, Nursery&) -> Async<void> {
      CommandRequest request;
      request.order.together = Together{10ms, 60s};
      co_await brain.run(2, std::move(request));
      (void)co_await brain.told().run_progress(brain.runs[0], {.state = RunState::armed});
      for (int turn = 0; turn < turns; ++turn) co_await asio::post(asio::use_awaitable);
      (void)co_await brain.told().run_progress(brain.runs[1], {.state = RunState::armed});
      co_await brain.settle();
      EXPECT_TRUE(brain.fleet.told.contains("commit n0") && brain.fleet.told.contains("commit n1")) << turns;
    });
  }
}

TEST(Reports, EndsThatComeTogetherAreStoredTogetherAndNoneIsAnsweredBefore) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    constexpr std::size_t kNodes = 300;
    co_await brain.run(kNodes);
    brain.held = true;
    std::vector<Result<void>> answers;
    for (const RunId& run : brain.runs) nursery.spawn(report(brain, run, answers, good_end()));
    co_await brain.settle();
    EXPECT_TRUE(answers.empty()) << "nothing is stored yet";
    for (const RunId& run : brain.runs) EXPECT_FALSE(is_final(brain.stored(run).state));
    brain.release();
    co_await brain.end();
    EXPECT_EQ(answers.size(), kNodes);
    for (const auto& answer : answers) EXPECT_TRUE(answer.has_value());
    EXPECT_LE(brain.transactions, 3U);
    EXPECT_LE(brain.events.appends, 8U);
    EXPECT_EQ(brain.ledger.stored.at(brain.id).outcome, TaskState::succeeded);
    for (const RunId& run : brain.runs) {
      EXPECT_EQ(brain.stored(run).state, RunState::succeeded);
      EXPECT_THAT(brain.story_of(run), ElementsAre(RunState::running, RunState::succeeded));
    }
    EXPECT_EQ(brain.events.told[brain.id].back().kind, TaskEvent::Kind::done);
  });
}

TEST(Reports, WhatCouldNotBeStoredIsAnsweredSoAndTakenWhenItComesAgain) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(20);
    brain.fault = Error(ErrorCode::storage_full, "no space");
    std::vector<Result<void>> answers;
    for (const RunId& run : brain.runs) nursery.spawn(report(brain, run, answers, good_end()));
    while (answers.size() < 20) co_await asio::post(asio::use_awaitable);
    for (const auto& answer : answers) EXPECT_EQ(answer.error().code(), ErrorCode::storage_full);
    EXPECT_THAT(brain.story_of(brain.runs[3]), ElementsAre(RunState::running)) << "never shown before";
    brain.fault.reset();
    answers.clear();
    for (const RunId& run : brain.runs) nursery.spawn(report(brain, run, answers, good_end()));
    co_await brain.end();
    for (const auto& answer : answers) EXPECT_TRUE(answer.has_value());
    EXPECT_EQ(answers.size(), 20U);
  });
}

TEST(Reports, AnEndThatComesTwiceAtOnceIsToldOnceAndAnsweredTwice) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(2);
    const RunId first = brain.runs[0], second = brain.runs[1];
    brain.held = true;
    std::vector<Result<void>> answers;
    RunEnd other = good_end();
    other.state = RunState::failed;
    for (const RunEnd& end : {good_end(), good_end(), other})
      nursery.spawn(report(brain, first, answers, end));
    co_await brain.settle();
    EXPECT_TRUE(answers.empty());
    brain.release();
    while (answers.size() < 3) co_await asio::post(asio::use_awaitable);
    co_await brain.settle();
    EXPECT_THAT(brain.story_of(first), ElementsAre(RunState::running, RunState::succeeded));
    EXPECT_EQ(brain.stored(first).state, RunState::succeeded) << "the first word counts";
    nursery.spawn(report(brain, second, answers, good_end()));
    co_await brain.end();
    // To a task that is over too.
    EXPECT_TRUE((co_await brain.told().run_ended(second, good_end())).has_value());
    EXPECT_EQ((co_await brain.told().run_offered(second)).value().durable.out, 0U);
    RunId stranger = second;
    stranger.node = NodeName("x");
    EXPECT_EQ((co_await brain.told().run_ended(stranger, good_end())).error().code(), ErrorCode::not_found);
    EXPECT_EQ((co_await brain.told().run_offered(stranger)).error().code(), ErrorCode::not_found);
  });
}

Async<void> end(Brain& brain, RunId run, RunEnd how) { (void)co_await brain.told().run_ended(run, how); }

// A cancel ends both, and waits for the one that ends just then.
TEST(Reports, OfRunsThatEndTogetherOneThatEndsOtherwiseMeanwhileIsLeftAlone) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    CommandRequest request;
    request.nodes = {NodeName("n0"), NodeName("n1")};  // that are away, so their orders never left
    request.deadline = 600s;
    brain.id = brain.verbs->make_task_id();
    (co_await brain.verbs->run_command(brain.id, request, Stamp{})).value();
    const RunId first{brain.id, 0, request.nodes[0], 1}, second{brain.id, 0, request.nodes[1], 1};
    brain.held = true;
    nursery.spawn(end(brain, second, {.state = RunState::rejected, .reason = "no"}));
    co_await brain.settle();
    (co_await brain.verbs->cancel(brain.id, Stamp{})).value();
    co_await brain.settle();
    nursery.spawn(end(brain, first, good_end()));
    co_await brain.settle();
    brain.release();
    co_await brain.end();
    EXPECT_EQ(brain.stored(first).state, RunState::succeeded);
    EXPECT_EQ(brain.stored(second).state, RunState::rejected);
    for (const RunId& run : {first, second})
      EXPECT_EQ(std::ranges::count_if(brain.story_of(run), is_final), 1);
  });
}

TEST(Reports, AnEndWhoseSessionIsLostMeanwhileIsStoredAndToldAllTheSame) {
  with_brain([](Brain& brain, Nursery&) -> Async<void> {
    co_await brain.run(3);
    brain.held = true;
    std::vector<Result<void>> answers;
    co_await in_nursery([&](Nursery& sessions) -> Async<void> {
      for (const RunId& run : brain.runs) sessions.spawn(report(brain, run, answers, good_end()));
      co_await brain.settle();
    });
    EXPECT_TRUE(answers.empty());
    brain.release();
    co_await brain.end();
    for (const RunId& run : brain.runs)
      EXPECT_THAT(brain.story_of(run), ElementsAre(RunState::running, RunState::succeeded));
    EXPECT_EQ(brain.ledger.stored.at(brain.id).outcome, TaskState::succeeded);
  });
}

TEST(Reports, ANodeThatGoesOnTellingOfProgressWaitsForTheDisk) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(1);
    const RunId run = brain.runs[0];
    std::size_t told = 0;
    for (std::int64_t pid = 1; pid <= 40; ++pid) {
      const std::size_t before = brain.events.told[brain.id].size();
      EXPECT_TRUE(
          (co_await brain.told().run_progress(run, {.state = RunState::running, .pid = pid})).has_value());
      told += brain.events.told[brain.id].size() > before ? 1 : 0;
    }
    EXPECT_GE(told, 35U) << "or it could fill the memory";
    std::vector<Result<void>> answers;
    nursery.spawn(report(brain, run, answers, good_end()));
    co_await brain.end();
    EXPECT_EQ(brain.story_of(run).size(), 42U);
  });
}

}  // namespace
}  // namespace octo::brain
