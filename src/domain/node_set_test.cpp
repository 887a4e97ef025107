// SPDX-License-Identifier: MIT
// Node sets: every rule of spec/node-sets.md, and what hostile words must not do.
#include "domain/node_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/fold.hpp"
#include "domain/node_term.hpp"

namespace octo {
namespace {

using testing::HasSubstr;

std::vector<NodeTraits> fleet() {
  std::vector<NodeTraits> nodes;
  for (int i = 24; i >= 1; --i) nodes.push_back({NodeName(fmt::format("pi{:02}", i)), {}});
  for (const auto* name : {"r1n1", "r1n2", "r2n1", "r2n2", "big9", "big10", "7", "all"})
    nodes.push_back({NodeName(name), {}});
  nodes[0].labels = {{"arch", "arm64"}, {"site/room", "Grüner Saal"}};  // pi24
  nodes[1].labels = {{"arch", "arm32"}};                                // pi23
  nodes[2].labels = {{"arch", "amd64"}, {"gpu", ""}};                   // pi22
  return nodes;
}

std::optional<std::vector<NodeName>> group_of(std::string_view group) {
  if (group == "lab") return std::vector{NodeName("pi02"), NodeName("pi01"), NodeName("gone")};
  if (group == "lab/rack1") return std::vector{NodeName("big9")};
  if (group == "ghosts") return std::vector{NodeName("gone")};
  if (group == "void") return std::vector<NodeName>{};
  return std::nullopt;
}

Result<std::vector<NodeName>> select(const std::vector<std::string>& words,
                                     const std::vector<NodeTraits>& known = fleet()) {
  return select_nodes(words, {known, group_of});
}

std::string fold(const std::vector<NodeName>& nodes) {
  std::vector<std::string> names;
  for (const NodeName& node : nodes) names.push_back(node.str());
  return fold_names(names);
}

// What is selected, folded; or the error's code and sentence.
std::string said_of(const std::vector<std::string>& words) {
  const auto nodes = select(words);
  if (nodes) return fold(*nodes);
  return fmt::format("{}: {}", name_of(nodes.error().code()), nodes.error().message());
}
std::string said(const std::string& word) { return said_of({word}); }

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

std::vector<NodeTraits> many(std::size_t count) {
  std::vector<NodeTraits> nodes;
  for (std::size_t i = 0; i < count; ++i) nodes.push_back({NodeName(fmt::format("node-{}", i)), {}});
  return nodes;
}

TEST(NodeSet, NamesComeInNaturalOrderAndOnce) {
  EXPECT_EQ(select({"big10", "pi02,pi01", "big9,pi01"}).value(),
            (std::vector{NodeName("big9"), NodeName("big10"), NodeName("pi01"), NodeName("pi02")}));
}

TEST(NodeSet, RangesKeepTheirPadding) {
  EXPECT_EQ(said("pi[01-24]"), "pi[01-24]");
  EXPECT_EQ(said("pi[08-11]"), "pi[08-11]");
  EXPECT_EQ(said("big[9-10]"), "big[9-10]");
  EXPECT_EQ(said("pi[1-2]"), "not_found: no such node: pi[1-2]; see them with: octl node get");
  EXPECT_EQ(said("pi[08-100]"), "not_found: no such node: pi[25-100]; see them with: octl node get");
}

TEST(NodeSet, BracketsTakeListsAndSteps) {
  EXPECT_EQ(said("pi[01,03,05-07]"), "pi[01,03,05-07]");
  EXPECT_EQ(said("pi[01-10/4]"), "pi[01,05,09]");
  EXPECT_EQ(said("pi[01-03,02,02-02]"), "pi[01-03]");
  EXPECT_EQ(said("[7]"), "7");
  EXPECT_EQ(said("pi1[0-2]"), "pi[10-12]");
}

TEST(NodeSet, SeveralBracketsMultiply) {
  EXPECT_EQ(said("r[1-2]n[1-2]"), "r1n[1-2],r2n[1-2]");
  EXPECT_EQ(said("r[1-2]n[1,2]!r1n[1,2],r1n2"), "r1n2,r2n[1-2]");
}

TEST(NodeSet, OperatorsWorkFromLeftToRight) {
  EXPECT_EQ(said("pi[01-24]!pi07"), "pi[01-06,08-24]");
  EXPECT_EQ(said("pi[01-05]&pi[04-09]"), "pi[04-05]");
  EXPECT_EQ(said("pi[01-03]^pi[03-04]"), "pi[01-02,04]");
  EXPECT_EQ(said("pi01,pi02!pi02,pi03"), "pi[01,03]");
  EXPECT_EQ(said("pi01&pi02,pi03"), "pi03");
  EXPECT_EQ(said("pi01^pi[01,01]^pi02"), "pi02");  // a name twice in one term counts once
}

TEST(NodeSet, PatternsChooseAmongKnownNodes) {
  EXPECT_EQ(said("pi0?"), "pi[01-09]");
  EXPECT_EQ(said("*n2"), "r1n2,r2n2");
  EXPECT_EQ(said("r*n*!*1"), "r1n2,r2n2");
  EXPECT_EQ(said("b**g*"), "big[9-10]");
  EXPECT_EQ(said("*"), said("@"));
  EXPECT_EQ(said("r[1-2]n?"), "r1n[1-2],r2n[1-2]");
  EXPECT_EQ(said("pi??&*[1-2]"), "pi[01-02,11-12,21-22]");
}

TEST(NodeSet, EverythingHasFourSpellings) {
  const std::string all = fold(select({"*"}).value());
  for (const auto* word : {"@", "@all", "@ALL", "ALL", "pi01,@", "@&@all"})
    EXPECT_EQ(said(word), all) << word;
  EXPECT_EQ(select({"@"}).value().size(), fleet().size());
  EXPECT_EQ(said("all"), "all");  // a name like any other
}

TEST(NodeSet, GroupsAreAskedFromTheContext) {
  EXPECT_EQ(said("@lab"), "pi[01-02]");
  EXPECT_EQ(said("@lab/rack1,@lab!pi01"), "big9,pi02");
  EXPECT_EQ(said("@labb"), "not_found: no group '@labb' with a node in it");
  const auto nodes = fleet();
  const std::vector<std::string> words{"@lab"};
  EXPECT_EQ(select_nodes(words, {nodes, nullptr}).error().code(), ErrorCode::not_found);
}

TEST(NodeSet, AGroupOutOfSightAnswersAsOneThatIsNot) {
  for (const auto* word : {"@ghosts", "@void", "@nil"})
    EXPECT_EQ(said(word), fmt::format("not_found: no group '{}' with a node in it", word));
}

TEST(NodeSet, LabelsChooseByValueAndByPattern) {
  EXPECT_EQ(said("arch=arm64"), "pi24");
  EXPECT_EQ(said("arch=arm*"), "pi[23-24]");
  EXPECT_EQ(said("arch=a??64"), "pi[22,24]");
  EXPECT_EQ(said("arch=*"), "pi[22-24]");
  EXPECT_EQ(said("arch=arm64&pi*"), "pi24");
  EXPECT_EQ(said("@!arch=*&pi2?,gpu=*"), "pi[20-22]");
}

TEST(NodeSet, ALabelsValueMayHoldSpacesAndAQuestionMarkIsOneCharacter) {
  EXPECT_EQ(said("site/room=Gr?ner Saal"), "pi24");
  EXPECT_THAT(said("site/room=Gr??ner Saal"), HasSubstr("not_found"));
}

TEST(NodeSet, UnknownNamesAreListedFoldedWhereverTheyStand) {
  EXPECT_EQ(said("pi[20-26],x,pi01"), "not_found: no such node: pi[25-26],x; see them with: octl node get");
  EXPECT_EQ(said_of({"y2,pi01", "y1"}), "not_found: no such node: y[1-2]; see them with: octl node get");
  EXPECT_EQ(said("@!pi77"),
            "not_found: no such node: pi77 (did you mean 'pi17'?); see them with: octl node get");
  EXPECT_THAT(said("pi01&pi99x,pi01"), HasSubstr("no such node: pi99x"));
  EXPECT_THAT(said("PI01"), HasSubstr("(did you mean 'pi01'?)"));
}

TEST(NodeSet, AllIsHintedAtWhenNoNodeIsCalledSo) {
  const auto refused = select({"all"}, {{NodeName("pi0"), {}}});
  EXPECT_THAT(refused.error().message(), HasSubstr("no such node: all (did you mean '@all'?)"));
}

TEST(NodeSet, ALongListOfUnknownNamesIsShortened) {
  EXPECT_THAT(said("x[1-1000]"), HasSubstr("no such node: x[1-1000];"));
  EXPECT_THAT(said("x[1-1001],y"), HasSubstr("no such node: x[1-1000] and more;"));
  std::string word;
  for (int i = 0; i < 900; ++i) word += fmt::format("x{}y,", i);
  const std::string text = said(word + "pi01");
  EXPECT_THAT(text, HasSubstr("x0y,x1y,x2y"));
  EXPECT_THAT(text, HasSubstr("x9y and more;"));
  EXPECT_LT(text.size(), 300U);
  word.clear();
  for (char c = 'a'; c <= 'i'; ++c) word += fmt::format("{}{}a,", c, repeat("*a", 61));  // few, but long
  EXPECT_THAT(said(word + "pi01"), HasSubstr("no node matches a*a"));
}

TEST(NodeSet, PatternsThatMatchNothingAreErrorsWhereverTheyStand) {
  EXPECT_EQ(said("x*"), "not_found: no node matches x*; see them with: octl node get");
  EXPECT_THAT(said("@!x*"), HasSubstr("no node matches x*"));
  EXPECT_EQ(said("r[2-4]n*"), "not_found: no node matches r3n*,r4n*; see them with: octl node get");
}

TEST(NodeSet, LabelsThatMatchNothingSayWhatThereIs) {
  EXPECT_EQ(said("arch=riscv"),
            "not_found: no node has the label 'arch=riscv'; of arch there is 'amd64', 'arm32', 'arm64'");
  EXPECT_EQ(said("@!arhc=arm64"),
            "not_found: no node has a label 'arhc' (did you mean 'arch'?); labels are set in tentacle.yaml");
  EXPECT_THAT(said("colour=red"), HasSubstr("no node has a label 'colour'; labels are"));
}

TEST(NodeSet, AnEmptyResultIsAnErrorAndNeverEverything) {
  EXPECT_EQ(
      said("pi01!pi01"),
      "invalid_argument: 'pi01!pi01' comes out empty: no node is left when it is read from left to right");
  EXPECT_THAT(said_of({"pi02", "pi01&pi02"}), HasSubstr("'pi01&pi02' comes out empty"));
  EXPECT_THAT(said("@!*"), HasSubstr("comes out empty"));
}

TEST(NodeSet, NoWordIsAnError) {
  EXPECT_EQ(said_of({}), "invalid_argument: no node is named; @all means all of them");
  EXPECT_EQ(said(""), "invalid_argument: an empty word names no node; @all means all of them");
}

TEST(NodeSet, WithoutNodesEverythingIsAnError) {
  EXPECT_EQ(select({"@"}, {}).error().message(), "no node has joined yet");
  for (const auto* word : {"*", "pi0", "a=b", "pi[0-9]"})
    EXPECT_EQ(select({word}, {}).error().code(), ErrorCode::not_found) << word;
}

TEST(NodeSet, TheBrainIsNotANode) {
  EXPECT_EQ(said("pi01,brain"),
            "invalid_argument: 'pi01,brain', character 6: 'brain' is the Brain, not a node: it stands alone, "
            "where a verb takes it");
}

struct Fault {
  const char* word;
  std::size_t character;
  const char* text;
};

TEST(NodeSet, FaultsShowTheirPlace) {
  const Fault faults[] = {
      {"pi01,,pi02", 6, "a name is missing between ',' and ','"},
      {"pi01!&pi02", 6, "a name is missing between '!' and '&'"},
      {"pi01,", 5, "a name is missing after ','"},
      {"!pi01", 1, "a name is missing before '!', as in @all!pi0"},
      {",", 1, "a name is missing before ','"},
      {"pi[01", 3, "this '[' is never closed"},
      {"pi[", 3, "this '[' is never closed"},
      {"pi[01-", 3, "this '[' is never closed"},
      {"pi[01-02/", 3, "this '[' is never closed"},
      {"pi01]", 5, "this ']' closes nothing"},
      {"pi[01]]", 7, "this ']' closes nothing"},
      {"pi[]", 4, "a number belongs here"},
      {"pi[1,,2]", 6, "a number belongs here"},
      {"pi[-1]", 4, "a number belongs here"},
      {"pi[1-]", 6, "a number belongs here"},
      {"pi[a-b]", 4, "a number belongs here"},
      {"pi[1[2]]", 5, "',' or ']' belongs here, not '['"},
      {"pi[1!2]", 5, "',' or ']' belongs here, not '!'"},
      {"pi[1/2]", 5, "',' or ']' belongs here, not '/'"},
      {"pi[1-2-3]", 7, "',' or ']' belongs here, not '-'"},
      {"pi[1ü]", 5, "',' or ']' belongs here, not 'ü'"},
      {"pi[9-1]", 4, "9-1 runs backwards, write 1-9"},
      {"pi[1-9/0]", 8, "a step of 0 never arrives"},
      {"pi[01-2]", 4, "01-2 has two widths, write both ends with as many digits"},
      {"pi[1-010]", 4, "1-010 has two widths"},
      {"pi[008-10]", 4, "008-10 has two widths"},
      {"pi[1234567890]", 4, "a number has 9 digits at most"},
      {"pi 01", 3, "' ' cannot stand in a node's name"},
      {"püi", 2, "'ü' cannot stand in a node's name"},
      {"pi[1]=x", 6, "'=' cannot stand in a node's name"},
      {"a/b", 2, "'/' cannot stand in a node's name"},
      {"pi01@lab", 5, "'@' cannot stand in a node's name"},
      {"-pi", 1, "begins with a letter or a digit"},
      {"@la*", 4, "'*' cannot stand in a group's name"},
      {"@lab[1-2]", 5, "'[' cannot stand in a group's name"},
      {"pi01,@/lab", 6, "a part of the group's name is missing"},
      {"@lab//a", 1, "a part of the group's name is missing"},
      {"=x", 1, "is no label's key"},
      {"ar*h=x", 1, "'ar*h' is no label's key"},
      {"arch=", 5, "a value is missing, arch=* stands for any"},
      {"arch=arm[32,64]", 9, "a label's value takes no range"},
      {"ü=ü,,x", 1, "is no label's key"},
  };
  for (const Fault& fault : faults) {
    const auto refused = select({fault.word});
    ASSERT_FALSE(refused) << fault.word;
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument) << fault.word;
    EXPECT_THAT(refused.error().message(),
                HasSubstr(fmt::format("'{}', character {}: ", fault.word, fault.character)));
    EXPECT_THAT(refused.error().message(), HasSubstr(fault.text)) << fault.word;
  }
}

TEST(NodeSet, PlacesAreCountedInCharactersAndLongWordsAreCutAroundThem) {
  EXPECT_THAT(said("site/room=Grüner Saal,,x"), HasSubstr("character 23: "));
  EXPECT_TRUE(is_utf8(said("arch=" + repeat("ü", 60))));         // cut behind,
  EXPECT_TRUE(is_utf8(said("arch=" + repeat("ü", 60) + "x[")));  // and before
  const std::string text = said(repeat("pi01,", 500) + ",pi02");
  EXPECT_THAT(text, HasSubstr("invalid_argument: …'"));
  EXPECT_THAT(text, HasSubstr("character 2501: a name is missing between"));
  EXPECT_LT(text.size(), 250U);
}

TEST(NodeSet, WhatCannotBePrintedIsRefusedAndNotShown) {
  for (const std::string word : {"pi\n01", "pi01\x1b[2J", "arch=\x7f", "arch=\xc2\x9b", "a=\xff", "\xc3"}) {
    const auto refused = select({word});
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
    EXPECT_TRUE(refused.error().message().starts_with("a node set ")) << refused.error().message();
  }
  EXPECT_FALSE(select({std::string("pi01\0", 5)}));
}

TEST(NodeSet, NamesKeysValuesAndGroupsHaveTheirLengths) {
  const std::string longest(limits::node_name_bytes_max, 'a');
  EXPECT_EQ(select({longest}, {{NodeName(longest), {}}}).value().size(), 1U);
  EXPECT_THAT(said(longest + "a"), HasSubstr("no node's name is longer than 63 characters"));
  EXPECT_THAT(said(longest + "[1-2]"), HasSubstr("no node's name is longer"));
  EXPECT_THAT(said(longest.substr(1) + "[1-19/9]"), HasSubstr("no node's name is longer"));
  EXPECT_THAT(said(longest.substr(1) + "[1-10/5]"), HasSubstr("not_found"));
  EXPECT_THAT(said("*" + repeat("[123456789]", 7) + "[1]*"), HasSubstr("no node's name is longer"));
  EXPECT_THAT(said(std::string(limits::label_key_bytes_max, 'k') + "=v"), HasSubstr("not_found"));
  EXPECT_THAT(said(std::string(limits::label_key_bytes_max + 1, 'k') + "=v"), HasSubstr("is no label's key"));
  EXPECT_THAT(said("arch=" + std::string(limits::label_value_bytes_max, 'v')), HasSubstr("not_found"));
  EXPECT_THAT(said("arch=" + std::string(limits::label_value_bytes_max + 1, 'v')), HasSubstr("255 bytes"));
  EXPECT_THAT(said("@" + std::string(limits::group_bytes_max, 'g')), HasSubstr("not_found"));
  EXPECT_THAT(said("@" + std::string(limits::group_bytes_max + 1, 'g')), HasSubstr("255 bytes"));
}

TEST(NodeSet, SizesAreJudgedBeforeMemoryIsTaken) {
  EXPECT_EQ(select({"x[1-20000]"}).error().code(), ErrorCode::not_found);
  for (const auto* word : {"x[1-20001]", "x[0-999999999]", "x[0-999999999/2]", "x[1-200]n[1-101]",
                           "x[1-15000,1-15000]", "x[1-9999][1-9999][1-9999][1-9999][1-9999]*"}) {
    const auto refused = select({word});
    EXPECT_EQ(refused.error().code(), ErrorCode::too_large) << word;
    EXPECT_THAT(refused.error().message(), HasSubstr("a range of more than 20000 names")) << word;
  }
  EXPECT_EQ(select({std::string(limits::node_set_bytes_max + 1, 'a')}).error().code(), ErrorCode::too_large);
  EXPECT_EQ(select(std::vector<std::string>(limits::targets_max, "pi01")).value().size(), 1U);
  EXPECT_EQ(select(std::vector<std::string>(limits::targets_max + 1, "pi01")).error().code(),
            ErrorCode::too_large);
  EXPECT_EQ(select({"@"}, many(limits::targets_max + 1)).error().code(), ErrorCode::too_large);
}

TEST(NodeSet, WorkIsBoundedHoweverShortTheWord) {
  auto known = many(10'000);
  known[0].labels["arch"] = "arma";
  known[1].name = NodeName("pi01");
  for (const std::string& word :
       {repeat("*-*,", 5000) + "*", repeat("node-[2-9999],", 500) + "@", repeat("@^", 100'000) + "@",
        repeat("arch=*a,", 5000) + "@", repeat("@lab,", 50'000) + "@", std::string("*[0-9999]*")}) {
    const auto refused = select({word}, known);
    ASSERT_FALSE(refused) << word.substr(0, 20);
    EXPECT_EQ(refused.error().code(), ErrorCode::too_large) << refused.error().message();
    EXPECT_THAT(refused.error().message(), HasSubstr("too much to look at in one go"));
  }
}

TEST(NodeSet, APatternTakesNoMoreStepsThanTheProductOfTheLengths) {
  const std::string text(63, 'a');
  const std::string pattern = repeat("*a", 60) + "b";
  std::uint64_t steps = 0;
  EXPECT_FALSE(matches_pattern(pattern, text, steps));
  EXPECT_LE(steps, text.size() * pattern.size());
}

TEST(NodeSet, PatternsMatchAsInAShell) {
  struct Case {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const Case cases[] = {
      {"", "", true},       {"*", "", true},      {"**", "x", true},        {"?", "", false},
      {"?", "ü", true},     {"??", "ü", false},   {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false},
      {"*ab", "aab", true}, {"*?b", "b", false},  {"a", "ab", false},       {"ab", "a", false},
      {"*.*", "a.b", true}, {"*ü?", "aüü", true}, {"a*", "a*", true},       {"?*?", "a", false},
  };
  for (const Case& each : cases) {
    std::uint64_t steps = 0;
    EXPECT_EQ(matches_pattern(each.pattern, each.text, steps), each.matches)
        << each.pattern << " " << each.text;
  }
}

TEST(NodeSet, TenThousandNamesInOneWordAreTenThousandNodes) {
  const auto known = many(10'000);
  std::string word;
  for (const NodeTraits& node : known) word += node.name.str() + ",";
  word.pop_back();
  EXPECT_EQ(fold(select({word}, known).value()), "node-[0-9999]");
  EXPECT_EQ(fold(select({"node-[0-9999]!node-[0-9999/2]&node-9*"}, known).value()).substr(0, 12),
            "node-[9,91,9");
}

TEST(NodeSet, WhatIsFoldedCanBeReadBack) {
  std::vector<NodeTraits> known;
  for (const auto* name :
       {"a",   "a0",          "a00",         "a1",          "a01",         "a001",       "a9",
        "a10", "a09",         "a010",        "a100",        "0",           "00",         "1",
        "10",  "n1234567890", "n1234567891", "n0000000001", "n0000000002", "n999999999", "n1000000000",
        "a.1", "a.2",         "a-1",         "a-2",         "r1n1",        "r1n2",       "r10n1",
        "x_",  "A1",          "A2",          "all",         "7-7"}) {
    known.push_back({NodeName(name), {}});
  }
  std::uint64_t random = 1;
  for (int round = 0; round < 500; ++round) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    std::vector<NodeTraits> wanted;
    for (std::size_t i = 0; i < known.size(); ++i)
      if ((random >> (i + 24) & 1) != 0) wanted.push_back(known[i]);
    if (wanted.empty()) continue;
    const auto nodes = select({"@"}, wanted).value();
    EXPECT_EQ(select({fold(nodes)}, known).value(), nodes) << fold(nodes);
  }
}

}  // namespace
}  // namespace octo
