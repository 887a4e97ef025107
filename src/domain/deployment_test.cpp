// SPDX-License-Identifier: MIT
#include "domain/deployment.hpp"

#include <gtest/gtest.h>

namespace octo {
namespace {

App app(const std::string& name, std::vector<std::string> nodes,
        std::vector<std::pair<std::string, int>> scripts) {
  App made{AppName(name), "", name + "/scripts", name + "/src", {}, {}};
  for (auto& node : nodes) made.nodes.emplace_back(std::move(node));
  for (auto& [target, order] : scripts) made.scripts.push_back({Target(target), target + ".sh", order});
  return made;
}

// The README's helloWorld.
Deployment hello_world() {
  Deployment deployment;
  deployment.name = ScenarioName("helloWorld");
  deployment.apps = {
      app("helloPrinter", {"pi-24"}, {{"prepare", 3}, {"start", 1}, {"stop", 1}, {"purge", 1}, {"date", 1}}),
      app("worldPrinter", {"pi-240"}, {{"prepare", 1}, {"start", 2}, {"stop", 2}, {"purge", 2}}),
      app("helloWorldPrinter", {"pi-24", "pi-240"},
          {{"prepare", 2}, {"start", 3}, {"stop", 3}, {"purge", 3}, {"date", 3}})};
  return deployment;
}

// "title: step, step; title: …"
std::string shape(const Plan& plan) {
  std::string text;
  for (const Stage& stage : plan.stages) {
    text += (text.empty() ? "" : "; ") + stage.title + ":";
    for (const Step& step : stage.steps) text += " " + print(step) + ",";
    text.pop_back();
  }
  return text;
}

TEST(Plan, PrepareBringsSourcesRunsScriptsByOrderAndCommits) {
  const Plan plan = plan_apply(hello_world(), "prepare").value();
  EXPECT_EQ(shape(plan),
            "sources: sources of helloPrinter, sources of worldPrinter, sources of helloWorldPrinter; "
            "prepare, order 1: prepare worldPrinter; prepare, order 2: prepare helloWorldPrinter; "
            "prepare, order 3: prepare helloPrinter; "
            "commit: commit helloPrinter, commit worldPrinter, commit helloWorldPrinter");
  EXPECT_TRUE(plan.stages.back().makes_version);
  EXPECT_EQ(plan.stages[1].steps[0].file, "worldPrinter/scripts/prepare.sh");
}

TEST(Plan, NoTargetMeansPrepareAndStart) {
  EXPECT_EQ(plan_apply(hello_world(), "").value(), plan_apply(hello_world(), "default").value());
  const Plan plan = plan_apply(hello_world(), "").value();
  EXPECT_EQ(plan.stages.size(), 8U);
  EXPECT_EQ(plan.stages.back().title, "start, order 3");
}

TEST(Plan, StepNumbersAreUniqueAndInOrder) {
  std::uint32_t next = 0;
  for (const Stage& stage : plan_apply(hello_world(), "").value().stages) {
    for (const Step& step : stage.steps) EXPECT_EQ(step.index, next++);
  }
}

TEST(Plan, AnAppWithoutTheCustomTargetIsSkipped) {
  EXPECT_EQ(shape(plan_apply(hello_world(), "date").value()),
            "date, order 1: date helloPrinter; date, order 3: date helloWorldPrinter");
}

TEST(Plan, PurgeAlsoRemovesWhatOnlyAnOlderDeploymentHad) {
  const NodeName one("pi-24"), two("pi-240"), three("pi-3");
  const Plan plan =
      plan_apply(hello_world(), "purge",
                 {{one, AppName("helloPrinter")}, {three, AppName("helloPrinter")}, {two, AppName("old")}})
          .value();
  const Stage& stage = plan.stages.back();
  ASSERT_EQ(stage.steps.size(), 4U);
  EXPECT_EQ(stage.steps[0].nodes, (std::vector{one, three}));
  EXPECT_EQ(stage.steps[1].nodes, std::vector{two});
  EXPECT_EQ(print(stage.steps[3]), "remove old");
  EXPECT_EQ(stage.steps[3].nodes, std::vector{two});
  EXPECT_EQ(stage.steps[3].index, stage.steps[0].index + 3);
}

TEST(Plan, ATargetThatNobodyHasListsTheKnownOnes) {
  const auto plan = plan_apply(hello_world(), "dance");
  EXPECT_EQ(plan.error().code(), ErrorCode::not_found);
  for (const auto* known : {"date", "start", "commit", "purge"}) {
    EXPECT_NE(plan.error().message().find(known), std::string::npos) << known;
  }
}

TEST(Plan, CommitRunsNoScriptAndPurgeRemovesInTheEnd) {
  EXPECT_EQ(plan_apply(hello_world(), "commit").value().stages.size(), 1U);
  const Plan purge = plan_apply(hello_world(), "purge").value();
  EXPECT_TRUE(purge.removes_scenario);
  EXPECT_EQ(purge.stages.back().steps[0].kind, Step::Kind::remove);
}

TEST(Plan, AppsOfEqualOrderShareAStage) {
  Deployment deployment = hello_world();
  for (App& each : deployment.apps) {
    for (Script& script : each.scripts) script.order = 0;
  }
  EXPECT_EQ(plan_apply(deployment, "start").value().stages.size(), 1U);
}

TEST(Deployment, EveryFaultIsToldAtOnce) {
  EXPECT_TRUE(faults_of(hello_world()).empty());
  Deployment bad;
  bad.name = ScenarioName("x");
  bad.apps = {app("a", {}, {{"prepare", 0}, {"prepare", 0}}), app("a", {"pi0", "pi0"}, {})};
  const auto faults = faults_of(bad);
  // a: no node, prepare twice, start, stop, purge missing; a again: its name, pi0 twice, all four missing
  EXPECT_EQ(faults.size(), 11U);
}

}  // namespace
}  // namespace octo
