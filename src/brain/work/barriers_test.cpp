// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include "brain/work/brain_testing.hpp"

namespace octo::brain {
namespace {

using testing::Each;
using testing::HasSubstr;

// Runs that wait at one barrier, and what they are answered.
struct Meeting {
  explicit Meeting(Brain& on) : brain(on) {}
  void come(Nursery& nursery, const RunId& run) {
    nursery.spawn([](Meeting& meeting, RunId id) -> Async<void> {
      const auto answer = co_await meeting.brain.told().barrier_reached(id, "ready");
      ++meeting.answered;
      if (answer) ++meeting.passed;
      else meeting.refusals.push_back(answer.error().message());
    }(*this, run));
  }
  void come(Nursery& nursery, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) come(nursery, brain.runs[i]);
  }
  std::size_t openings() const {
    const auto& told = brain.events.told[brain.id];
    return static_cast<std::size_t>(
        std::ranges::count_if(told, [](const TaskEvent& event) { return event.barrier == "ready"; }));
  }

  Brain& brain;
  std::size_t answered = 0, passed = 0;
  std::vector<std::string> refusals;
};

RunEnd bad_end() {
  RunEnd end;
  end.state = RunState::failed;
  end.exit_code = 7;
  return end;
}

// To look whether thousands have come costs a look at each: once for the first, once for the last.
TEST(Barriers, OfThousandsNobodyPassesBeforeTheLastAndFewAreLookedAt) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    constexpr std::size_t kNodes = 2000;
    co_await brain.run(kNodes);
    Meeting meeting(brain);
    brain.fleet.looks = 0;
    for (std::size_t i = 0; i + 1 < kNodes; ++i) {
      meeting.come(nursery, brain.runs[i]);
      co_await asio::post(asio::use_awaitable);
    }
    co_await brain.settle();
    EXPECT_EQ(meeting.answered, 0U);
    meeting.come(nursery, brain.runs.back());
    co_await brain.settle();
    EXPECT_EQ(meeting.passed, kNodes);
    EXPECT_EQ(meeting.openings(), 1U);
    EXPECT_LE(brain.fleet.looks, 3 * kNodes) << "each that comes looks at all";
    meeting.come(nursery, brain.runs.front());
    co_await brain.settle();
    EXPECT_EQ(meeting.passed, kNodes + 1) << "open stays open";
  });
}

TEST(Barriers, ThousandsThatComeTooLateAreToldSoWithoutALookAtAllForEach) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    constexpr std::size_t kNodes = 2000;
    co_await brain.run(kNodes);
    (void)co_await brain.told().run_ended(brain.runs.back(), bad_end());
    Meeting meeting(brain);
    brain.fleet.looks = 0;
    for (std::size_t i = 0; i + 1 < kNodes; ++i) {
      meeting.come(nursery, brain.runs[i]);
      co_await brain.settle();
    }
    EXPECT_EQ(meeting.refusals.size(), kNodes - 1);
    EXPECT_THAT(meeting.refusals,
                Each(std::string("barrier ready: n1999 has ended (failed) and will not come")));
    EXPECT_LE(brain.fleet.looks, 3 * kNodes);
  });
}

// At whatever turn of the loop it comes, nobody waits for the next look.
TEST(Barriers, TheLastIsNeverMissedNorIsAnEnd) {
  for (int turns = 0; turns < 12; ++turns) {
    for (const bool ends : {false, true}) {
      with_brain([turns, ends](Brain& brain, Nursery& nursery) -> Async<void> {
        co_await brain.run(3);
        Meeting meeting(brain);
        meeting.come(nursery, brain.runs[0]);
        meeting.come(nursery, brain.runs[1]);
        for (int turn = 0; turn < turns; ++turn) co_await asio::post(asio::use_awaitable);
        if (ends) (void)co_await brain.told().run_ended(brain.runs[2], bad_end());
        else meeting.come(nursery, brain.runs[2]);
        co_await brain.settle();
        EXPECT_EQ(meeting.passed, ends ? 0U : 3U) << turns;
        EXPECT_EQ(meeting.refusals.size(), ends ? 2U : 0U) << turns;
      });
    }
  }
}

TEST(Barriers, UpToFiveAreNamedWhoWillNotCome) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(8);
    Meeting meeting(brain);
    meeting.come(nursery, brain.runs[0]);
    meeting.come(nursery, brain.runs[7]);
    co_await brain.settle();
    brain.held = true;  // so that all end at once
    for (int i = 1; i < 7; ++i) {
      nursery.spawn([](Brain& of, RunId run) -> Async<void> {
        (void)co_await of.told().run_ended(run, bad_end());
      }(brain, brain.runs[static_cast<std::size_t>(i)]));
    }
    co_await brain.settle();
    brain.release();
    co_await brain.settle();
    EXPECT_EQ(meeting.refusals.size(), 2U);
    EXPECT_THAT(meeting.refusals, Each(HasSubstr("n1 has ended (failed)")));
  });
}

// Its agent may be gone, or its link; whoever else waits goes on waiting, also when it was the first.
TEST(Barriers, WhoeverGoesAwayIsWaitedForAgain) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(3);
    Meeting meeting(brain);
    co_await in_nursery([&](Nursery& short_lived) -> Async<void> {
      meeting.come(short_lived, brain.runs[0]);
      co_await brain.settle();
      meeting.come(nursery, brain.runs[1]);
      co_await brain.settle();
    });
    meeting.come(nursery, brain.runs[2]);
    co_await brain.settle();
    EXPECT_EQ(meeting.answered, 0U);
    meeting.come(nursery, brain.runs[0]);
    co_await brain.settle();
    EXPECT_EQ(meeting.passed, 3U);
  });
}

