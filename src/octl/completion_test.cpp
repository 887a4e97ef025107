// SPDX-License-Identifier: MIT
#include "octl/completion.hpp"

#include <gmock/gmock.h>

#include "octl/exit_code.hpp"
#include "octl/fake_brain_testing.hpp"
#include "octl/verbs/table.hpp"

namespace octo::octl {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> words_of(const Completion& completion) {
  std::vector<std::string> words;
  for (const Candidate& candidate : completion.candidates) {
    if (candidate.word.starts_with(completion.begun)) words.push_back(candidate.word);
  }
  return words;
}
std::vector<std::string> after(std::vector<std::string> words) { return words_of(complete(words)); }
Live live(std::vector<std::string> words) { return complete(words).live; }

TEST(Completion, NounsVerbsAndFlagsComeFromTheTable) {
  EXPECT_THAT(after({"n"}), ElementsAre("node", "napp"));
  EXPECT_THAT(after({"node", ""}), ElementsAre("get", "status", "prune", "expand"));
  EXPECT_THAT(after({"scen", "re"}), ElementsAre("reset")) << "repo is not there yet";
  EXPECT_THAT(after({"wg", ""}), IsEmpty());
  EXPECT_THAT(after({"cmd", "run", "--on"}), ElementsAre("--on-offline"));
  EXPECT_THAT(after({"cmd", "run", "-t"}), ElementsAre("-ta"));
  EXPECT_THAT(after({"-"}), ElementsAre("-c", "-usage", "-version"));
  EXPECT_THAT(after({"help", "ex"}), ElementsAre("exit"));
  EXPECT_THAT(after({"help", "scen", "g"}), ElementsAre("get"));
  EXPECT_THAT(after({"no-such", "thing", ""}), IsEmpty());
}

TEST(Completion, AFlagIsOfferedOnceUnlessItMayBeGivenOften) {
  EXPECT_THAT(after({"cmd", "run", "--user", "a", "--u"}), IsEmpty());
  EXPECT_THAT(after({"cmd", "run", "--env", "A=1", "--en"}), ElementsAre("--env"));
}

TEST(Completion, ValuesOfFlagsAreOffered) {
  EXPECT_THAT(after({"node", "get", "--output", "json"}), ElementsAre("json", "jsonl"));
  EXPECT_THAT(after({"cmd", "run", "--on-offline", ""}), ElementsAre("queue", "skip", "fail"));
  EXPECT_EQ(live({"task", "list", "--node", ""}), Live::nodes);
  EXPECT_THAT(after({"cmd", "run", "-ss", ""}), IsEmpty()) << "a file: the shell's own";
  EXPECT_EQ(live({"cmd", "run", "-ss", ""}), Live::nothing);
}

TEST(Completion, NodesTasksAndScenariosAreAskedForWhereTheyStand) {
  EXPECT_EQ(live({"node", "get", ""}), Live::nodes);
  EXPECT_EQ(live({"cmd", "run", ""}), Live::nothing) << "the command";
  EXPECT_EQ(live({"cmd", "run", "true", "p"}), Live::nodes);
  EXPECT_EQ(live({"cmd", "run", "-c", "true", "p"}), Live::nodes);
  EXPECT_EQ(live({"cmd", "run", "-ss", "a.sh", "--user", "x", "p"}), Live::nodes);
  EXPECT_EQ(live({"task", "wait", ""}), Live::tasks);
  EXPECT_EQ(live({"task", "wait", "T", ""}), Live::nothing) << "one task only";
  EXPECT_EQ(live({"task", "output", "T", ""}), Live::nodes);
  EXPECT_EQ(live({"scen", "reset", ""}), Live::scenarios);
  EXPECT_THAT(after({"scen", "apply", "folder", "p"}), ElementsAre("prepare", "purge"));
  EXPECT_THAT(after({"node", "status", "b"}), ElementsAre("brain"));
}

TEST(Completion, BehindAnOperatorOfANodeSetANameBeginsAnew) {
  const auto before = [](const std::string& word) {
    const Completion completion = complete(std::vector<std::string>{"node", "get", word});
    return completion.live == Live::nodes ? completion.before : "(no names)";
  };
  EXPECT_EQ(before("pi"), "");
  EXPECT_EQ(before("pi[01-24],pi"), "pi[01-24],");
  EXPECT_EQ(before("a&"), "a&");
  EXPECT_EQ(before("@!pi0^x"), "@!pi0^");
  EXPECT_EQ(before("pi[1,"), "(no names)") << "numbers stand there";
  EXPECT_EQ(before("'a&p"), "a&") << "in quotes, as a shell wants it";
  EXPECT_EQ(before("pi\\[1-2\\]\\,p"), "pi[1-2],");
  EXPECT_THAT(after({"node", "get", "pi0,"}), IsEmpty()) << "ALL stands alone";
}

TEST(Completion, TheSettingsFileBeforeTheNounCounts) {
  const Completion completion = complete(std::vector<std::string>{"-c", "my.yaml", "node", "get", ""});
  EXPECT_EQ(completion.settings_file, "my.yaml");
  EXPECT_EQ(completion.live, Live::nodes);
  EXPECT_THAT(after({"-c", ""}), IsEmpty());
}

TEST(Completion, WhatIsNoLineIsNoCandidate) {
  EXPECT_EQ(print({{"a", "help\n\x1b[2J"}, {"a\nb", ""}, {"ab", ""}, {"b", ""}}, "a"),
            "a\thelp\\n\\x1b[2J\nab\n");
}

class LiveCompletion : public FakeBrainTest {};

TEST_F(LiveCompletion, NamesComeFromTheBrainAndErrorsAreSilent) {
  other_ = [](const http::Request& request) {
    if (request.path == "/api/v2/tasks") {
      EXPECT_EQ(request.query.find("limit")->second, "20");
      api::TaskSummary task{.id = TaskId(std::string(kTask)), .title = "uname -a"};
      return json_reply(api::encode(api::TaskList{.tasks = {task}}));
    }
    if (request.path == "/api/v2/scenarios") return refuse(ErrorCode::internal, "broken");
    api::NodeList list;
    for (const char* name : {"pi0", "pi1", "x"}) list.nodes.emplace_back().record.name = NodeName(name);
    return json_reply(api::encode(list));
  };
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  Outcome got = call_octl({"__complete", "node", "get", "p"}, settings);
  EXPECT_EQ(got.out, "pi0\toffline\npi1\toffline\n");
  EXPECT_EQ(got.code, kWell);
  EXPECT_EQ(call_octl({"__complete", "node", "get", "pi[1-2]!p"}, settings).out,
            "pi[1-2]!pi0\toffline\npi[1-2]!pi1\toffline\n");
  got = call_octl({"__complete", "-c", settings, "task", "show", ""}, "/no/such/file");
  EXPECT_EQ(got.out, fmt::format("{}\trunning: uname -a\n", kTask));
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"__complete", "scen", "get", "x"},
                                             {"__complete", "-c", "/no", "node", "get", "p"},
                                             {"__complete"}}) {
    got = call_octl(words, settings);
    EXPECT_EQ(got.out, "");
    EXPECT_EQ(got.err, "");
    EXPECT_EQ(got.code, kWell);
  }
}

TEST_F(LiveCompletion, ABrainThatDoesNotAnswerIsWaitedForASecond) {
  other_ = [](const http::Request&) {
    http::Reply reply;
    reply.stream = [](http::BodyWriter&) -> Async<Result<void>> {
      SystemClock clock(co_await asio::this_coro::executor);
      co_await clock.sleep(1h);
      co_return Result<void>();
    };
    return reply;
  };
  const auto brain = make_brain();
  const auto begun = std::chrono::steady_clock::now();
  const Outcome got = call_octl({"__complete", "node", "get", ""}, write_settings(brain_at(brain->port())));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
  EXPECT_EQ(got.out, "ALL\n");
  EXPECT_EQ(got.err, "");
}

TEST(Completion, TheScriptsCallUs) {
  for (const std::string_view script : {bash_completion(), zsh_completion(), fish_completion()}) {
    EXPECT_THAT(script, HasSubstr("__complete"));
    EXPECT_THAT(std::string(script), Not(HasSubstr("/usr")));
  }
}

}  // namespace
}  // namespace octo::octl
