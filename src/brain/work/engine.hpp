// SPDX-License-Identifier: MIT
// Engine: the Brain's verbs over its ports. One loop, one writer of every board; see README.md.
#pragma once
#include <map>
#include <memory>
#include <set>

#include "brain/work/live_task.hpp"
#include "brain/work/stored_request.hpp"
#include "brain/work/verbs.hpp"

namespace octo::brain {

class Engine final : public Verbs, private FleetEvents {
 public:
  Engine(Ports ports, Executor executor);
  ~Engine() override;
  // What a Brain before us left: nodes, and tasks that are not concluded.
  Async<Result<void>> load();

  FleetEvents& fleet_events() override { return *this; }
  void set_fleet(Fleet& fleet) override { ports_.fleet = &fleet; }
  Async<void> stop() override;

  TaskId make_task_id() override;
  Async<Result<void>> run_command(const TaskId& id, CommandRequest request, Stamp stamp) override;
  Async<Result<void>> apply_scenario(const TaskId& id, ApplyRequest request, Stamp stamp) override;
  Async<Result<void>> reset(const TaskId& id, ResetRequest request, Stamp stamp) override;
  Async<Result<void>> cancel(const TaskId& id, Stamp stamp) override;
  void caller_gone(const TaskId& id) override;
  Async<Result<std::unique_ptr<Listener>>> listen(const TaskId& id, std::uint64_t from) override;
  Async<Result<std::optional<StoredTask>>> find_task(const TaskId& id) override;
  Async<Result<std::vector<NodeInfo>>> nodes() override;
  std::vector<NodeTraits> known() const override;
  Async<Result<PruneOutcome>> prune(const std::vector<std::string>& names, bool all, Stamp stamp,
                                    std::function<std::string(const PruneOutcome&)> answer_of) override;

 private:
  using Task = std::shared_ptr<LiveTask>;
  class Following;

  // Work that must not stop in the middle because its caller goes away. Takes all it needs by value.
  template <class T>
  Async<Result<T>> finish(Async<Result<T>> work);

  // tasks.cpp: from acceptance to conclusion
  Async<Result<Task>> accept(TaskRecord record, std::vector<RunRow> rows, Stamp stamp);
  Async<Result<void>> accept_command(TaskId id, CommandRequest request, Stamp stamp);
  Async<Result<Task>> revive(StoredTask stored);
  Async<Result<void>> restore(LiveTask& task);
  Async<Result<void>> reconcile(LiveTask& task, EventLog::Summary summary);
  Async<void> drive_command(Task task);
  Async<void> reject_without_secrets(Task task);
  Async<void> begin_what_may(Task task);
  Async<void> begin_for_sure(Task task, std::vector<RunId> ids);
  Async<void> conclude(Task task);
  Async<Result<void>> accept_cancel(TaskId id, Stamp stamp);
  Async<void> cancel_runs(Task task);

  // A node that is not connected; offline, unless it was there when the Brain before us ended and has not had
  // the time to come back.
  NodeState absent(const NodeRecord& node) const;
  // Nothing: connected. For a name that is not known: offline.
  std::optional<NodeState> absence(const NodeName& node) const;

  // ends.cpp: runs that end, and what their task's story is told
  // Ends runs whatever they wait for: stored, then shown. A run that is final already is left alone.
  Async<Result<void>> end_runs(Task task, std::vector<RunId> ids, RunEnd end);
  Async<void> end_runs_for_sure(Task task, std::vector<RunId> ids, RunEnd end);
  // The end of one, with those of others that come at about the same time.
  Async<Result<void>> end_with_others(Task task, RunRow row);
  Async<void> store_ends(Task task);
  // Of runs that are marked as ending: in the ledger and on the board; then in the story, and no more
  // ending.
  Async<Result<void>> record_ends(Task task, const std::vector<RunRow>& rows);
  Async<void> tell_ends(Task task, const std::vector<RunRow>& rows);
  Async<void> say(Task task, std::string text);
  void tell_soon(const Task& task, TaskEvent event);
  Async<void> tell_added(Task task);

  // delivery.cpp: runs on their way to nodes
  RunState due_state(const NodeName& node) const;
  Async<Result<void>> make_due(Task task, std::vector<RunId> ids);
  Async<void> deliver_due(NodeName node);
  void deliver(const Task& task, const RunId& id);
  Async<void> deliver_queued(Task task, RunId id);
  void send(const Task& task, const RunRow& row, LiveRun& run);
  bool is_overdue(const RunId& run, const LiveRun& live) const;
  Async<void> reject(Task task, RunId id, Error why);
  void take_back(const Task& task, const RunId& id);
  Async<void> cancel_run(Task task, RunId id);
  bool is_online(const NodeName& node) const;
  Async<void> sweep();
  // How a run ends that waits in vain; nothing: it does not, or not yet.
  std::optional<RunEnd> vain_end(const LiveTask& task, const RunId& id) const;

