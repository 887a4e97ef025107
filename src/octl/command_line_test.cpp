// SPDX-License-Identifier: MIT
#include "octl/command_line.hpp"

#include <gmock/gmock.h>

namespace octo::octl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

std::expected<CommandLine, Misuse> parse_words(std::vector<std::string> words) { return parse(words); }

CommandLine parsed(std::vector<std::string> words) {
  auto line = parse(words);
  EXPECT_TRUE(line.has_value()) << join(words, " ") << ": " << (line ? "" : line.error().error.message());
  return line ? std::move(*line) : CommandLine{};
}

std::string verb_of(const CommandLine& line) { return line.verb == nullptr ? "" : name_of(*line.verb); }

TEST(CommandLine, EveryCommandOfTheManualIsUnderstood) {
  struct Example {
    std::vector<std::string> words;
    std::string verb;
    std::vector<std::string> rest;
  };
  const std::vector<Example> examples = {
      {{"node", "get"}, "node get", {}},
      {{"node", "get", "-sf", "online", "ALL"}, "node get", {"ALL"}},
      {{"node", "get", "pi1", "@group1"}, "node get", {"pi1", "@group1"}},
      {{"node", "prune", "ALL"}, "node prune", {"ALL"}},
      {{"node", "status", "brain"}, "node status", {"brain"}},
      {{"cmd", "run", "uname -a", "@alice", "pi4"}, "cmd run", {"uname -a", "@alice", "pi4"}},
      {{"cmd", "run", "-c", "uname -a", "pi1", "pi2"}, "cmd run", {"pi1", "pi2"}},
      {{"cmd", "run", "-bg", "sleep 9", "pi1"}, "cmd run", {"pi1"}},
      {{"cmd", "run", "-ss", "/a/b.sh", "pi1"}, "cmd run", {"pi1"}},
      {{"cmd", "run", "pi1", "pi2", "-cc", "true"}, "cmd run", {"pi1", "pi2"}},
      {{"cmd", "xrun", "-d", "3", "true", "pi1"}, "cmd xrun", {"true", "pi1"}},
      {{"cmd", "xrun", "-ss", "a.sh", "--delay-execute=3", "@alice"}, "cmd xrun", {"@alice"}},
      {{"scen", "create", "s", "with", "a", "b"}, "scen create", {"s", "with", "a", "b"}},
      {{"scen", "apply", "example/helloWorld", "prepare", "-m", "Prepare a new scenario"},
       "scen apply",
       {"example/helloWorld", "prepare"}},
      {{"scen", "apply", "example/helloWorld", "purge"}, "scen apply", {"example/helloWorld", "purge"}},
      {{"scen", "get", "scenario", "helloWorld"}, "scen get", {"scenario", "helloWorld"}},
      {{"scen", "version", "scenario", "helloWorld", "-o", "1", "-l", "2"},
       "scen version",
       {"scenario", "helloWorld"}},
      {{"scen", "reset", "scenario", "helloWorld", "-v", "d8ef", "-m", "Reset to a history version"},
       "scen reset",
       {"scenario", "helloWorld"}},
      {{"napp", "get", "pi1", "a@s"}, "napp get", {"pi1", "a@s"}},
      {{"napp", "version", "pi1", "a@s", "-o=1", "-l=2"}, "napp version", {"pi1", "a@s"}},
      {{"napp", "reset", "pi1", "a@s", "-v", "abc", "-m", "x"}, "napp reset", {"pi1", "a@s"}},
  };
  for (const Example& example : examples) {
    const CommandLine line = parsed(example.words);
    EXPECT_EQ(verb_of(line), example.verb);
    EXPECT_EQ(line.words, example.rest) << join(example.words, " ");
  }
}

