// SPDX-License-Identifier: MIT
// A scenario's journey: stage after stage, the next one only when the one before succeeded whole.
#include "brain/work/engine.hpp"
#include "domain/fold.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {

std::string fold(const std::vector<NodeName>& nodes) {
  std::vector<std::string> names;
  for (const NodeName& node : nodes) names.push_back(node.str());
  return fold_names(std::move(names));
}

std::string print_steps(const Stage& stage) {
  std::vector<std::string> parts;
  for (const Step& step : stage.steps)
    parts.push_back(fmt::format("{} on {}", print(step), fold(step.nodes)));
  return join(parts, ", ");
}

std::vector<RunId> runs_of(const LiveTask& task, const Stage& stage) {
  std::vector<RunId> runs;
  for (const Step& step : stage.steps) {
    for (const RunId& id : task.of_step(step.index)) runs.push_back(id);
  }
  return runs;
}

// Of steps that start together: one alone is together with nobody.
std::vector<RunId> aligned_of(const LiveTask& task, const Stage& stage) {
  std::vector<RunId> runs;
  for (const Step& step : stage.steps) {
    if (!step.align) continue;
    for (const RunId& id : task.of_step(step.index)) runs.push_back(id);
  }
  if (runs.size() < 2) runs.clear();
  return runs;
}

bool all(const LiveTask& task, const std::vector<RunId>& runs, auto judge) {
  return std::ranges::all_of(runs, [&](const RunId& id) { return judge(task.board.find(id)->state); });
}

}  // namespace

Async<void> Engine::drive_journey(Task task) {
  const auto travelled = co_await travel(task);
  if (!travelled) {
    co_await say(task, travelled.error().message());
    RunEnd end;
    end.state = RunState::cancelled;
    end.reason = "not started: " + travelled.error().message();
    co_await end_runs_for_sure(
        task, task->select([](const RunRow& row, const LiveRun&) { return !is_final(row.state); }), end);
  }
  co_await conclude(task);
}

Async<Result<void>> Engine::travel(Task task) {
  const Plan& plan = task->journey->plan;
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const auto passed = co_await pass_stage(task, plan.stages[i]);
    if (passed) continue;
    std::vector<std::string> left;
    for (std::size_t later = i + 1; later < plan.stages.size(); ++later)
      left.push_back(print_steps(plan.stages[later]));
    if (left.empty()) co_return passed;
    co_return fail(ErrorCode::cancelled, "{}; not done: {}", passed.error().message(), join(left, ", "));
  }
  co_return co_await arrive(task);
}

Async<Result<void>> Engine::pass_stage(Task task, const Stage& stage) {
  const std::vector<RunId> runs = runs_of(*task, stage);
  const auto succeeded = [](RunState state) { return state == RunState::succeeded; };
  if (!all(*task, runs, is_final)) {
    if (task->cancel_requested) co_return fail(ErrorCode::cancelled, "cancelled before: {}", stage.title);
    co_await say(task, fmt::format("{}: {}", stage.title, print_steps(stage)));
    for (const Step& step : stage.steps) {
      auto deed = co_await deed_of(*task->journey, step, step.align && !aligned_of(*task, stage).empty());
      if (!deed) co_return fail(deed.error().with(print(step)));
      task->deeds.insert_or_assign(step.index, std::move(*deed));
    }
    task->delivery = limits::delivery_deadline;
    const std::vector<RunId> aligned = aligned_of(*task, stage);
    if (!aligned.empty()) task->max_skew = limits::together_skew;
    OCTO_CO_TRY(co_await make_due(task, runs));
    if (!aligned.empty()) co_await start_together(task, aligned);
    while (!all(*task, runs, is_final)) co_await task->changed.wait();
    task->max_skew.reset();
  }
  if (stage.makes_version) OCTO_CO_TRY((co_await record_version(task, stage)).with("record the version"));
  if (all(*task, runs, succeeded)) co_return Result<void>{};
  std::vector<std::string> failed;
  for (const RunId& id : runs) {
    const RunRow& row = *task->board.find(id);
    if (!succeeded(row.state))
      failed.push_back(fmt::format("{} on {} {}", row.title, id.node, name_of(row.state)));
  }
  co_return fail(ErrorCode::conflict, "stopped after {}: {}", stage.title, join(failed, ", "));
}

// What the step's nodes are asked to do; loads and stores what that needs.
Async<Result<StepDeed>> Engine::deed_of(const Journey& journey, const Step& step, bool align) {
  const AppAt at{step.app, journey.scenario};
  switch (step.kind) {
    case Step::Kind::sync: {
      const auto app = std::ranges::find(journey.deployment.apps, step.app, &App::name);
      Manifest sources;
      if (!app->source_path.empty())
        sources = below(OCTO_CO_TRY(co_await ports_.blobs.manifest(journey.bundle)), app->source_path);
      Bytes encoded = octo::encode(sources);
      const Sha256 hash = ports_.blobs.digest(encoded);
      OCTO_CO_TRY(co_await ports_.blobs.put(hash, std::move(encoded)));
      OCTO_CO_TRY(co_await ports_.blobs.sync());
      co_return StepDeed(SyncOrder{at, hash, app->description});
    }
    case Step::Kind::script: {
      const Manifest bundle = OCTO_CO_TRY(co_await ports_.blobs.manifest(journey.bundle));
      const auto entry = std::ranges::find(bundle.entries, step.file, &ManifestEntry::path);
      if (entry == bundle.entries.end())
        co_return fail(ErrorCode::not_found, "script {} is not in the bundle", quote(step.file));
      ExecOrder order;
      order.kind = ExecOrder::Kind::script;
      for (const Chunk& chunk : entry->chunks)
        order.text += OCTO_CO_TRY(co_await ports_.blobs.get(chunk.hash));
      order.script_name = step.file.substr(step.file.rfind('/') + 1);
      order.app = at;
      if (align) order.together = Together{limits::together_skew, kHold};
      order.where_prepared = step.target.str() == "purge";  // so that a purge can be repeated
      co_return StepDeed(std::move(order));
    }
    case Step::Kind::commit: co_return StepDeed(CommitOrder{at, journey.message});
    case Step::Kind::remove: co_return StepDeed(RemoveOrder{at});
    case Step::Kind::reset: {
      std::map<NodeName, Deed> each;
      for (std::size_t i = 0; i < step.nodes.size(); ++i)
        each[step.nodes[i]] = ResetOrder{at, step.commits[i], journey.message};
      co_return StepDeed(std::move(each));
    }
  }
  co_return fail(ErrorCode::internal, "a step of no kind");
}

// All stages are passed.
Async<Result<void>> Engine::arrive(Task task) {
  if (!task->journey->plan.removes_scenario) co_return Result<void>{};
  OCTO_CO_TRY((co_await ports_.ledger.remove_scenario(task->journey->scenario)).with("remove the scenario"));
  co_await say(task, fmt::format("scenario {} is removed", task->journey->scenario));
  co_return Result<void>{};
}

}  // namespace octo::brain
