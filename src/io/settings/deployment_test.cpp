// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "io/settings/yaml.hpp"

namespace octo::settings {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kGood = R"(name: hello
description: says hello
applications:
- name: printer
  scriptpath: "p/scripts/"
  sourcepath: p/src
  description: prints
  nodes:
  - pi-24
  - '@lab'
  script:
  - {target: prepare, file: a.sh, order: 3}
  - {target: start, file: a.sh}
  - {target: stop, file: a.sh}
  - {target: purge, file: a.sh}
  - {target: date, file: a.sh}
)";

}  // namespace

class DeploymentFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octopoda-deployment.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    fs::create_directories(folder + "/p/scripts");
    fs::create_directories(folder + "/p/src");
    std::ofstream(folder + "/p/scripts/a.sh") << "true\n";
    std::ofstream(folder + "/alias.yaml")
        << "lab: [pi-1, '@rest']\nrest: [pi-2]\nloop: ['@pool']\npool: ['@loop']\n";
  }
  void TearDown() override { fs::remove_all(folder); }
  LoadedDeployment load(std::string text, const std::string& what = "", const std::string& with = "") {
    if (const auto at = text.find(what); !what.empty() && at != std::string::npos)
      text.replace(at, what.size(), with);
    std::ofstream(folder + "/deployment.yaml") << text;
    return load_deployment(folder);
  }
  std::string faults(const std::string& what, const std::string& with) {
    const auto loaded = load(std::string(kGood), what, with);
    return loaded.faults.empty() ? "(none)" : print(loaded.faults);
  }
  std::string folder;
};

TEST_F(DeploymentFile, TheReadmesExampleLoads) {
  const auto loaded = load_deployment(std::string(OCTO_SOURCE_DIR) + "/examples/helloWorld");
  ASSERT_TRUE(loaded.faults.empty()) << print(loaded.faults);
  EXPECT_EQ(loaded.deployment.name.str(), "helloWorld");
  ASSERT_EQ(loaded.deployment.apps.size(), 3U);
  EXPECT_EQ(loaded.deployment.apps[0].script_path, "hello/scripts");
  EXPECT_EQ(loaded.deployment.apps[0].find(Target("prepare"))->order, 3);
}

TEST_F(DeploymentFile, AliasesOpenAndOrdersDefaultToZero) {
  const auto loaded = load(std::string(kGood));
  ASSERT_TRUE(loaded.faults.empty()) << print(loaded.faults);
  const App& app = loaded.deployment.apps[0];
  EXPECT_EQ(app.nodes, (std::vector<NodeName>{NodeName("pi-24"), NodeName("pi-1"), NodeName("pi-2")}));
  EXPECT_EQ(app.find(Target("start"))->order, 0);
  EXPECT_EQ(app.source_path, "p/src");
}

TEST_F(DeploymentFile, EachMistakeSaysLineAndRemedy) {
  EXPECT_NE(faults("  - {target: purge, file: a.sh}\n", "").find("no script for target 'purge'"),
            std::string::npos);
  EXPECT_NE(faults("order: 3", "order: three").find("deployment.yaml:12: "), std::string::npos);
  EXPECT_NE(faults("order: 3", "order: three").find("number"), std::string::npos);
  EXPECT_NE(faults("{target: date, file: a.sh}", "{target: date, file: b.sh}").find("p/scripts/b.sh"),
            std::string::npos);
  EXPECT_NE(faults("target: date", "target: stop").find("there twice"), std::string::npos);
  EXPECT_NE(faults("scriptpath:", "scriptpaht:").find("did you mean 'scriptpath'"), std::string::npos);
  EXPECT_NE(faults("- pi-24", "- 'pi 24'").find("pi 24"), std::string::npos);
  EXPECT_NE(faults("@lab", "@labb").find("did you mean '@lab'"), std::string::npos);
  EXPECT_NE(faults("@lab", "@loop").find("leads back"), std::string::npos);
  EXPECT_NE(faults("file: a.sh, order: 3", "file: ../../../etc/passwd").find("leaves scriptpath"),
            std::string::npos);
  EXPECT_NE(faults("p/src", "/etc").find("relative"), std::string::npos);
  EXPECT_NE(faults("p/src", "p/none").find("there is no folder"), std::string::npos);
  EXPECT_NE(faults("name: hello", "name: a/b").find("deployment.yaml:1: name"), std::string::npos);
}

TEST_F(DeploymentFile, AllMistakesComeAtOnceInOrder) {
  const auto loaded =
      load("name: hello\ndescrption: x\napplications:\n- name: a\n  nodes: []\n- nodes: [brain]\n");
  const auto& faults = loaded.faults;
  EXPECT_GE(faults.size(), 8U) << print(faults);
  EXPECT_TRUE(std::ranges::is_sorted(faults, {}, &Fault::line));
}

TEST_F(DeploymentFile, AnUnknownNodeIsToldWhereItIsNamedAlsoByAnAlias) {
  auto loaded = load(std::string(kGood));
  add_unknown_nodes(loaded, {NodeName("pi-24"), NodeName("pi-1"), NodeName("pi-2")});
  EXPECT_TRUE(loaded.faults.empty());
  add_unknown_nodes(loaded, {NodeName("pi-24"), NodeName("pi-1")});
  ASSERT_EQ(loaded.faults.size(), 1U);
  EXPECT_EQ(loaded.faults[0].line, 10);
  EXPECT_NE(loaded.faults[0].text.find("pi-2"), std::string::npos);
}

TEST_F(DeploymentFile, AFolderWithoutOneIsSaid) {
  const auto loaded = load_deployment(folder + "/none");
  ASSERT_FALSE(loaded.faults.empty());
  EXPECT_NE(loaded.faults[0].file.find("none/deployment.yaml"), std::string::npos);
}

}  // namespace octo::settings
