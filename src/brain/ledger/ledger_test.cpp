// SPDX-License-Identifier: MIT
#include "brain/ledger/ledger.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <filesystem>

#include "brain/ledger/schema.hpp"

namespace octo::brain {
namespace {

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    char name[] = "/tmp/octo_ledger_XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~LedgerTest() override { std::filesystem::remove_all(folder_); }

  // Opens the ledger, runs the body on a loop with the real worker thread, closes it.
  void with_ledger(std::function<Async<void>(SqliteLedger&)> body) {
    asio::io_context loop;
    ThreadWorkers workers(1);
    auto ledger = SqliteLedger::open(folder_, workers, loop.get_executor()).value();
    std::exception_ptr error;
    asio::co_spawn(
        loop,
        [](SqliteLedger& on, std::function<Async<void>(SqliteLedger&)> run) -> Async<void> {
          co_await run(on);
          co_await on.close();
        }(*ledger, std::move(body)),
        [&](std::exception_ptr e) { error = e; });
    loop.run();
    if (error) std::rethrow_exception(error);
  }

  static Stamp stamp(std::string action, std::optional<Receipt> receipt = std::nullopt) {
    return Stamp{Caller{"alice", Group("")}, std::move(action), "something", WallTime(Span(1'000'000'000)),
                 std::move(receipt)};
  }
  static TaskRecord task(const std::string& id) {
    TaskRecord record;
    record.id = TaskId(id);
    record.caller = "alice";
    record.title = "uname -a";
    record.request = "{}";
    record.targets = {NodeName("pi0"), NodeName("pi1")};
    return record;
  }
  static RunRow run(const std::string& id, const std::string& node, RunState state) {
    RunRow row;
    row.id = RunId{TaskId(id), 0, NodeName(node), 1};
    row.state = state;
    return row;
  }

  std::string folder_;
};

TEST_F(LedgerTest, AnAcceptedTaskIsThereAfterAReopen) {
  with_ledger([](SqliteLedger& ledger) -> Async<void> {
    const std::vector<RunRow> runs = {run("T1", "pi0", RunState::accepted),
                                      run("T1", "pi1", RunState::accepted)};
    EXPECT_TRUE((co_await ledger.accept_task(task("T1"), runs, stamp("task.start"))).has_value());
    RunRow ended = run("T1", "pi0", RunState::failed);
    ended.end.state = RunState::failed;
    ended.end.exit_code = 3;
    ended.end.out_bytes = 12;
    EXPECT_TRUE((co_await ledger.record_runs(TaskId("T1"), {ended}, std::nullopt)).has_value());
  });
  with_ledger([](SqliteLedger& ledger) -> Async<void> {
    const auto open = (co_await ledger.open_tasks()).value();
    EXPECT_EQ(open.size(), 1U);
    EXPECT_EQ(open.at(0).record.targets, (std::vector<NodeName>{NodeName("pi0"), NodeName("pi1")}));
    EXPECT_EQ(open.at(0).runs.at(0).end.exit_code, 3);
    EXPECT_EQ(open.at(0).runs.at(1).state, RunState::accepted);
    EXPECT_EQ((co_await ledger.find_run(open.at(0).runs.at(0).id)).value(), open.at(0).runs.at(0));
    EXPECT_EQ((co_await ledger.find_run(run("T1", "pi1", RunState::accepted).id)).value()->state,
              RunState::accepted);
    RunId other = open.at(0).runs.at(0).id;
    other.attempt = 2;
    EXPECT_FALSE((co_await ledger.find_run(other)).value());
    EXPECT_TRUE((co_await ledger.record_runs(TaskId("T1"), {}, TaskState::failed)).has_value());
    EXPECT_TRUE((co_await ledger.open_tasks()).value().empty());
    EXPECT_EQ((co_await ledger.find_task(TaskId("T1"))).value()->outcome, TaskState::failed);
  });
}

TEST_F(LedgerTest, OnlyOldTasksThatAreOverAreForgotten) {
  with_ledger([](SqliteLedger& ledger) -> Async<void> {
    for (const char* id : {"T1", "T2", "T3", "T4"}) {
      TaskRecord record = task(id);
      record.accepted = WallTime(id[1] == '4' ? 100s : 1s);
      EXPECT_TRUE((co_await ledger.accept_task(record, {run(id, "pi0", RunState::accepted)}, stamp("x")))
                      .has_value());
      if (id[1] == '3') continue;
      EXPECT_TRUE((co_await ledger.record_runs(TaskId(id), {}, TaskState::succeeded)).has_value());
    }
    const Stamp by = stamp("task.forget");
    const auto gone = [&](std::size_t most) { return ledger.forget_tasks(WallTime(50s), most, by); };
    EXPECT_EQ((co_await gone(1)).value(), std::vector<TaskId>{TaskId("T1")});
    EXPECT_EQ((co_await gone(10)).value(), std::vector<TaskId>{TaskId("T2")});
    EXPECT_TRUE((co_await gone(10)).value().empty());
    EXPECT_FALSE((co_await ledger.find_task(TaskId("T1"))).value());
    EXPECT_EQ((co_await ledger.open_tasks()).value().at(0).record.id.str(), "T3");
    EXPECT_TRUE((co_await ledger.find_task(TaskId("T4"))).value());
  });
}

TEST_F(LedgerTest, ANodesLabelsComeBack) {
  NodeRecord node{NodeName("pi0"), "v",          "a",          "i",
                  WallTime(1s),    WallTime(1s), WallTime(1s), {{"arch", "arm64"}, {"room", "a=b"}}};
  with_ledger([&](SqliteLedger& ledger) -> Async<void> {
    EXPECT_TRUE((co_await ledger.record_node(node)).has_value());
  });
  with_ledger([&](SqliteLedger& ledger) -> Async<void> {
    EXPECT_EQ((co_await ledger.nodes()).value().at(0).labels, node.labels);
  });
}

TEST_F(LedgerTest, AReceiptIsStoredWithItsMutationOrNotAtAll) {
  with_ledger([](SqliteLedger& ledger) -> Async<void> {
    const Receipt receipt{"key-1", Sha256{}, 201, R"({"task":"T1"})"};
    EXPECT_TRUE((co_await ledger.accept_task(task("T1"), {}, stamp("task.start", receipt))).has_value());
    const auto found = (co_await ledger.find_receipt(Caller{"alice", Group("")}, "key-1")).value();
    EXPECT_EQ(found->answer, R"({"task":"T1"})");
    EXPECT_FALSE((co_await ledger.find_receipt(Caller{"bob", Group("")}, "key-1")).value().has_value());
    // The same key again fails, and the task that came with it is not there.
    EXPECT_FALSE((co_await ledger.accept_task(task("T2"), {}, stamp("task.start", receipt))).has_value());
    EXPECT_FALSE((co_await ledger.find_task(TaskId("T2"))).value().has_value());
    // And the next one is not harmed.
    EXPECT_TRUE((co_await ledger.accept_task(task("T3"), {}, stamp("task.start"))).has_value());
  });
}

TEST_F(LedgerTest, ManyWritesAtOnceAreAllKept) {
  with_ledger([](SqliteLedger& ledger) -> Async<void> {
    co_await [](SqliteLedger& on) -> Async<void> {
      Nursery nursery(co_await asio::this_coro::executor);
      int stored = 0;
      for (int i = 0; i < 200; ++i) {
        nursery.spawn([](SqliteLedger& to, int number, int& count) -> Async<void> {
          if (co_await to.accept_task(task(fmt::format("T{:03}", number)), {}, stamp("task.start"))) ++count;
        }(on, i, stored));
      }
      co_await nursery.join();
      EXPECT_EQ(stored, 200);
    }(ledger);
    EXPECT_EQ((co_await ledger.tasks(TaskFilter{.limit = 1000})).value().size(), 200U);
    const auto page = (co_await ledger.tasks(TaskFilter{.before = "T100", .limit = 2})).value();
    EXPECT_EQ(page.at(0).record.id.str(), "T099");
    EXPECT_EQ(page.size(), 2U);
  });
}

TEST_F(LedgerTest, TasksAreFilteredByCallerAndNodeAndPaged) {
  with_ledger([](SqliteLedger& ledger) -> Async<void> {
    for (int i = 0; i < 6; ++i) {
      TaskRecord record = task(fmt::format("T{}", i));
      record.caller = i % 2 == 0 ? "alice" : "bob";
      record.targets = {NodeName("pi10"), NodeName(i < 3 ? "pi1" : "pi2"), NodeName("lab")};
      (void)co_await ledger.accept_task(record, {}, stamp("task.start"));
    }
    const auto ids = [&ledger](TaskFilter filter) -> Async<std::string> {
      std::string all;
      for (const StoredTask& found : (co_await ledger.tasks(filter)).value()) all += found.record.id.str();
      co_return all;
    };
    EXPECT_EQ(co_await ids({.caller = "alice"}), "T4T2T0");
    EXPECT_EQ(co_await ids({.target = NodeName("pi1")}), "T2T1T0") << "pi10 is another";
    EXPECT_EQ(co_await ids({.target = NodeName("pi10"), .limit = 2}), "T5T4");
    EXPECT_EQ(co_await ids({.target = NodeName("pi10"), .before = "T4", .limit = 2}), "T3T2");
    EXPECT_EQ(co_await ids({.caller = "bob", .target = NodeName("pi2")}), "T5T3");
    EXPECT_EQ(co_await ids({.caller = "carol"}) + co_await ids({.target = NodeName("pi")}), "");
  });
}

TEST_F(LedgerTest, TheAuditChainHoldsAcrossStartsAndShowsATouchedRow) {
  for (int i = 0; i < 2; ++i) {
    with_ledger([i](SqliteLedger& ledger) -> Async<void> {
      (void)co_await ledger.accept_task(task(fmt::format("A{}", i)), {}, stamp("task.start"));
      (void)co_await ledger.remove_nodes({}, stamp("node.prune"));
    });
  }
  auto store = store::Store::open(folder_ + "/ledger.db", kLedgerMigrations).value();
  EXPECT_EQ(verify_audit(*store).value(), 4U);
  ASSERT_TRUE(store->run("UPDATE audit SET object = 'nothing' WHERE epoch = 1 AND sequence = 2").has_value());
  const auto touched = verify_audit(*store);
  EXPECT_EQ(touched.error().code(), ErrorCode::corrupt);
  EXPECT_NE(touched.error().message().find("1.2"), std::string::npos);
}

TEST_F(LedgerTest, EveryStartRaisesTheEpoch) {
  std::vector<std::uint64_t> epochs;
  for (int i = 0; i < 3; ++i) {
    with_ledger([&epochs](SqliteLedger& ledger) -> Async<void> {
      epochs.push_back(ledger.epoch());
      co_return;
    });
  }
  EXPECT_EQ(epochs, (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(LedgerTest, VersionsKeepTheirOrderAndAPurgedScenarioIsGone) {
  with_ledger([](SqliteLedger& ledger) -> Async<void> {
    Scenario scenario;
    scenario.name = ScenarioName("hello world");
    scenario.deployment = "{}";
    for (const auto* id : {"aaaa", "bbbb", "aaaa"}) {
      scenario.newest.id = id;
      scenario.newest.scenario = scenario.name;
      scenario.newest.message = id;
      EXPECT_TRUE((co_await ledger.put_version(scenario)).has_value());
    }
    const auto versions = (co_await ledger.versions(scenario.name, 0, 5)).value();
    EXPECT_EQ(versions.size(), 2U);  // the repeated id changed nothing
    EXPECT_EQ(versions.at(0).id, "bbbb");
    EXPECT_EQ((co_await ledger.find_scenario(scenario.name)).value()->newest.id, "bbbb");
    EXPECT_EQ((co_await ledger.versions(scenario.name, 1, 5)).value().at(0).id, "aaaa");
    EXPECT_TRUE((co_await ledger.remove_scenario(scenario.name)).has_value());
    EXPECT_TRUE((co_await ledger.scenarios(Group(""))).value().empty());
    EXPECT_TRUE((co_await ledger.versions(scenario.name, 0, 5)).value().empty());
  });
}

}  // namespace
}  // namespace octo::brain