TEST(CommandLine, WhatTheManualHasAndThisVersionLacksIsSaidPlainly) {
  const std::vector<std::vector<std::string>> lines = {{"wg", "pwd"},
                                                       {"wg", "grant", "/a", "secret"},
                                                       {"wg", "get"},
                                                       {"wg", "add", "/a", "pi1"},
                                                       {"wg", "rm", "/a"},
                                                       {"ls"},
                                                       {"cd", "/a"},
                                                       {"file", "upload", "-f", "a", "b", "pi1"},
                                                       {"file", "download", "a", "b", "pi1"},
                                                       {"ssh", "set", "pi1"},
                                                       {"ssh", "del", "pi1"},
                                                       {"ssh", "login", "pi1"},
                                                       {"scen", "repo", "clone", "s", "-u", "me"},
                                                       {"pakma", "history", "brain", "-l10"}};
  for (const auto& words : lines) {
    const auto line = parse_words(words);
    ASSERT_FALSE(line.has_value()) << join(words, " ");
    EXPECT_EQ(line.error().error.code(), ErrorCode::unsupported) << join(words, " ");
    EXPECT_THAT(line.error().error.message(), HasSubstr("not available in version")) << join(words, " ");
  }
}

TEST(CommandLine, AFlagMayBeWrittenInFourWaysAnywhereAfterTheVerb) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"node", "get", "pi1", "-sf", "on"},
                                             {"node", "get", "-sf=on", "pi1"},
                                             {"node", "get", "--state-filter", "on", "pi1"},
                                             {"node", "get", "pi1", "--state-filter=on"}}) {
    const CommandLine line = parsed(words);
    EXPECT_THAT(line.flags, ElementsAre(Pair("-sf", "on")));
    EXPECT_THAT(line.words, ElementsAre("pi1"));
  }
}

TEST(CommandLine, CIsTheSettingsFileBeforeTheNounAndTheCommandAfterIt) {
  const CommandLine line = parsed({"-c", "my.yaml", "cmd", "run", "-c", "uname -a", "pi1"});
  EXPECT_EQ(line.settings_file, "my.yaml");
  EXPECT_EQ(line.text("-c"), "uname -a");
  EXPECT_EQ(parsed({"-c=my.yaml", "node", "get"}).settings_file, "my.yaml");
  const auto misplaced = parse_words({"node", "get", "-c", "my.yaml"});
  ASSERT_FALSE(misplaced.has_value());
  EXPECT_THAT(misplaced.error().hint, HasSubstr("octl -c <file> node get"));
}

TEST(CommandLine, AFlagWithoutValueAcceptsTrueAndFalseOnly) {
  EXPECT_TRUE(parsed({"cmd", "run", "--raw", "true", "pi1"}).on("--raw"));
  EXPECT_FALSE(parsed({"cmd", "run", "--raw=false", "true", "pi1"}).on("--raw"));
  EXPECT_FALSE(parse_words({"cmd", "run", "--raw=maybe", "true", "pi1"}).has_value());
}

TEST(CommandLine, ValuesMayBeginWithADashAndTwoDashesEndTheFlags) {
  EXPECT_EQ(parsed({"scen", "apply", "s", "-m", "-fix-"}).text("-m"), "-fix-");
  EXPECT_THAT(parsed({"cmd", "run", "--", "-x", "pi1"}).words, ElementsAre("-x", "pi1"));
}

TEST(CommandLine, OIsTheOffsetAndVTheVersion) {
  const CommandLine line = parsed({"scen", "reset", "s", "-v=abc", "-m=x", "--output", "json"});
  EXPECT_THAT(line.flags, UnorderedElementsAre(Pair("-v", "abc"), Pair("-m", "x")));
  EXPECT_EQ(line.output, Format::json);
  EXPECT_EQ(parsed({"scen", "version", "s", "-o", "7"}).number("-o", 0).value(), 7U);
  EXPECT_EQ(parsed({"scen", "version", "s"}).number("-o", 3).value(), 3U);
  EXPECT_FALSE(parsed({"scen", "version", "s", "-o", "-1"}).number("-o", 0).has_value());
  EXPECT_FALSE(parsed({"scen", "version", "s", "-o", "x"}).number("-o", 0).has_value());
}

