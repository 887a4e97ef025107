// SPDX-License-Identifier: MIT
// Verbs that start a task, against a Brain that says what the test wants.
#include <gmock/gmock.h>

#include <csignal>
#include <set>

#include "async/clock.hpp"
#include "io/crypto/crypto.hpp"
#include "octl/exit_code.hpp"
#include "octl/fake_brain_testing.hpp"

namespace octo::octl {
namespace {

using testing::HasSubstr;

class VerbsTest : public FakeBrainTest {};

const std::string kStarted = api::encode(api::TaskStarted{TaskId(std::string(kTask))}) + "\n";

TEST_F(VerbsTest, ACommandsKeyIsOnDiskBeforeItIsSentAndGoneAfterwardsAndABrokenStreamGoesOn) {
  const std::string task(kTask);
  const std::string keys = folder() + "/state.keys";
  bool kept = false;
  other_ = [&](const http::Request& request) {
    if (request.method == "POST") {
      kept = std::filesystem::exists(keys + "/" + request.headers.at("idempotency-key"));
      return events_reply(kStarted + line_of(wrote("pi0", "one\n", 0), 1),
                          fail(ErrorCode::unavailable, "cut"));
    }
    EXPECT_EQ(request.target, "/api/v2/tasks/" + task + "/events?from=2");
    return events_reply(line_of(wrote("pi0", "two\n", 4), 2) +
                            line_of(ended("pi0", RunState::failed, 42), 3) +
                            line_of(finished(TaskState::failed), 4),
                        {});
  };
  const auto brain = make_brain();
  const Outcome got =
      call_octl({"cmd", "run", "work", "pi0", "--output", "json"}, write_settings(brain_at(brain->port())));
  EXPECT_EQ(got.code, 42);
  EXPECT_THAT(got.out, HasSubstr("\"stdout\": \"one\\ntwo\\n\""));
  EXPECT_THAT(got.out, HasSubstr("\"exit_code\": 42"));
  EXPECT_THAT(got.err, HasSubstr("lost the Brain"));
  EXPECT_TRUE(kept);
  EXPECT_TRUE(std::filesystem::is_empty(keys));
}

// The stream stays open until the task is cancelled.
http::Reply run_until(const std::atomic<bool>& cancelled, std::function<void()> begun) {
  http::Reply reply;
  reply.stream = [&cancelled, begun](http::BodyWriter& writer) -> Async<Result<void>> {
    SystemClock clock(co_await asio::this_coro::executor);
    OCTO_CO_TRY(co_await writer.write(kStarted + line_of(ended("pi0", RunState::running, {}), 1)));
    begun();
    while (!cancelled) co_await clock.sleep(1ms);
    co_return co_await writer.write(line_of(ended("pi0", RunState::cancelled, {}), 2) +
                                    line_of(finished(TaskState::cancelled), 3));
  };
  return reply;
}

TEST_F(VerbsTest, SigtermCancelsTheTaskAndWaitsForItsEnd) {
  std::atomic<bool> cancelled = false;
  other_ = [&](const http::Request& request) {
    if (request.path == "/api/v2/tasks") return run_until(cancelled, [] { ::kill(::getpid(), SIGTERM); });
    EXPECT_EQ(request.path, fmt::format("/api/v2/tasks/{}/cancel", kTask));
    cancelled = true;
    return json_reply("{}");
  };
  const auto brain = make_brain();
  const Outcome got = call_octl({"cmd", "run", "sleep 1000", "pi0"}, write_settings(brain_at(brain->port())));
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(got.code, kInterrupted);
  EXPECT_THAT(got.out, HasSubstr("\"state\": \"cancelled\""));
}

TEST_F(VerbsTest, ABackgroundCommandIsAnsweredWithItsPidWhileItRuns) {
  std::atomic<bool> over = false;
  other_ = [&](const http::Request& request) {
    if (request.method == "POST") {
      EXPECT_TRUE(api::decode_start_task(request.body).value().background);
      return run_until(over, [] {});
    }
    EXPECT_EQ(request.path, fmt::format("/api/v2/tasks/{}", kTask));
    RunRow row = ended("pi0", RunState::running, {}).run;
    row.id.task = TaskId(std::string(kTask));
    row.pid = 4711;
    return json_reply(api::encode(api::TaskDetail{.summary = {.id = row.id.task}, .runs = {row}}));
  };
  const auto brain = make_brain();
  const Outcome got =
      call_octl({"cmd", "run", "-bg", "sleep 1000", "pi0"}, write_settings(brain_at(brain->port())));
  over = true;
  EXPECT_EQ(got.code, kWell) << got.err;
  EXPECT_THAT(got.out, HasSubstr("\"pid\": 4711"));
}

http::Reply nodes_reply(const std::vector<std::string>& names) {
  api::NodeList list;
  for (const std::string& name : names) list.nodes.emplace_back().record.name = NodeName(name);
  return json_reply(api::encode(list));
}

TEST_F(VerbsTest, AllMeansTheWholeWorkgroup) {
  other_ = [&](const http::Request& request) {
    EXPECT_THAT(api::decode_start_task(request.body).value().nodes, testing::ElementsAre("@all"));
    return refuse(ErrorCode::conflict, "seen");
  };
  const auto brain = make_brain();
  const Outcome got = call_octl({"cmd", "run", "true", "ALL"}, write_settings(brain_at(brain->port())));
  EXPECT_EQ(got.code, kConflict);
}

TEST_F(VerbsTest, ApplySendsWhatTheBrainLacksAndThenTheDeployment) {
  std::set<std::string> blobs;
  std::optional<api::Apply> applied;
  std::mutex mutex;
  other_ = [&](const http::Request& request) {
    const std::lock_guard lock(mutex);
    if (request.path == "/api/v2/nodes") return nodes_reply({"pi-24", "pi-240"});
    if (request.path == "/api/v2/blobs/missing") return json_reply(request.body);
    if (request.method == "PUT") {
      EXPECT_TRUE(request.path.ends_with(print_hex(crypto::sha256(request.body))));
      blobs.insert(print_hex(crypto::sha256(request.body)));
      return http::Reply{.status = 204};
    }
    EXPECT_EQ(request.path, "/api/v2/scenarios/helloWorld/apply");
    applied = api::decode_apply(request.body).value();
    EXPECT_TRUE(blobs.contains(print_hex(applied->bundle)));
    TaskEvent step = ended("pi-24", RunState::succeeded, 0);
    step.run.title = "prepare helloPrinter";
    return events_reply(kStarted + line_of(step, 1) + line_of(finished(TaskState::succeeded), 2), {});
  };
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  const std::string example = std::string(OCTO_SOURCE_DIR) + "/examples/helloWorld";
  const Outcome got = call_octl({"scen", "apply", example, "prepare", "-m", "first"}, settings);
  EXPECT_EQ(got.code, kWell) << got.err;
  EXPECT_THAT(got.out, HasSubstr("\"title\": \"prepare helloPrinter\""));
  ASSERT_TRUE(applied);
  EXPECT_EQ(applied->target, "prepare");
  EXPECT_EQ(applied->message, "first");
  EXPECT_EQ(applied->deployment.apps.size(), 3U);
  EXPECT_GT(blobs.size(), 3U);
}

TEST_F(VerbsTest, ApplyTellsUnknownNodesWithTheirPlaceAndSendsNothing) {
  other_ = [](const http::Request& request) {
    EXPECT_EQ(request.path, "/api/v2/nodes");
    return nodes_reply({"pi-240"});
  };
  const auto brain = make_brain();
  const std::string example = std::string(OCTO_SOURCE_DIR) + "/examples/helloWorld";
  const Outcome got = call_octl({"scen", "apply", example}, write_settings(brain_at(brain->port())));
  EXPECT_EQ(got.code, kUsage);
  EXPECT_THAT(got.err, testing::ContainsRegex("deployment.yaml:[0-9]+: no such node: pi-24;"));
  EXPECT_THAT(got.err, testing::Not(HasSubstr("pi-240")));
}

}  // namespace
}  // namespace octo::octl
