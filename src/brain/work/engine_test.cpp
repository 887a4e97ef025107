// SPDX-License-Identifier: MIT
// The verbs over ports in memory. How they fare in a world of faults is tests/sim's to find.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "api/records.hpp"
#include "async/clock_testing.hpp"
#include "async/deadline.hpp"
#include "brain/work/ports_testing.hpp"
#include "brain/work/stored_request.hpp"
#include "brain/work/verbs.hpp"

namespace octo::brain {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const TaskId kTask("01ARZ3NDEKTSV4RRFFQ69G5FAV");

class EngineTest : public testing::Test {
 protected:
  static NodeName node(int number) { return NodeName(fmt::format("pi{}", number)); }
  static RunId run(int number) { return {kTask, 0, node(number), 1}; }
  // A task that a Brain before this one has left, of so many runs in these states.
  void store(const api::StartTask& start, const std::vector<std::pair<RunState, std::string>>& runs) {
    StoredTask task;
    task.record = {.id = kTask, .request = api::encode(start), .accepted = clock_.wall()};
    for (const auto& [state, reason] : runs) {
      const int number = static_cast<int>(task.runs.size());
      RunRow row{.id = run(number), .state = state};
      row.end = {.state = is_final(state) ? state : RunState::unknown, .reason = reason};
      task.record.targets.push_back(node(number));
      task.runs.push_back(row);
      NodeRecord record{.name = node(number)};
      ledger_.node_records.push_back(record);
    }
    ledger_.stored[kTask] = task;
  }
  static api::StartTask together(Span delay) {
    api::StartTask start;
    start.text = "true";
    start.nodes = {"@all"};
    start.together = true;
    start.delay = delay;
    return start;
  }
  // The body with the Brain's verbs and these nodes online, within twenty seconds.
  void with_brain(const std::vector<int>& online, std::function<Async<void>(Verbs&)> body) {
    std::exception_ptr error;
    asio::co_spawn(
        loop_,
        [&]() -> Async<void> {
          const auto verbs = (co_await Verbs::open({nullptr, ledger_, events_, blobs_, clock_, random_},
                                                   loop_.get_executor()))
                                 .value();
          verbs->set_fleet(fleet_);
          for (const int number : online) {
            fleet_.online.insert(node(number));
            verbs->fleet_events().node_online(node(number));
          }
          const auto done = co_await with_deadline<bool>(clock_, 20s * clock_.times(),
                                                         [](auto& inner, Verbs& of) -> Async<Result<bool>> {
                                                           co_await inner(of);
                                                           co_return true;
                                                         }(body, *verbs));
          if (!done) ADD_FAILURE() << done.error().message();
          co_await verbs->stop();
        },
        [&](std::exception_ptr e) { error = e; });
    loop_.run();
    if (error) std::rethrow_exception(error);
  }
  const RunRow& row(int number) const {
    return *std::ranges::find(ledger_.stored.at(kTask).runs, run(number), &RunRow::id);
  }
  bool was_told(const std::string& what) const { return fleet_.told.contains(what); }

