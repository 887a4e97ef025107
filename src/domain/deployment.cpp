// SPDX-License-Identifier: MIT
#include "domain/deployment.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace octo {

namespace {

std::string print_step(Step::Kind kind, const AppName& app, const Target& target) {
  switch (kind) {
    case Step::Kind::sync: return fmt::format("sources of {}", app);
    case Step::Kind::script: return fmt::format("{} {}", target, app);
    case Step::Kind::commit: return fmt::format("commit {}", app);
    case Step::Kind::remove: return fmt::format("remove {}", app);
    case Step::Kind::reset: return fmt::format("reset {}", app);
  }
  return {};
}

class Planner {
 public:
  explicit Planner(const Deployment& deployment) : deployment_(deployment) {}

  // One stage with a step of this kind for every app.
  void add_all(Step::Kind kind, std::string title, bool makes_version = false) {
    Stage stage{std::move(title), {}, makes_version};
    for (const App& app : deployment_.apps) stage.steps.push_back(step(kind, app));
    plan_.stages.push_back(std::move(stage));
  }

  void add_removals(const std::set<NodeAppAt>& held) {
    std::map<AppName, std::set<NodeName>> places;
    for (const NodeAppAt& at : held) places[at.app].insert(at.node);
    Stage stage{"remove", {}};
    for (const App& app : deployment_.apps) {
      Step one = step(Step::Kind::remove, app);
      places[app.name].insert(app.nodes.begin(), app.nodes.end());
      one.nodes.assign(places[app.name].begin(), places[app.name].end());
      places.erase(app.name);
      stage.steps.push_back(std::move(one));
    }
    for (const auto& [app, nodes] : places)
      stage.steps.push_back({0, Step::Kind::remove, app, Target(), "", {nodes.begin(), nodes.end()}, {}});
    plan_.stages.push_back(std::move(stage));
  }

  // A stage per order, from small to large, of the apps that have the target.
  void add_scripts(const Target& target) {
    std::map<std::int64_t, Stage> stages;
    for (const App& app : deployment_.apps) {
      const Script* script = app.find(target);
      if (script == nullptr) continue;
      Step one = step(Step::Kind::script, app);
      one.target = target;
      one.align = script->align;
      one.file = app.script_path.empty() ? script->file : app.script_path + "/" + script->file;
      Stage& stage = stages[script->order];
      stage.title = fmt::format("{}, order {}", target, script->order);
      stage.steps.push_back(std::move(one));
    }
    for (auto& [order, stage] : stages) plan_.stages.push_back(std::move(stage));
  }

  Plan take(bool removes_scenario) {
    std::uint32_t index = 0;
    for (Stage& stage : plan_.stages) {
      for (Step& one : stage.steps) one.index = index++;
    }
    plan_.removes_scenario = removes_scenario;
    return std::move(plan_);
  }

 private:
  static Step step(Step::Kind kind, const App& app) {
    return Step{0, kind, app.name, Target(), "", app.nodes, {}};
  }

  const Deployment& deployment_;
  Plan plan_;
};

std::string known_targets(const Deployment& deployment) {
  std::set<std::string> known = {"prepare", "commit", "purge", "default"};
  for (const App& app : deployment.apps) {
    for (const Script& script : app.scripts) known.insert(script.target.str());
  }
  return fmt::format("{}", fmt::join(known, ", "));
}

void check_app(const App& app, std::vector<std::string>& faults) {
  if (app.nodes.empty()) faults.push_back(fmt::format("app '{}' has no node", app.name));
  if (app.description.size() > limits::description_bytes_max) {
    faults.push_back(fmt::format("app '{}': the description is longer than {} bytes", app.name,
                                 limits::description_bytes_max));
  }
  std::set<NodeName> nodes;
  for (const NodeName& node : app.nodes) {
    if (!nodes.insert(node).second)
      faults.push_back(fmt::format("app '{}' lists node '{}' twice", app.name, node));
  }
  std::set<Target> targets;
  for (const Script& script : app.scripts) {
    if (!targets.insert(script.target).second) {
      faults.push_back(fmt::format("app '{}' defines target '{}' twice", app.name, script.target));
    }
    if (script.target.str() == "commit") {
      faults.push_back(fmt::format("app '{}': target 'commit' runs no script, leave it out", app.name));
    }
  }
  for (const auto* needed : {"prepare", "start", "stop", "purge"}) {
    if (!targets.contains(Target(needed)))
      faults.push_back(fmt::format("app '{}' has no script for target '{}'", app.name, needed));
  }
}

}  // namespace

const Script* App::find(const Target& target) const {
  const auto found = std::find_if(scripts.begin(), scripts.end(),
                                  [&](const Script& script) { return script.target == target; });
  return found == scripts.end() ? nullptr : &*found;
}

std::vector<std::string> faults_of(const Deployment& deployment) {
  std::vector<std::string> faults;
  if (deployment.apps.empty()) faults.push_back("the scenario has no application");
  if (deployment.apps.size() > limits::apps_max) {
    faults.push_back(fmt::format("{} applications, {} at most", deployment.apps.size(), limits::apps_max));
  }
  if (deployment.description.size() > limits::description_bytes_max) {
    faults.push_back(fmt::format("the description is longer than {} bytes", limits::description_bytes_max));
  }
  std::set<AppName> names;
  for (const App& app : deployment.apps) {
    if (const AppAt at{app.name, deployment.name}; print(at).size() > limits::nodeapp_bytes_max) {
      faults.push_back(fmt::format("app '{}' and scenario '{}' have {} bytes together, {} at most", app.name,
                                   deployment.name, print(at).size(), limits::nodeapp_bytes_max));
    }
    if (!names.insert(app.name).second) faults.push_back(fmt::format("app '{}' is there twice", app.name));
    check_app(app, faults);
  }
  return faults;
}

std::string print(const Step& step) { return print_step(step.kind, step.app, step.target); }

Result<Plan> plan_apply(const Deployment& deployment, std::string_view target,
                        const std::set<NodeAppAt>& held) {
  Planner planner(deployment);
  const bool is_default = target.empty() || target == "default";
  if (is_default || target == "prepare") {
    planner.add_all(Step::Kind::sync, "sources");
    planner.add_scripts(Target("prepare"));
    planner.add_all(Step::Kind::commit, "commit", true);
    if (is_default) planner.add_scripts(Target("start"));
    return planner.take(false);
  }
  if (target == "commit") {
    planner.add_all(Step::Kind::commit, "commit", true);
    return planner.take(false);
  }
  planner.add_scripts(Target(std::string(target)));
  const bool purge = target == "purge";
  if (purge) planner.add_removals(held);
  Plan plan = planner.take(purge);
  if (plan.stages.empty()) {
    return fail(ErrorCode::not_found, "no app of scenario '{}' has target {}; there are: {}", deployment.name,
                quote(target), known_targets(deployment));
  }
  return plan;
}

std::vector<NodeName> nodes_of(const Deployment& deployment) {
  std::set<NodeName> nodes;
  for (const App& app : deployment.apps) nodes.insert(app.nodes.begin(), app.nodes.end());
  return {nodes.begin(), nodes.end()};
}

}  // namespace octo