TEST(Barriers, WhenAllHaveGoneAwayTheNextBeginAnew) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(2);
    Meeting meeting(brain);
    for (int turns = 0; turns < 6; ++turns) {
      co_await in_nursery([&](Nursery& short_lived) -> Async<void> {
        meeting.come(short_lived, brain.runs[0]);
        for (int turn = 0; turn < turns; ++turn) co_await asio::post(asio::use_awaitable);
      });
      // The one that watched may not know yet.
      co_await in_nursery([&](Nursery& short_lived) -> Async<void> {
        meeting.come(short_lived, brain.runs[1]);
        co_await brain.settle();
      });
      EXPECT_EQ(meeting.answered, 0U);
    }
    meeting.come(nursery, 0, 2);
    co_await brain.settle();
    EXPECT_EQ(meeting.passed, 2U);
    EXPECT_EQ(meeting.openings(), 1U);
  });
}

TEST(Barriers, ARunThatAsksAnewBeforeItsOldQuestionIsGoneCountsOnce) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(2);
    Meeting meeting(brain);
    co_await in_nursery([&](Nursery& short_lived) -> Async<void> {
      meeting.come(short_lived, brain.runs[0]);
      co_await brain.settle();
      meeting.come(nursery, brain.runs[0]);
      co_await brain.settle();
      EXPECT_EQ(meeting.answered, 0U) << "one of two has come";
    });
    meeting.come(nursery, brain.runs[1]);
    co_await brain.settle();
    EXPECT_EQ(meeting.passed, 2U) << "it still waits though its old question is gone";
  });
}

TEST(Barriers, OneThatEndsWhileItWaitsIsReleasedAndReleasesTheOthers) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(3);
    Meeting meeting(brain);
    meeting.come(nursery, 0, 2);
    co_await brain.settle();
    (void)co_await brain.told().run_ended(brain.runs[0], bad_end());
    co_await brain.settle();
    EXPECT_THAT(meeting.refusals,
                testing::UnorderedElementsAre("barrier ready: the run is over",
                                              "barrier ready: n0 has ended (failed) and will not come"));
    meeting.come(nursery, brain.runs[0]);
    co_await brain.settle();
    EXPECT_THAT(meeting.refusals.back(), HasSubstr("no such run that goes on"));
  });
}

// The next attempt takes the place of the one before.
TEST(Barriers, WhereARunIsTriedAgainTheOthersWaitForThat) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    CommandRequest request;
    request.rollout.retries = 1;
    co_await brain.run(2, std::move(request));
    Meeting meeting(brain);
    meeting.come(nursery, brain.runs[0]);
    co_await brain.settle();
    RunId again = brain.runs[1];
    (void)co_await brain.told().run_ended(again, bad_end());
    co_await brain.settle();
    EXPECT_EQ(meeting.answered, 0U);
    ++again.attempt;
    meeting.come(nursery, again);
    co_await brain.settle();
    EXPECT_EQ(meeting.passed, 2U);
  });
}

TEST(Barriers, NobodyPassesBeforeItIsDurableThatItIsOpen) {
  with_brain([](Brain& brain, Nursery& nursery) -> Async<void> {
    co_await brain.run(2);
    brain.events.before_sync = [&brain]() -> Async<Result<void>> {
      while (brain.held) co_await brain.released.wait();
      if (brain.fault) co_return fail(*brain.fault);
      co_return Result<void>{};
    };
    brain.held = true;
    Meeting meeting(brain);
    meeting.come(nursery, 0, 2);
    co_await brain.settle();
    EXPECT_EQ(meeting.answered, 0U);
    brain.fault = Error(ErrorCode::storage_full, "no space left on device");
    brain.release();
    co_await brain.settle();
    EXPECT_EQ(meeting.refusals.size(), 2U);
    EXPECT_THAT(meeting.refusals, Each(HasSubstr("open barrier ready")));
    brain.fault.reset();
    meeting.come(nursery, 0, 2);
    co_await brain.settle();
    EXPECT_EQ(meeting.passed, 2U);
  });
}

TEST(Barriers, ALostNodeReleasesTheOthersAndOneThatIsBackIsWaitedFor) {
  with_brain(
      [](Brain& brain, Nursery& nursery) -> Async<void> {
        co_await brain.run(2);
        Meeting meeting(brain);
        meeting.come(nursery, brain.runs[0]);
        const NodeName lost = brain.runs[1].node;
        brain.fleet.online.erase(lost);
        brain.told().node_offline(lost);
        const Instant left = brain.clock.now();
        while (meeting.answered == 0) co_await asio::post(asio::use_awaitable);
        EXPECT_GE(brain.clock.now() - left, limits::offline_after);
        EXPECT_THAT(meeting.refusals, testing::ElementsAre(HasSubstr("n1 is lost, it was not heard of for")));
        meeting.come(nursery, brain.runs[0]);
        while (meeting.answered == 1) co_await asio::post(asio::use_awaitable);
        EXPECT_EQ(meeting.refusals.size(), 2U);
        brain.fleet.online.insert(lost);
        brain.told().node_online(lost);
        meeting.come(nursery, 0, 2);
        while (meeting.answered < 4) co_await asio::post(asio::use_awaitable);
        EXPECT_EQ(meeting.passed, 2U);
      },
      100);
}

}  // namespace
}  // namespace octo::brain
