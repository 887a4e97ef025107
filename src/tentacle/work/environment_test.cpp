// SPDX-License-Identifier: MIT
#include "tentacle/work/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace octo::tentacle {
namespace {

using Variables = std::map<std::string, std::string>;

Surroundings a_node() {
  return {.name = NodeName("pi0"),
          .home = "/root",
          .workspace = "/w",
          .store = "/s",
          .log = "/l",
          .pakma = "/p",
          .basics = {{"PATH", "/bin"}, {"LANG", "C"}},
          .own = {{"k1", "v1"}, {"LANG", "de"}, {"OCTOPODA_NODENAME", "liar"}}};
}
RunId an_id() { return {TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 4, NodeName("pi0"), 2}; }
AppAt app_at() { return {AppName("hello"), ScenarioName("helloWorld")}; }

TEST(EnvironmentTest, AScriptSeesEveryVariableOfTheReadme) {
  ExecOrder order{.kind = ExecOrder::Kind::script, .script_name = "run it.sh", .app = app_at()};
  order.environment = {{"k1", "mine"}, {"EMPTY", ""}};
  const auto environment = environment_of(a_node(), an_id(), order, "/w/hello@helloWorld").value();
  EXPECT_EQ(Variables(environment.begin(), environment.end()),
            (Variables{{"PATH", "/bin"},
                       {"LANG", "de"},
                       {"k1", "mine"},
                       {"EMPTY", ""},
                       {"OCTOPODA_NODENAME", "pi0"},
                       {"OCTOPODA_CURRENTDIR", "/w/hello@helloWorld"},
                       {"OCTOPODA_FILENAME", "run it.sh"},
                       {"OCTOPODA_APP", "hello"},
                       {"OCTOPODA_SCENARIO", "helloWorld"},
                       {"OCTOPODA_ROOT", "/root"},
                       {"OCTOPODA_WORKSPACE", "/w"},
                       {"OCTOPODA_FSTORE", "/s"},
                       {"OCTOPODA_LOG", "/l"},
                       {"OCTOPODA_PAKMA", "/p"},
                       {"OCTOPODA_TASK", "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
                       {"OCTOPODA_STEP", "4"},
                       {"OCTOPODA_ATTEMPT", "2"}}));
  EXPECT_EQ(environment.size(), 17U) << "each name once";
}

TEST(EnvironmentTest, ACommandLineHasNoFileNameAndWithoutAnAppNoApp) {
  ExecOrder order{.text = "true"};
  order.environment = {{"OCTOPODA_APP", "liar"}, {"OCTOPODA_OUTPUT", "/liar"}};
  const auto environment = environment_of(a_node(), an_id(), order, "/w").value();
  const Variables variables(environment.begin(), environment.end());
  for (const char* name : {"OCTOPODA_FILENAME", "OCTOPODA_APP", "OCTOPODA_SCENARIO", "OCTOPODA_OUTPUT"}) {
    EXPECT_FALSE(variables.contains(name)) << name;
  }
  EXPECT_EQ(variables.at("OCTOPODA_CURRENTDIR"), "/w");
}

TEST(EnvironmentTest, NamesThatAreNoneAreRefused) {
  for (const std::string& name : {std::string(), std::string("a=b"), std::string("a\0b", 3)}) {
    ExecOrder order;
    order.environment = {{name, "x"}};
    EXPECT_EQ(environment_of(a_node(), an_id(), order, "/w").error().code(), ErrorCode::invalid_argument);
  }
  ExecOrder order;
  order.environment = {{"A", std::string("x\0y", 3)}};
  EXPECT_EQ(environment_of(a_node(), an_id(), order, "/w").error().code(), ErrorCode::invalid_argument);
}

TEST(EnvironmentTest, AnAgentWithHardlyAnyEnvironmentStillGivesTheBasics) {
  const auto poor = basics_of({{"LANG", "de_DE.UTF-8"}, {"SECRET", "x"}, {"PATH", ""}}, "/root");
  const Variables basics(poor.begin(), poor.end());
  EXPECT_EQ(basics.at("LANG"), "de_DE.UTF-8");
  EXPECT_EQ(basics.at("HOME"), "/root");
  EXPECT_THAT(basics.at("PATH"), testing::HasSubstr("/usr/bin"));
  EXPECT_FALSE(basics.contains("SECRET"));
}

}  // namespace
}  // namespace octo::tentacle
