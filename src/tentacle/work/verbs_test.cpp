// SPDX-License-Identifier: MIT
#include "tentacle/work/verbs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "async/deadline.hpp"
#include "domain/limits.hpp"
#include "tentacle/work/ports_testing.hpp"

namespace octo::tentacle {
namespace {

using testing::HasSubstr;

class FakeSource final : public Source {
 public:
  explicit FakeSource(std::optional<Error> error = {}) : error_(std::move(error)) {}
  Async<Result<Manifest>> manifest(const Sha256&) override {
    if (error_) co_return fail(*error_);
    co_return Manifest{};
  }
  Async<Result<void>> chunks(const std::vector<Sha256>&,
                             std::function<Result<void>(const Sha256&, BytesView)>) override {
    co_return Result<void>{};
  }

 private:
  std::optional<Error> error_;
};

RunId id_of(std::uint32_t step) { return {TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"), step, NodeName("pi0"), 1}; }
AppAt hello() { return {AppName("hello"), ScenarioName("w")}; }

// Runs the body with Verbs over fakes, on one loop, within ten seconds.
struct World {
  asio::io_context loop;
  SystemClock clock{loop.get_executor()};
  FakeRuns runs;
  FakeWorkspace workspace{loop.get_executor()};
  FakeHost host;
  Verbs verbs{
      {runs, workspace, host, clock}, {.name = NodeName("pi0"), .workspace = "/w"}, loop.get_executor()};

  template <class Body>
  void run(Body body) {
    bool done = false;
    asio::co_spawn(
        loop,
        [&]() -> Async<void> {
          const auto ended = co_await with_deadline(clock, 10s, wrap(body));
          EXPECT_TRUE(ended) << ended.error().message();
          co_await verbs.stop();
          done = true;
        },
        [](std::exception_ptr error) { EXPECT_FALSE(error); });
    loop.run();
    EXPECT_TRUE(done);
  }
  template <class Body>
  static Async<Result<void>> wrap(Body& body) {
    co_await body();
    co_return Result<void>{};
  }
};

TEST(VerbsTest, ACommandRunsInTheWorkspaceOrInItsApp) {
  World world;
  world.run([&]() -> Async<void> {
    EXPECT_EQ((co_await world.verbs.start({id_of(0), ExecOrder{.text = "true"}}, nullptr)).value().pid, 7);
    EXPECT_TRUE((co_await world.verbs.start({id_of(1), ExecOrder{.text = "true", .app = hello()}}, nullptr))
                    .has_value());
    EXPECT_EQ(world.runs.starts.at(0).folder, "/w");
    EXPECT_EQ(world.runs.starts.at(1).folder, "/w/hello@w");
    EXPECT_THAT(world.runs.starts.at(1).environment,
                testing::Contains(testing::Pair("OCTOPODA_CURRENTDIR", "/w/hello@w")));
  });
}

TEST(VerbsTest, ACommandRunsAsItsUserFromItsHomeAndWhereItIsTold) {
  World world;
  world.run([&]() -> Async<void> {
    (void)co_await world.verbs.start({id_of(0), ExecOrder{.text = "true", .user = "alice"}}, nullptr);
    (void)co_await world.verbs.start({id_of(1), ExecOrder{.text = "true", .user = "alice", .folder = "sub"}},
                                     nullptr);
    (void)co_await world.verbs.start({id_of(2), ExecOrder{.text = "true", .folder = "/abs"}}, nullptr);
    (void)co_await world.verbs.start({id_of(3), ExecOrder{.text = "true", .app = hello(), .folder = "sub"}},
                                     nullptr);
    (void)co_await world.verbs.start({id_of(4), ExecOrder{.text = "true", .user = "bob"}}, nullptr);
    const auto& starts = world.runs.starts;
    EXPECT_EQ(starts.size(), 4U);
    EXPECT_EQ(starts.at(0).folder, "/users/alice");
    EXPECT_EQ(starts.at(0).account->uid, 7U);
    EXPECT_THAT(starts.at(0).environment, testing::Contains(testing::Pair("HOME", "/users/alice")));
    EXPECT_THAT(starts.at(0).environment, testing::Contains(testing::Pair("USER", "alice")));
    EXPECT_EQ(starts.at(1).folder, "/users/alice/sub");
    EXPECT_EQ(starts.at(2).folder, "/abs");
    EXPECT_FALSE(starts.at(2).account);
    EXPECT_EQ(starts.at(3).folder, "/w/hello@w/sub");
    EXPECT_EQ(world.runs.ends.at(id_of(4)).state, RunState::rejected);
    EXPECT_THAT(world.runs.ends.at(id_of(4)).reason, HasSubstr("bob"));
  });
}

TEST(VerbsTest, APurgeScriptHasNothingToDoWhereTheAppIsNot) {
  World world;
  world.run([&]() -> Async<void> {
    const AppAt other{AppName("other"), ScenarioName("w")};
    const auto facts = co_await world.verbs.start(
        {id_of(0), ExecOrder{.text = "true", .app = other, .where_prepared = true}}, nullptr);
    EXPECT_EQ(facts.value().state, RunState::succeeded);
    EXPECT_THAT(world.runs.ends.at(id_of(0)).reason, HasSubstr("not prepared"));
    EXPECT_TRUE(world.runs.starts.empty());
  });
}

TEST(VerbsTest, WhatTheNodeRefusesIsARunThatEndedAsRejected) {
  World world;
  world.run([&]() -> Async<void> {
    const AppAt other{AppName("other"), ScenarioName("w")};
    const std::vector<std::pair<ExecOrder, const char*>> refused = {
        {{.text = "true", .app = other}, "not prepared"},
        {{.text = " "}, "not empty"},
        {{.text = Bytes(limits::command_bytes_max + 1, 'x')}, "at most"},
        {{.kind = ExecOrder::Kind::script, .text = "x", .script_name = "../x"}, "script's file"},
        {{.text = "true", .environment = {{"A", std::string(limits::environment_bytes_max, 'x')}}},
         "environment"}};
    std::uint32_t step = 0;
    for (const auto& [order, why] : refused) {
      const auto facts = co_await world.verbs.start({id_of(++step), order}, nullptr);
      EXPECT_EQ(facts.value().state, RunState::rejected);
      EXPECT_THAT(world.runs.ends.at(id_of(step)).reason, HasSubstr(why));
    }
    EXPECT_TRUE(world.runs.starts.empty());
  });
}

TEST(VerbsTest, ADeedAnswersAtOnceAndEndsThroughNext) {
  World world;
  world.workspace.shut = true;
  world.run([&]() -> Async<void> {
    const RunOrder sync{id_of(0), SyncOrder{.app = hello()}};
    EXPECT_EQ((co_await world.verbs.start(sync, std::make_shared<FakeSource>())).value().state,
              RunState::running);
    EXPECT_EQ((co_await world.verbs.start(sync, std::make_shared<FakeSource>())).value().state,
              RunState::running);
    EXPECT_THAT(world.verbs.unacknowledged(), testing::ElementsAre(id_of(0)));
    world.workspace.shut = false;
    const auto wait = [&]() { return world.verbs.next(id_of(0), {}); };
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn([](Event& gate) -> Async<void> {
        gate.set();
        co_return;
      }(world.workspace.gate));
      EXPECT_EQ((co_await wait()).value().facts.end->state, RunState::succeeded);
    });
    EXPECT_EQ(world.workspace.syncs, 1);
    EXPECT_EQ((co_await world.verbs.start(sync, nullptr)).value().state, RunState::succeeded)
        << "known, so not done again";
    EXPECT_EQ(world.workspace.syncs, 1);
  });
}

TEST(VerbsTest, ACommitTellsItsVersionAndAFailureItsReason) {
  World world;
  world.run([&]() -> Async<void> {
    (void)co_await world.verbs.start({id_of(0), CommitOrder{hello(), "m"}}, nullptr);
    EXPECT_EQ((co_await world.verbs.next(id_of(0), {})).value().facts.end->version, "abc");
    (void)co_await world.verbs.start({id_of(1), ResetOrder{hello(), "old", "m"}}, nullptr);
    EXPECT_EQ((co_await world.verbs.next(id_of(1), {})).value().facts.end->version, "old'");
    (void)co_await world.verbs.start({id_of(2), CommitOrder{hello(), "fail"}}, nullptr);
    const RunEnd end = (co_await world.verbs.next(id_of(2), {})).value().facts.end.value();
    EXPECT_EQ(end.state, RunState::failed);
    EXPECT_THAT(end.reason, HasSubstr("damaged"));
    EXPECT_TRUE(end.started);
    EXPECT_EQ(world.workspace.operations.at(0), local_name(id_of(0)));
    (void)co_await world.verbs.start({id_of(3), RemoveOrder{hello()}}, nullptr);
    EXPECT_EQ((co_await world.verbs.next(id_of(3), {})).value().facts.end->state, RunState::succeeded);
  });
}

TEST(VerbsTest, ALostSourceForgetsTheRunAndADamagedOneEndsIt) {
  World world;
  world.run([&]() -> Async<void> {
    const RunOrder sync{id_of(0), SyncOrder{.app = hello()}};
    (void)co_await world.verbs.start(
        sync, std::make_shared<FakeSource>(Error(ErrorCode::unavailable, "link lost")));
    EXPECT_EQ((co_await world.verbs.next(id_of(0), {})).error().code(), ErrorCode::unavailable);
    EXPECT_FALSE(world.verbs.find(id_of(0)));
    (void)co_await world.verbs.start(
        sync, std::make_shared<FakeSource>(Error(ErrorCode::not_found, "no such bundle")));
    EXPECT_EQ((co_await world.verbs.next(id_of(0), {})).value().facts.end->state, RunState::failed);
  });
}

TEST(VerbsTest, ADeedWhoseEndCannotBeStoredIsNotOver) {
  World world;
  world.runs.full = true;
  world.run([&]() -> Async<void> {
    const RunOrder order{id_of(0), CommitOrder{hello(), "m"}};
    (void)co_await world.verbs.start(order, nullptr);
    EXPECT_EQ((co_await world.verbs.next(id_of(0), {})).error().code(), ErrorCode::storage_full);
    world.runs.full = false;
    (void)co_await world.verbs.start(order, nullptr);
    EXPECT_TRUE((co_await world.verbs.next(id_of(0), {})).value().facts.end);
    EXPECT_EQ(world.workspace.operations.size(), 2U) << "idempotent by the run's name";
    EXPECT_EQ(world.workspace.operations[0], world.workspace.operations[1]);
  });
}

TEST(VerbsTest, ADeedInProgressCanBeCancelledAndAProcessIsLeftToRuns) {
  World world;
  world.workspace.shut = true;
  world.run([&]() -> Async<void> {
    (void)co_await world.verbs.start({id_of(0), SyncOrder{.app = hello()}}, std::make_shared<FakeSource>());
    EXPECT_TRUE((co_await world.verbs.cancel(id_of(0))).has_value());
    EXPECT_EQ((co_await world.verbs.next(id_of(0), {})).value().facts.end->state, RunState::cancelled);
    EXPECT_TRUE((co_await world.verbs.cancel(id_of(1))).has_value());
    EXPECT_THAT(world.runs.cancelled, testing::ElementsAre(id_of(1)));
  });
}

TEST(VerbsTest, StoppingLeavesNoDeedBehind) {
  World world;
  world.workspace.shut = true;
  world.run([&]() -> Async<void> {
    (void)co_await world.verbs.start({id_of(0), SyncOrder{.app = hello()}}, std::make_shared<FakeSource>());
  });
  EXPECT_TRUE(world.runs.ends.empty()) << "done again when it is asked again";
}

TEST(VerbsTest, QuestionsGoToTheirPorts) {
  World world;
  world.run([&]() -> Async<void> {
    EXPECT_EQ((co_await world.verbs.status()).value().cpu_cores, 4U);
    EXPECT_EQ((co_await world.verbs.apps(std::nullopt, 0, 5)).value().size(), 2U);
    EXPECT_EQ((co_await world.verbs.apps(hello(), 0, 5)).value().at(0).app, hello());
  });
}

}  // namespace
}  // namespace octo::tentacle
