// SPDX-License-Identifier: MIT
#include "octl/help.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace octo::octl {
namespace {

// The version changes more often than the text.
std::string without_version(std::string text) {
  const std::string_view version = OCTO_VERSION;
  for (std::size_t at = text.find(version); at != std::string::npos; at = text.find(version)) {
    text.replace(at, version.size(), "<version>");
  }
  return text;
}

void expect_golden(const std::string& name, std::string text) {
  text = without_version(std::move(text));
  const std::string path = std::string(OCTO_SOURCE_DIR) + "/src/octl/golden/" + name + ".txt";
  if (std::getenv("OCTO_GOLDEN_ACCEPT") != nullptr) std::ofstream(path, std::ios::binary) << text;
  std::ostringstream expected;
  expected << std::ifstream(path, std::ios::binary).rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

std::string help(std::vector<std::string> topic) { return print_help(topic).value(); }

TEST(Help, TheOverviewIsTheGoldenOne) { expect_golden("help", help({})); }
TEST(Help, TheUsageLinesAreTheGoldenOnes) { expect_golden("usage", print_usage()); }
TEST(Help, TheExitCodesAreTheGoldenOnes) { expect_golden("exit", help({"exit"})); }
TEST(Help, TheEnvironmentIsTheGoldenOne) { expect_golden("environment", help({"environment"})); }
TEST(Help, EveryVerbsPageIsTheGoldenOne) {
  std::string all;
  for (const Verb& verb : verbs()) {
    all += fmt::format("$ octl help {}\n{}\n", name_of(verb),
                       help({std::string(verb.noun), std::string(verb.word)}));
  }
  expect_golden("verbs", all);
}

TEST(Help, ANounIsFoundByItsWordAndByItsTitle) {
  EXPECT_EQ(help({"cmd"}), help({"Command"}));
  EXPECT_EQ(help({"node"}), help({"Node"}));
  EXPECT_EQ(help({"scen"}), help({"Scenario Deployment"}));
  EXPECT_THAT(help({"scen"}), testing::HasSubstr("Not available in version " OCTO_VERSION ": repo"));
}

TEST(Help, AMisspeltTopicSuggestsTheNearest) {
  const std::vector<std::string> topic = {"nodes"};
  const auto text = print_help(topic);
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().hint, "did you mean: octl help node");
}

TEST(Help, ATopicThatIsNoneIsWrongUseWithTheNearest) {
  const auto hint = [](std::vector<std::string> topic) {
    const auto text = print_help(topic);
    EXPECT_FALSE(text.has_value()) << join(topic, " ");
    return text ? std::string() : text.error().hint;
  };
  EXPECT_EQ(hint({"cmd", "runn"}), "did you mean: octl help cmd run");
  EXPECT_EQ(hint({"node", "gte"}), "did you mean: octl help node get");
  EXPECT_EQ(hint({"node", "get", "extra"}), "did you mean: octl help node get");
  EXPECT_EQ(hint({"exit", "code"}), "did you mean: octl help exit");
  EXPECT_THAT(hint({"node", "frobnicate"}), testing::HasSubstr("get, status, prune"));
  EXPECT_EQ(help({"Scenario", "Deployment"}), help({"scen"}));
}

TEST(Help, NoLineIsWiderThanATerminalOfOneHundredAndTwentyColumns) {
  std::istringstream text(help({}) + help({"cmd", "run"}) + help({"scen", "apply"}));
  for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 120U) << line;
}

}  // namespace
}  // namespace octo::octl