  // reports.cpp
  Async<Result<void>> node_joined(const NodeRecord& node) override;
  void node_online(const NodeName& node) override;
  void node_offline(const NodeName& node) override;
  Async<Result<Taken>> run_offered(const RunId& run) override;
  Async<Result<void>> run_progress(const RunId& run, const RunProgress& progress) override;
  Async<Result<void>> barrier_reached(const RunId& run, const std::string& name) override;
  Async<Result<Taken>> run_output(const RunId& run, OutputPiece piece) override;
  Async<Result<void>> run_ended(const RunId& run, const RunEnd& end) override;
  Async<Result<void>> run_refused(const RunId& run, const Error& why) override;
  Async<Result<void>> take_node(NodeRecord node);
  Async<Result<Taken>> take_offer(RunId run);
  Async<Result<void>> take_progress(RunId run, RunProgress progress);
  Async<Result<Taken>> take_output(RunId run, OutputPiece piece);
  OutputFlow flow_of(const LiveTask& task, const LiveRun& run) const;
  bool has_room(const LiveRun& run, const OutputPiece& piece) const;
  Async<Result<void>> take_refusal(RunId run, RunEnd end);
  static void explain_call_off(const LiveTask& task, const RunId& run, RunEnd& end);
  Async<Result<void>> take_end(RunId run, RunEnd end);
  Async<Result<void>> take_late_end(RunId run, RunEnd end);
  Async<void> keep_last_heard(NodeRecord node);

  // together.cpp: runs that start at one instant, or none of them
  using Answers = std::vector<std::pair<RunId, Result<void>>>;
  Async<void> start_together(Task task, std::vector<RunId> runs);
  Async<void> tell_again(Task task, std::vector<RunId> runs);
  Async<Result<void>> arm(Task task, const std::vector<RunId>& runs);
  Async<Result<Instant>> agree(Task task, const std::vector<RunId>& runs);
  Async<Result<void>> decide(Task task, const std::vector<RunId>& runs);
  Async<Answers> ask_all(const std::vector<RunId>& runs, Span within,
                         std::function<Async<Result<void>>(const RunId&)> question);
  Result<void> check_members(const LiveTask& task, const std::vector<RunId>& runs) const;
  Async<void> call_off(Task task, std::vector<RunId> runs, std::string why);
  Async<void> call_off_run(Task task, RunId id);

  // barriers.cpp
  struct AtBarrier;
  Async<void> watch_barrier(Task task, BarrierKey key, std::shared_ptr<Gathering> gathering);
  Result<bool> all_have_come(const LiveTask& task, const BarrierKey& key, Barrier& barrier) const;
  bool will_not_come(const RunRow& row) const;
  bool is_lost(const NodeName& node) const;
  Async<Result<void>> open_barrier(Task task, Barrier& barrier, BarrierKey key);
  static void tell_barriers(LiveTask& task, const RunId& ended);

  // keeping.cpp
  Async<void> keep_house(std::vector<TaskId> told);
  Async<Result<void>> drop_orphans(const std::vector<TaskId>& told);
  Async<Result<void>> forget_old_tasks();
  Async<Result<void>> drop_old_output();

  // scenarios.cpp: requests judged, versions recorded
  Async<Result<void>> accept_apply(TaskId id, ApplyRequest request, Stamp stamp);
  Async<Result<void>> accept_reset(TaskId id, ResetRequest request, Stamp stamp);
  Result<void> check_nodes(const std::vector<NodeName>& nodes) const;
  Result<void> check_free(const ScenarioName& scenario) const;
  // With what older deployments left on nodes that `counts`: purge removes that too.
  Async<Result<Plan>> plan_of(const Deployment& deployment, const std::string& target,
                              std::function<bool(const NodeName&)> counts);
  Async<Result<Manifest>> check_bundle(const ApplyRequest& request, const Plan& plan);
  Async<Result<StoredReset>> plan_reset(const ResetRequest& request);
  Async<Result<Step>> plan_reset_app(const Scenario& scenario, const ResetRequest& request);
  Async<Result<void>> begin_journey(TaskRecord record, Journey journey, Stamp stamp);
  Async<Result<void>> record_version(Task task, const Stage& stage);

  // plans.cpp: stage after stage
  Async<void> drive_journey(Task task);
  Async<Result<void>> travel(Task task);
  Async<Result<void>> pass_stage(Task task, const Stage& stage);
  Async<Result<StepDeed>> deed_of(const Journey& journey, const Step& step, bool align);
  Async<Result<void>> arrive(Task task);

  Ports ports_;
  Executor executor_;
  Event due_changed_;
  Instant began_;
  WallTime began_wall_;
  std::map<NodeName, NodeRecord> nodes_;
  std::map<NodeName, Instant> left_;  // those that are not connected; the others since we began
  std::map<TaskId, Task> live_;
  std::map<NodeName, std::set<RunId>> due_;
  std::set<ScenarioName> prepared_for_;  // scenarios with a request under judgement
  Nursery nursery_;
};

template <class T>
Async<Result<T>> Engine::finish(Async<Result<T>> work) {
  struct State {
    explicit State(const Executor& executor) : ended(executor) {}
    std::optional<Result<T>> outcome;
    Event ended;
  };
  const auto state = std::make_shared<State>(executor_);
  nursery_.spawn([](Async<Result<T>> inner, std::shared_ptr<State> into) -> Async<void> {
    into->outcome.emplace(co_await std::move(inner));
    into->ended.set();
  }(std::move(work), state));
  while (!state->outcome) co_await state->ended.wait();
  co_return std::move(*state->outcome);
}

}  // namespace octo::brain
