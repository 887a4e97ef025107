// SPDX-License-Identifier: MIT
// Requests about scenarios: judged whole before anything is stored, and the versions that come of them.
#include <algorithm>

#include "brain/work/engine.hpp"
#include "domain/fold.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {

constexpr std::uint64_t kAllVersions = 1'000'000;
constexpr std::size_t kShortId = 12;

// Every step's run on every node, waiting for its stage.
std::vector<RunRow> rows_of(const TaskId& task, const Plan& plan) {
  std::vector<RunRow> rows;
  for (const Stage& stage : plan.stages) {
    for (const Step& step : stage.steps) {
      for (const NodeName& node : step.nodes) {
        RunRow row;
        row.id = RunId{task, step.index, node, 1};
        row.title = print(step);
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

std::vector<NodeName> nodes_in(const Plan& plan) {
  std::set<NodeName> nodes;
  for (const Stage& stage : plan.stages) {
    for (const Step& step : stage.steps) nodes.insert(step.nodes.begin(), step.nodes.end());
  }
  return {nodes.begin(), nodes.end()};
}

std::string print_app(const App& app) { return fmt::format("sources of app '{}'", app.name); }

}  // namespace

// A scenario is one version on all nodes: it does not begin where one is missing.
Result<void> Engine::check_nodes(const std::vector<NodeName>& nodes) const {
  std::vector<std::string> unknown, offline;
  for (const NodeName& node : nodes) {
    if (!nodes_.contains(node)) unknown.push_back(node.str());
    else if (absence(node) == NodeState::offline) offline.push_back(node.str());
  }
  if (!unknown.empty()) {
    return fail(ErrorCode::not_found, "no such node: {}; see them with: octl node get",
                fold_names(std::move(unknown)));
  }
  if (!offline.empty()) {
    return fail(ErrorCode::unavailable, "offline: {}; nothing was begun", fold_names(std::move(offline)));
  }
  return {};
}

Result<void> Engine::check_free(const ScenarioName& scenario) const {
  for (const auto& [id, task] : live_) {
    if (task->journey && task->journey->scenario == scenario) {
      return fail(ErrorCode::conflict,
                  "task {} ({}) is at work on scenario {}; follow it with: octl task attach {}", id,
                  task->record.title, quote(scenario.str()), id);
    }
  }
  if (prepared_for_.contains(scenario))
    return fail(ErrorCode::conflict, "another request for scenario {} is just beginning",
                quote(scenario.str()));
  return {};
}

Async<Result<Plan>> Engine::plan_of(const Deployment& deployment, const std::string& target,
                                    std::function<bool(const NodeName&)> counts) {
  std::set<NodeAppAt> held;
  if (target == "purge") {
    for (const ScenarioVersion& version :
         OCTO_CO_TRY(co_await ports_.ledger.versions(deployment.name, 0, kAllVersions))) {
      for (const auto& [at, commit] : version.commits) held.insert(at);
      held.insert(version.missing.begin(), version.missing.end());
    }
    std::erase_if(held, [&](const NodeAppAt& at) { return !counts(at.node); });
  }
  co_return plan_apply(deployment, target, held);
}

Async<Result<Manifest>> Engine::check_bundle(const ApplyRequest& request, const Plan& plan) {
  const auto manifest = co_await ports_.blobs.manifest(request.bundle);
  if (!manifest)
    co_return fail(ErrorCode::unprocessable, "the bundle was not uploaded: {}", manifest.error().message());
  std::vector<Sha256> chunks;
  for (const ManifestEntry& entry : manifest->entries) {
    for (const Chunk& chunk : entry.chunks) chunks.push_back(chunk.hash);
  }
  if (const auto missing = OCTO_CO_TRY(co_await ports_.blobs.missing(chunks)); !missing.empty()) {
    co_return fail(ErrorCode::unprocessable, "{} chunks of the bundle were not uploaded", missing.size());
  }
  OCTO_CO_TRY(co_await ports_.blobs.sync());  // accepted means stored
  for (const App& app : request.deployment.apps) {
    if (!app.source_path.empty()) OCTO_CO_TRY(check(below(*manifest, app.source_path)).with(print_app(app)));
  }
  for (const Stage& stage : plan.stages) {
    for (const Step& step : stage.steps) {
      if (step.kind != Step::Kind::script) continue;
      const auto entry = std::ranges::find(manifest->entries, step.file, &ManifestEntry::path);
      if (entry == manifest->entries.end() || entry->kind != ManifestEntry::Kind::file) {
        co_return fail(ErrorCode::unprocessable, "script {} of app '{}' is not in the scenario's folder",
                       quote(step.file), step.app);
      }
      if (entry->bytes() > limits::script_bytes_max) {
        co_return fail(ErrorCode::too_large, "script {} has {} bytes, {} at most", quote(step.file),
                       entry->bytes(), limits::script_bytes_max);
      }
    }
  }
  co_return *manifest;
}

Async<Result<void>> Engine::apply_scenario(const TaskId& id, ApplyRequest request, Stamp stamp) {
  return finish(accept_apply(id, std::move(request), std::move(stamp)));
}

Async<Result<void>> Engine::accept_apply(TaskId id, ApplyRequest request, Stamp stamp) {
  const ScenarioName scenario = request.deployment.name;
  if (const auto faults = faults_of(request.deployment); !faults.empty()) {
    co_return fail(ErrorCode::unprocessable, "{}", join(faults, "; "));
  }
  if (request.target == "commit" && trim(request.message).empty()) {
    co_return fail(ErrorCode::invalid_argument, "target commit needs a message: -m \"what changed\"");
  }
  OCTO_CO_TRY(check_free(scenario));
  Plan plan = OCTO_CO_TRY(co_await plan_of(request.deployment, request.target, [this](const NodeName& node) {
    return nodes_.contains(node);  // of a pruned one nothing can be removed
  }));
  OCTO_CO_TRY(check_nodes(nodes_in(plan)));
  // What a prepare that failed left behind can be stopped and purged; the nodes know what is there.
  const bool prepares = plan.stages.front().steps.front().kind == Step::Kind::sync;
  const bool clears = request.target == "stop" || request.target == "purge";
  if (!prepares && !clears && !OCTO_CO_TRY(co_await ports_.ledger.find_scenario(scenario))) {
    co_return fail(ErrorCode::conflict,
                   "scenario {} is not prepared; begin with: octl scen apply <folder> prepare",
                   quote(scenario.str()));
  }
  OCTO_CO_TRY(co_await check_bundle(request, plan));
  const std::string target = request.target.empty() ? "default" : request.target;
  if (request.message.empty()) request.message = target;
  TaskRecord record{id,
                    TaskKind::apply,
                    stamp.caller.group,
                    stamp.caller.name,
                    fmt::format("apply {} {}", scenario, target),
                    request.request,
                    stamp.at,
                    nodes_in(plan)};
  co_return co_await begin_journey(std::move(record),
                                   Journey{std::move(plan),
                                           std::move(request.deployment),
                                           scenario,
                                           request.bundle,
                                           std::move(request.message),
                                           {}},
                                   std::move(stamp));
}

Async<Result<void>> Engine::begin_journey(TaskRecord record, Journey journey, Stamp stamp) {
  OCTO_CO_TRY(check_free(journey.scenario));  // again: judging took a while
  const ScenarioName scenario = journey.scenario;
  prepared_for_.insert(scenario);
  auto rows = rows_of(record.id, journey.plan);
  auto accepted = co_await accept(std::move(record), std::move(rows), std::move(stamp));
  prepared_for_.erase(scenario);
  if (!accepted) co_return fail(accepted.error());
  (*accepted)->journey = std::move(journey);
  nursery_.spawn(drive_journey(*accepted));
  co_return Result<void>{};
}

Async<Result<void>> Engine::reset(const TaskId& id, ResetRequest request, Stamp stamp) {
  return finish(accept_reset(id, std::move(request), std::move(stamp)));
}

Async<Result<void>> Engine::accept_reset(TaskId id, ResetRequest request, Stamp stamp) {
  OCTO_CO_TRY(check_free(request.scenario));
  StoredReset reset = OCTO_CO_TRY(co_await plan_reset(request));
  OCTO_CO_TRY(check_nodes(nodes_in(reset.plan)));
  const std::string what =
      request.app ? fmt::format("{}@{} on {}", request.app->app, request.scenario, request.app->node)
                  : request.scenario.str();
  TaskRecord record{id,
                    TaskKind::reset,
                    stamp.caller.group,
                    stamp.caller.name,
                    fmt::format("reset {} to {}", what, request.version),
                    encode(reset),
                    stamp.at,
                    nodes_in(reset.plan)};
  co_return co_await begin_journey(std::move(record), journey_of(std::move(reset)), std::move(stamp));
}

Async<Result<StoredReset>> Engine::plan_reset(const ResetRequest& request) {
  const auto scenario = OCTO_CO_TRY(co_await ports_.ledger.find_scenario(request.scenario));
  if (!scenario)
    co_return fail(ErrorCode::not_found, "there is no scenario {}", quote(request.scenario.str()));
  StoredReset reset{request.scenario, scenario->newest.bundle, request.message, {}, {}};
  Stage stage{"reset", {}, true};
  if (request.app) {
    stage.steps.push_back(OCTO_CO_TRY(co_await plan_reset_app(*scenario, request)));
  } else {
    const auto versions = OCTO_CO_TRY(co_await ports_.ledger.versions(request.scenario, 0, kAllVersions));
    std::vector<std::string> ids;
    for (const ScenarioVersion& version : versions) ids.push_back(version.id);
    const std::string id = OCTO_CO_TRY(
        find_by_prefix(ids, request.version).with(fmt::format("scenario {}", quote(request.scenario.str()))));
    const ScenarioVersion& version = *std::ranges::find(versions, id, &ScenarioVersion::id);
    reset.bundle = version.bundle;
    reset.missing = version.missing;
    if (reset.message.empty()) reset.message = "reset to " + id.substr(0, kShortId);
    std::map<AppName, Step> steps;
    for (const auto& [at, commit] : version.commits) {
      Step& step = steps[at.app];
      step.kind = Step::Kind::reset;
      step.app = at.app;
      step.nodes.push_back(at.node);
      step.commits.push_back(commit);
    }
    for (auto& [app, step] : steps) {
      step.index = static_cast<std::uint32_t>(stage.steps.size());
      stage.steps.push_back(std::move(step));
    }
  }
  if (stage.steps.empty()) co_return fail(ErrorCode::conflict, "that version holds no nodeapp");
  if (reset.message.empty())
    reset.message = "reset to " + stage.steps.front().commits.front().substr(0, kShortId);
  reset.plan.stages.push_back(std::move(stage));
  co_return reset;
}

// Versions of one nodeapp are its node's to tell.
Async<Result<Step>> Engine::plan_reset_app(const Scenario& scenario, const ResetRequest& request) {
  OCTO_CO_TRY(check_nodes({request.app->node}));
  if (!scenario.newest.commits.contains(*request.app) &&
      std::ranges::count(scenario.newest.missing, *request.app) == 0) {
    co_return fail(ErrorCode::not_found, "scenario {} has no app '{}' on {}", quote(scenario.name.str()),
                   request.app->app, request.app->node);
  }
  const AppAt at{request.app->app, request.scenario};
  const auto infos = OCTO_CO_TRY(co_await ports_.fleet->apps(request.app->node, at, 0, kAllVersions));
  std::vector<std::string> ids;
  for (const NodeAppInfo& info : infos) {
    for (const NodeAppVersion& version : info.versions) ids.push_back(version.commit);
  }
  Step step;
  step.kind = Step::Kind::reset;
  step.app = request.app->app;
  step.nodes = {request.app->node};
  step.commits = {OCTO_CO_TRY(
      find_by_prefix(ids, request.version).with(fmt::format("{} on {}", print(at), request.app->node)))};
  co_return step;
}

// From the commits that the stage made. Done once: a Brain that died behind it finds the same commits in the
// newest version.
Async<Result<void>> Engine::record_version(Task task, const Stage& stage) {
  const Journey& journey = *task->journey;
  const auto stored = OCTO_CO_TRY(co_await ports_.ledger.find_scenario(journey.scenario));
  Scenario scenario = stored.value_or(Scenario{});
  ScenarioVersion next;
  const bool reset = journey.deployment.apps.empty();
  std::set<NodeAppAt> missing;
  if (reset) {
    next.commits = scenario.newest.commits;  // what was not reset stays what it is
    missing.insert(scenario.newest.missing.begin(), scenario.newest.missing.end());
    missing.insert(journey.missing.begin(), journey.missing.end());
  }
  bool any = false;
  for (const Step& step : stage.steps) {
    for (const RunId& id : task->of_step(step.index)) {
      const RunRow& row = *task->board.find(id);
      const NodeAppAt at{id.node, step.app};
      if (row.state == RunState::succeeded && !row.end.version.empty()) {
        next.commits[at] = row.end.version;
        missing.erase(at);
        any = true;
      } else {
        missing.insert(at);
      }
    }
  }
  for (const NodeAppAt& at : missing) next.commits.erase(at);
  if (!any || (stored && stored->newest.commits == next.commits)) co_return Result<void>{};
  next.missing.assign(missing.begin(), missing.end());
  next.parent = stored ? stored->newest.id : "";
  next.scenario = journey.scenario;
  next.bundle = journey.bundle;
  next.message = journey.message;
  next.made = ports_.clock.wall();
  next.id = print_hex(ports_.blobs.digest(canonical(next)));
  scenario.name = journey.scenario;
  scenario.group = task->record.group;
  if (!reset) {
    scenario.description = journey.deployment.description;
    scenario.deployment = api::encode(journey.deployment);
  }
  scenario.newest = next;
  OCTO_CO_TRY(co_await ports_.ledger.put_version(scenario));
  co_await say(task,
               fmt::format("version {}{}", next.id.substr(0, kShortId), next.partial() ? " (partial)" : ""));
  co_return Result<void>{};
}

}  // namespace octo::brain
