// SPDX-License-Identifier: MIT
// Verbs about tasks that are there, against a Brain that says what the test wants.
#include <gmock/gmock.h>

#include <csignal>

#include "octl/exit_code.hpp"
#include "octl/fake_brain_testing.hpp"

namespace octo::octl {
namespace {

using testing::HasSubstr;
using testing::Not;

class TaskTest : public FakeBrainTest {
 protected:
  // The task's runs and events: two nodes that have written, and ended.
  void serve(std::vector<std::string> lines, std::vector<RunRow> runs) {
    std::string all;
    for (const std::string& line : lines) all += line;
    other_ = [all, runs](const http::Request& request) {
      if (request.path.ends_with("/events")) return events_reply(all, {});
      if (request.path.ends_with("/nodes")) return refuse(ErrorCode::not_found, "no such node");
      return detail_reply(runs);
    };
  }
  void serve_two() {
    serve({line_of(wrote("pi0", "zero\n", 0), 1), line_of(wrote("pi1", "one\n", 0), 2),
           line_of(ended("pi0", RunState::succeeded, 0), 3), line_of(ended("pi1", RunState::failed, 7), 4),
           line_of(finished(TaskState::failed), 5)},
          {ended("pi0", RunState::succeeded, 0).run, ended("pi1", RunState::failed, 7).run});
  }
  Outcome octl(std::vector<std::string> words, Look look = {}) {
    const auto brain = make_brain();
    return call_octl(std::move(words), write_settings(brain_at(brain->port())), look);
  }
  const std::string task_{kTask};
};

TEST_F(TaskTest, WaitPrintsNothingAndExitsAsTheTaskEnded) {
  serve_two();
  Outcome got = octl({"task", "wait", task_});
  EXPECT_EQ(got.code, kCommandFailed);
  EXPECT_EQ(got.out + got.err, "");
  serve({line_of(wrote("pi0", "x", 0), 1), line_of(ended("pi0", RunState::failed, 42), 2),
         line_of(finished(TaskState::failed), 3)},
        {ended("pi0", RunState::failed, 42).run});
  EXPECT_EQ(octl({"task", "wait", task_}).code, 42) << "one target: its own";
}

TEST_F(TaskTest, WaitEndsWhenItsTimeIsOverAndCancelsNothing) {
  std::atomic<bool> cancelled = false;
  other_ = [&](const http::Request& request) {
    if (request.path.ends_with("/cancel")) cancelled = true;
    if (request.path.ends_with("/events")) return run_until(cancelled, [] {}, "");
    return detail_reply({ended("pi0", RunState::running, {}).run});
  };
  const Outcome got = octl({"task", "wait", task_, "--timeout", "50ms"});
  EXPECT_EQ(got.code, kTimeLimit);
  EXPECT_FALSE(cancelled);
  EXPECT_THAT(got.err, HasSubstr("has not ended within 50ms"));
}

TEST_F(TaskTest, OutputIsWhatTheNodesAskedForWroteAndNoVerdict) {
  serve_two();
  EXPECT_EQ(octl({"task", "output", task_, "pi1", "--output", "text"}).out, "one\n");
  const Outcome both = octl({"task", "output", task_, "--output", "text"});
  EXPECT_EQ(both.out, "pi0: zero\npi1: one\n");
  EXPECT_EQ(both.code, kWell);
  EXPECT_THAT(octl({"task", "output", task_, "pi0"}).out, Not(HasSubstr("pi1")));
  EXPECT_EQ(octl({"task", "output", task_, "pi9"}).code, kOurError);
  const std::string folder = this->folder() + "/out";
  EXPECT_EQ(octl({"task", "output", task_, "--outdir", folder}).code, kWell);
  std::ostringstream text;
  text << std::ifstream(folder + "/pi1.stdout").rdbuf();
  EXPECT_EQ(text.str(), "one\n");
}

TEST_F(TaskTest, AListIsFilteredByCallerAndNodeAndGoesOnWhereItEnded) {
  std::vector<api::TaskSummary> all;
  for (int i = 0; i < 450; ++i) {
    all.push_back({.id = TaskId(fmt::format("01J00000000000000000000{:03}", 900 - i)),
                   .caller = i % 10 == 0 ? "alice" : "bob",
                   .state = TaskState::succeeded});
  }
  other_ = [&](const http::Request& request) {
    if (request.path != "/api/v2/tasks") {
      const std::string id = request.path.substr(request.path.rfind('/') + 1);
      RunRow run = ended(id.ends_with("0") ? "pi0" : "pi1", RunState::succeeded, 0).run;
      return detail_reply({run});
    }
    const auto limit = static_cast<std::size_t>(std::stoul(request.query.find("limit")->second));
    const std::string page = request.query.find("page")->second;
    api::TaskList list;
    for (const api::TaskSummary& task : all) {
      if ((page.empty() || task.id.str() < page) && list.tasks.size() < limit) list.tasks.push_back(task);
    }
    if (list.tasks.size() == limit) list.next = list.tasks.back().id.str();
    return json_reply(api::encode(list));
  };
  Outcome got = octl({"task", "list", "--caller", "alice", "-l", "30"});
  EXPECT_THAT(got.out, HasSubstr("\"counts\": {\n    \"succeeded\": 30\n  }"));
  EXPECT_THAT(got.out, HasSubstr("\"next\": \"01J00000000000000000000610\""));
  got = octl({"task", "list", "--caller", "alice", "-l", "30", "--page", "01J00000000000000000000610"});
  EXPECT_THAT(got.out, HasSubstr("\"succeeded\": 15"));
  EXPECT_THAT(got.out, Not(HasSubstr("\"next\"")));
  EXPECT_THAT(octl({"task", "list", "--node", "pi0", "-l", "5"}).out, HasSubstr("\"succeeded\": 5"));
  EXPECT_THAT(octl({"task", "list", "--node", "pi7"}).out, HasSubstr("\"tasks\": [],"));
}

TEST_F(TaskTest, CancelTellsWhatIsLeft) {
  other_ = [](const http::Request& request) {
    if (request.method == "POST") return json_reply("{}");
    return json_reply(api::encode(
        api::TaskDetail{.summary = {.id = TaskId(std::string(kTask)), .counts = {{RunState::running, 2}}}}));
  };
  EXPECT_THAT(octl({"task", "cancel", task_}).out, HasSubstr("\"counts\": {\n    \"running\": 2\n  }"));
}

TEST_F(TaskTest, DetachPrintsTheTaskAndLeaves) {
  std::atomic<bool> over = false;
  other_ = [&](const http::Request&) { return run_until(over, [] {}); };
  EXPECT_EQ(octl({"cmd", "run", "true", "pi0", "--detach", "--output", "text"}).out, task_ + "\n");
  const Outcome got = octl({"cmd", "run", "true", "pi0", "--detach"});
  EXPECT_EQ(got.out, fmt::format("{{\n  \"task\": \"{}\"\n}}\n", kTask));
  EXPECT_EQ(got.code, kWell);
}

TEST_F(TaskTest, XrunLeavesOnceEveryNodeHasItLoaded) {
  std::atomic<bool> over = false;
  other_ = [&](const http::Request& request) {
    if (request.method == "GET") return detail_reply({ended("pi0", RunState::delivered, {}).run});
    EXPECT_EQ(api::decode_start_task(request.body).value().delay, Span(60s));
    return run_until(over, [] {}, kStarted + line_of(ended("pi0", RunState::armed, {}), 1));
  };
  const Outcome got = octl({"cmd", "xrun", "-d", "60", "true", "pi0", "--output", "table"});
  EXPECT_EQ(got.code, kWell) << got.err;
  EXPECT_THAT(got.out, HasSubstr(fmt::format("task {}: octl task show|attach|cancel", kTask)));
}

TEST_F(TaskTest, AWatchRunsAgainUntilItIsStopped) {
  std::atomic<int> rounds = 0;
  other_ = [&](const http::Request&) {
    if (++rounds == 3) ::kill(::getpid(), SIGTERM);
    return events_reply(
        kStarted + line_of(ended("pi0", RunState::failed, 1), 1) + line_of(finished(TaskState::failed), 2),
        {});
  };
  const Outcome got = octl({"cmd", "run", "false", "pi0", "--watch", "100ms", "--output", "jsonl"});
  EXPECT_EQ(got.code, kInterrupted);
  EXPECT_EQ(rounds, 3);
  EXPECT_THAT(got.out, HasSubstr("\"time\":\""));
}

}  // namespace
}  // namespace octo::octl