TEST(CommandLine, AMisspeltWordSuggestsTheNearest) {
  const auto hint = [](std::vector<std::string> words) {
    const auto line = parse(words);
    EXPECT_FALSE(line.has_value());
    EXPECT_EQ(line.error().error.code(), ErrorCode::invalid_argument);
    return line.error().hint;
  };
  EXPECT_EQ(hint({"nod", "get"}), "did you mean: octl node");
  EXPECT_EQ(hint({"node", "gte"}), "did you mean: octl node get");
  EXPECT_EQ(hint({"cmd", "rnu"}), "did you mean: octl cmd run");
  EXPECT_EQ(hint({"node", "stauts"}), "did you mean: octl node status");
  EXPECT_EQ(hint({"scen", "aply", "x"}), "did you mean: octl scen apply");
  EXPECT_EQ(hint({"cmd", "run", "--timeuot", "3s", "x", "pi1"}), "did you mean: --timeout");
  EXPECT_THAT(hint({"cmd", "run", "ls", "-l", "pi1"}), HasSubstr("quote a command"));
  EXPECT_THAT(hint({"node", "frobnicate"}), HasSubstr("get, status, prune, expand"));
}

TEST(CommandLine, WrongUseIsToldBeforeAnythingHappens) {
  EXPECT_FALSE(parse_words({}).has_value());
  EXPECT_FALSE(parse_words({"node"}).has_value());
  EXPECT_FALSE(parse_words({"node", "prune"}).has_value());
  EXPECT_FALSE(parse_words({"task", "show"}).has_value());
  EXPECT_FALSE(parse_words({"task", "show", "a", "b"}).has_value());
  EXPECT_FALSE(parse_words({"scen", "reset", "s", "-v"}).has_value());
  EXPECT_FALSE(parse_words({"scen", "reset", "s", "-v", "abc", "-v", "abd"}).has_value());
  EXPECT_FALSE(parse_words({"-c"}).has_value());
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"-c", "", "node", "get"}, {"-c=", "node", "get"}}) {
    const auto empty = parse_words(words);
    ASSERT_FALSE(empty.has_value());
    EXPECT_EQ(empty.error().error.code(), ErrorCode::invalid_argument);
  }
  EXPECT_FALSE(parse_words({"-x", "node", "get"}).has_value());
  EXPECT_FALSE(parse_words({"node", "get", "--output", "xml"}).has_value());
}

TEST(CommandLine, HelpUsageAndVersionNeedNothingElse) {
  EXPECT_EQ(parsed({"-version"}).kind, CommandLine::Kind::version);
  EXPECT_EQ(parsed({"-usage"}).kind, CommandLine::Kind::usage);
  EXPECT_THAT(parsed({"help"}).topic, IsEmpty());
  EXPECT_THAT(parsed({"help", "cmd", "run"}).topic, ElementsAre("cmd", "run"));
  EXPECT_THAT(parsed({"cmd", "run", "-h"}).topic, ElementsAre("cmd", "run"));
  EXPECT_THAT(parsed({"cmd", "xrun", "--help"}).topic, ElementsAre("cmd", "xrun"));
  EXPECT_THAT(parsed({"node", "--help"}).topic, ElementsAre("node"));
}

TEST(CommandLine, AFlagThatMayBeGivenOftenKeepsItsOrder) {
  const CommandLine line =
      parsed({"cmd", "run", "--env", "B=2", "true", "--env=A=1=x", "pi1", "--env", "C="});
  EXPECT_THAT(line.all("--env"), ElementsAre("B=2", "A=1=x", "C="));
  EXPECT_THAT(line.words, ElementsAre("true", "pi1"));
  EXPECT_FALSE(parse_words({"cmd", "run", "--user", "a", "--user", "b", "true", "pi1"}).has_value());
}

}  // namespace
}  // namespace octo::octl
