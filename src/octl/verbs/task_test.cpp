// SPDX-License-Identifier: MIT
// Verbs about tasks that are there, against a Brain that says what the test wants.
#include <gmock/gmock.h>

#include <csignal>

#include "octl/exit_code.hpp"
#include "octl/fake_brain_testing.hpp"

namespace octo::octl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

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

TEST_F(TaskTest, WaitReadsNothingOfWhatWasAndNoOutput) {
  other_ = [&](const http::Request& request) {
    if (!request.path.ends_with("/events"))
      return detail_reply({ended("pi0", RunState::succeeded, 0).run, ended("pi1", RunState::failed, 7).run});
    EXPECT_EQ(request.query.find("from")->second, "last");
    EXPECT_EQ(request.query.find("output")->second, "0");
    return events_reply(
        line_of(ended("pi1", RunState::running, {}), 4711) + line_of(finished(TaskState::failed), 4713), {});
  };
  EXPECT_EQ(octl({"task", "wait", task_}).code, kCommandFailed);
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

TEST_F(TaskTest, AListIsOneQuestionWithEveryFilterInIt) {
  std::vector<std::multimap<std::string, std::string>> asked;
  other_ = [&](const http::Request& request) {
    EXPECT_EQ(request.path, "/api/v2/tasks");
    asked.push_back({request.query.begin(), request.query.end()});
    api::TaskList list;
    list.tasks.push_back({.id = TaskId(std::string(kTask)), .counts = {{RunState::succeeded, 2}}});
    list.next = kTask;
    return json_reply(api::encode(list));
  };
  const Outcome got =
      octl({"task", "list", "--caller", "alice & bob", "--node", "pi0", "--state", "lost", "-l", "30"});
  EXPECT_THAT(got.out, HasSubstr(fmt::format("\"next\": \"{}\"", kTask)));
  octl({"task", "list", "--page", task_});
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_THAT(asked[0], ElementsAre(Pair("caller", "alice & bob"), Pair("limit", "30"), Pair("node", "pi0"),
                                    Pair("state", "lost")));
  EXPECT_THAT(asked[1], ElementsAre(Pair("limit", "20"), Pair("page", task_)));
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
