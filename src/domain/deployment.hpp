// SPDX-License-Identifier: MIT
// Deployment: what deployment.yaml says, as a value; and the plan that an apply of one target follows. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "domain/names.hpp"
#include "domain/order.hpp"
#include "domain/version.hpp"

namespace octo {

struct Script {
  Target target;
  std::string file;  // relative to the app's scriptpath
  std::int64_t order = 0;
  bool align = false;  // starts at one instant with all of its target and order that have it too
  friend bool operator==(const Script&, const Script&) = default;
};

struct App {
  AppName name;
  std::string description;
  std::string script_path;  // relative to the scenario's folder, clean, without trailing '/'
  std::string source_path;  // may be empty: no sources
  std::vector<NodeName> nodes;
  std::vector<Script> scripts;
  const Script* find(const Target& target) const;
  friend bool operator==(const App&, const App&) = default;
};

struct Deployment {
  ScenarioName name;
  std::string description;
  std::vector<App> apps;
  friend bool operator==(const Deployment&, const Deployment&) = default;
};

// Every rule that does not need the file system: at least one app and one node each, unique names,
// prepare/start/stop/purge present, targets unique, limits. Each fault is a sentence that names app and
// target.
std::vector<std::string> faults_of(const Deployment& deployment);

// One thing done on some nodes at once. `index` is the step number of its runs.
struct Step {
  enum class Kind : std::uint8_t { sync, script, commit, remove, reset };
  std::uint32_t index = 0;
  Kind kind = Kind::script;
  AppName app;
  Target target;     // script: which
  std::string file;  // script: path in the bundle
  std::vector<NodeName> nodes;
  // reset: full commit per node, same length and order as nodes.
  std::vector<std::string> commits;
  bool align = false;  // script: its runs, and those of the stage's other such steps, start together
  friend bool operator==(const Step&, const Step&) = default;
};
std::string print(
    const Step& step);  // "prepare helloPrinter", "sources of helloPrinter", "commit helloPrinter"

// Steps of one stage run side by side; a stage begins when the one before it succeeded whole.
struct Stage {
  std::string title;  // "prepare, order 2"
  std::vector<Step> steps;
  // After this stage a scenario version is recorded from the commits it made.
  bool makes_version = false;
  friend bool operator==(const Stage&, const Stage&) = default;
};

struct Plan {
  std::vector<Stage> stages;
  bool removes_scenario = false;  // purge
  friend bool operator==(const Plan&, const Plan&) = default;
};

// target "" or "default": prepare + start. prepare: sync all, scripts by order, commit all. commit: commit
// all, no script. purge: scripts by order, remove all. Any other: scripts by order of the apps that have it;
// when none has, not_found with the targets known. Orders go from small to large; equal orders share a stage.
// `held`: nodeapps that the scenario's versions name; purge removes those too that the deployment has no
// more.
Result<Plan> plan_apply(const Deployment& deployment, std::string_view target,
                        const std::set<NodeAppAt>& held = {});

// The nodes of every app, once each, sorted.
std::vector<NodeName> nodes_of(const Deployment& deployment);

}  // namespace octo