  asio::io_context loop_;
  FastClock clock_{loop_.get_executor(), 20};
  CountingRandom random_;
  MemoryLedger ledger_;
  MemoryEvents events_;
  NoBlobs blobs_;
  FakeFleet fleet_{loop_.get_executor()};
};

TEST_F(EngineTest, AGroupIsCalledOffWhoseMemberEndedWithTheBrainBefore) {
  for (const RunState ended : {RunState::unknown, RunState::rejected, RunState::expired}) {
    fleet_.forget();
    ledger_.node_records.clear();
    store(together(30s), {{RunState::delivered, ""}, {ended, "pi1 was reinstalled"}});
    loop_.restart();
    with_brain({0, 1}, [&](Verbs& verbs) -> Async<void> {
      co_await fleet_.await("off pi0");
      EXPECT_THAT(fleet_.offs.at(node(0)), HasSubstr("pi1 was reinstalled"));
      (void)co_await verbs.fleet_events().run_ended(run(0), {.state = RunState::rejected});
    });
    EXPECT_FALSE(was_told("commit pi0") || was_told("go pi0")) << name_of(ended);
  }
}

TEST_F(EngineTest, ADecidedGroupIsToldAgainOnceAllAreBackUnlessOneCannotStartAnyMore) {
  const auto armed = std::pair(RunState::armed, std::string());
  const std::pair<RunState, std::string> called_off = {RunState::rejected,
                                                       "not started: pi2: the link is lost"};
  const std::pair<RunState, std::string> died = {RunState::interrupted, "its supervisor died"};
  for (const auto& [delay, other, why] :
       {std::tuple(30s, armed, ""), std::tuple(30s, called_off, "not started: pi2: the link is lost"),
        std::tuple(30s, died, "not started: pi1: its supervisor died"),
        // The instant is not known to this Brain.
        std::tuple(0s, armed, ""), std::tuple(0s, died, "not started: pi1: its supervisor died")}) {
    fleet_.forget();
    ledger_.node_records.clear();
    store(together(delay), {armed, other});
    loop_.restart();
    with_brain({0, 1}, [&](Verbs&) -> Async<void> {
      co_await fleet_.await(*why == '\0' ? "go pi0" : "off pi0");
      if (*why == '\0') co_await fleet_.await("go pi1");
      else EXPECT_EQ(fleet_.offs.at(node(0)), why);
    });
    EXPECT_EQ(was_told("go pi0"), *why == '\0');
    EXPECT_EQ(was_told("off pi0"), *why != '\0');
  }
}

TEST_F(EngineTest, WhoWasSkippedKeepsNobodyFromStarting) {
  auto start = together(20s);
  start.rollout.on_offline = OfflineRule::skip;
  store(start, {{RunState::delivered, ""},
                {RunState::delivered, ""},
                {RunState::expired, "the node was offline, and is skipped as asked"}});
  with_brain({0, 1}, [&](Verbs& verbs) -> Async<void> {
    for (const int number : {0, 1}) {
      co_await fleet_.await(fmt::format("start {}", node(number)));
      (void)co_await verbs.fleet_events().run_progress(run(number), {.state = RunState::armed});
    }
    co_await fleet_.await("go pi0");
    co_await fleet_.await("go pi1");
  });
  EXPECT_TRUE(fleet_.offs.empty());
}

TEST_F(EngineTest, WhatItsNodeCancelsBecauseItWasCalledOffSaysSo) {
  const StartMark mark{.at = Instant(1s)};
  for (const auto& [start, state, reason] :
       {std::tuple(std::optional<StartMark>(), RunState::rejected, "not started: pi1: "),
        std::tuple(std::optional(mark), RunState::cancelled,
                   "it had started when it was called off: pi1: ")}) {
    fleet_.forget();
    ledger_.node_records.clear();
    store(together(30s), {{RunState::delivered, ""}, {RunState::rejected, "no such program"}});
    loop_.restart();
    with_brain({0, 1}, [&](Verbs& verbs) -> Async<void> {
      co_await fleet_.await("off pi0");
      EXPECT_TRUE(co_await verbs.fleet_events().run_ended(
          run(0),
          {.state = RunState::cancelled, .reason = "cancelled before it was started", .start = start}));
    });
    EXPECT_EQ(row(0).state, state);
    EXPECT_THAT(row(0).end.reason, StartsWith(reason));
  }
}

// The full disk of a node and the end of a Brain took the reason together.
TEST_F(EngineTest, WhatWasCalledOffByABrainBeforeIsNotCalledCancelledByAnybody) {
  const StartMark mark{.at = Instant(1s)};
  const auto armed = std::pair(RunState::armed, std::string());
  for (const auto& [start, state, reason] :
       {std::tuple(std::optional<StartMark>(), RunState::rejected, ""),
        std::tuple(std::optional(mark), RunState::cancelled, "; 17 bytes of output were not kept")}) {
    fleet_.forget();
    ledger_.node_records.clear();
    store(together(0s), {armed, armed});
    loop_.restart();
    with_brain({0}, [&](Verbs& verbs) -> Async<void> {
      const std::string said = start ? "17 bytes of output were not kept" : "cancelled before it was started";
      EXPECT_TRUE(co_await verbs.fleet_events().run_ended(
          run(0), {.state = RunState::cancelled, .reason = said, .start = start}));
    });
    EXPECT_EQ(row(0).state, state);
    EXPECT_EQ(row(0).end.reason,
              std::string("cancelled on its node, and by no operator; if a Brain before this one called it "
                          "off, why is lost") +
                  reason);
  }
}

TEST_F(EngineTest, WhyAGroupWasCalledOffOthersOfItTellAlsoWhenTheTaskIsOver) {
  store(together(0s),
        {{RunState::unknown, "pi0 was not heard of again"}, {RunState::rejected, "not started: pi1: no"}});
  ledger_.stored.at(kTask).outcome = TaskState::failed;
  with_brain({0}, [&](Verbs& verbs) -> Async<void> {
    EXPECT_TRUE(co_await verbs.fleet_events().run_ended(
        run(0), {.state = RunState::cancelled, .reason = "cancelled before it was started"}));
  });
  EXPECT_EQ(row(0).state, RunState::rejected);
  EXPECT_THAT(row(0).end.reason, StartsWith("not started: pi1: no; told after"));
}

// An operator's cancel is one, whoever else thinks of calling off.
TEST_F(EngineTest, WhatAnOperatorCancelledStaysCancelledForTheNextBrain) {
  store(together(0s), {{RunState::armed, ""}, {RunState::armed, ""}});
  ledger_.stored.at(kTask).cancel_requested = true;
  with_brain({0}, [&](Verbs& verbs) -> Async<void> {
    EXPECT_TRUE(co_await verbs.fleet_events().run_ended(
        run(0), {.state = RunState::cancelled, .reason = "cancelled before it was started"}));
  });
  EXPECT_EQ(row(0).state, RunState::cancelled);
}

TEST_F(EngineTest, ATiedTaskEndsThoughThereWasNoRoomToSaySoWhenItsCallerLeft) {
  api::StartTask start;
  start.text = "sleep 1000";
  ledger_.node_records.push_back({.name = node(0)});
  ledger_.cancels_refused = 2;
  with_brain({0}, [&](Verbs& verbs) -> Async<void> {
    CommandRequest request;
    request.order = {.text = start.text, .tie = true};
    request.nodes = {node(0)};
    request.deadline = 10min;
    request.request = api::encode(start);
    EXPECT_TRUE(co_await verbs.run_command(kTask, request, {.at = clock_.wall()}));
    co_await fleet_.await("start pi0");
    verbs.caller_gone(kTask);
    co_await fleet_.await("cancel pi0");
  });
  EXPECT_EQ(ledger_.cancels_refused, 0);
  EXPECT_TRUE(ledger_.stored.at(kTask).cancel_requested);
}

}  // namespace
}  // namespace octo::brain
