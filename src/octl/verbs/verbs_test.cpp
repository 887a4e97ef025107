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

http::Reply nodes_reply(const std::vector<std::string>& names) {
  api::NodeList list;
  for (const std::string& name : names) list.nodes.emplace_back().record.name = NodeName(name);
  return json_reply(api::encode(list));
}

class VerbsTest : public FakeBrainTest {};

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
    row.pid = 4711;
    return detail_reply({row});
  };
  const auto brain = make_brain();
  const Outcome got =
      call_octl({"cmd", "run", "-bg", "sleep 1000", "pi0"}, write_settings(brain_at(brain->port())));
  over = true;
  EXPECT_EQ(got.code, kWell) << got.err;
  EXPECT_THAT(got.out, HasSubstr("\"pid\": 4711"));
}

TEST_F(VerbsTest, NodeSetsGoToTheBrainAsTheyAreWritten) {
  const std::vector<std::string> sets = {"ALL", "pi[01-24]!pi07", "@lab&arch=arm64", "pi*", "all"};
  other_ = [&](const http::Request& request) {
    EXPECT_EQ(api::decode_start_task(request.body).value().nodes, sets);
    return refuse(ErrorCode::conflict, "seen");
  };
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  std::vector<std::string> words = {"cmd", "run", "true"};
  words.insert(words.end(), sets.begin(), sets.end());
  EXPECT_EQ(call_octl(words, settings).code, kConflict);
  std::vector<std::string> asked;
  other_ = [&](const http::Request& request) {
    const auto [begin, end] = request.query.equal_range("names");
    asked.clear();
    for (auto name = begin; name != end; ++name) asked.push_back(name->second);
    return nodes_reply({"pi0"});
  };
  for (const char* verb : {"get", "expand"}) {
    words = {"node", verb};
    words.insert(words.end(), sets.begin(), sets.end());
    EXPECT_EQ(call_octl(words, settings).code, kWell);
    EXPECT_EQ(asked, sets) << verb;
  }
  for (const char* everything : {"ALL", "@", "@all", "@ALL"}) {
    EXPECT_EQ(call_octl({"node", "get", everything}, settings).code, kWell);
    EXPECT_TRUE(asked.empty()) << everything;
  }
  EXPECT_EQ(call_octl({"node", "get", "all"}, settings).code, kWell);
  EXPECT_THAT(asked, testing::ElementsAre("all"));
}

TEST_F(VerbsTest, PruningAnUnknownNodeIsTheErrorOfNodeGetAndPrunesNothing) {
  other_ = [&](const http::Request& request) {
    EXPECT_EQ(request.path, request.method == "GET" ? "/api/v2/nodes" : "/api/v2/nodes/prune");
    return refuse(ErrorCode::not_found, "no such node: pi77");
  };
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  for (const char* verb : {"get", "prune"}) {
    const Outcome got = call_octl({"node", verb, "pi0", "pi77"}, settings);
    EXPECT_EQ(got.code, kOurError) << verb;
    EXPECT_THAT(got.err, HasSubstr("pi77"));
  }
}

TEST_F(VerbsTest, APruneIsOneRequestWithTheWordsAsTheyAre) {
  std::optional<api::Prune> pruned;
  other_ = [&](const http::Request& request) {
    EXPECT_EQ(request.path, "/api/v2/nodes/prune");
    pruned = api::decode_prune(request.body).value();
    return json_reply(api::encode(api::Pruned{.pruned = {NodeName("pi1")}, .kept = {{"pi2", "is online"}}}));
  };
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  const Outcome got = call_octl({"node", "prune", "pi[1-2]", "lab*"}, settings);
  EXPECT_EQ(got.code, kConflict) << "one is kept";
  EXPECT_THAT(got.out, HasSubstr("\"counts\": {\n    \"pruned\": 1,\n    \"kept\": 1\n  }"));
  EXPECT_EQ(pruned->names, (std::vector<std::string>{"pi[1-2]", "lab*"}));
  EXPECT_FALSE(pruned->all);
  EXPECT_EQ(call_octl({"node", "prune", "ALL"}, settings).code, kWell);
  EXPECT_TRUE(pruned->all);
}

TEST_F(VerbsTest, APageThatIsNoTaskIsWrongUse) {
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  for (const char* page : {"nonsense", "01J000000000000000000000IL", ""}) {
    EXPECT_EQ(call_octl({"task", "list", "--page", page}, settings).code, kUsage) << page;
    EXPECT_EQ(call_octl({"task", "show", page}, settings).code, kUsage) << page;
  }
  EXPECT_TRUE(brain->asked().empty());
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
