// SPDX-License-Identifier: MIT
// Ports that hand everything on; a planted bug overrides what it spoils.
#pragma once
#include "brain/work/ports.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::sim {

class ForwardingLedger : public brain::Ledger {
 public:
  explicit ForwardingLedger(brain::Ledger& to) : to_(to) {}
  Async<Result<std::optional<brain::Receipt>>> find_receipt(const brain::Caller& caller,
                                                            const std::string& key) override {
    return to_.find_receipt(caller, key);
  }
  Async<Result<std::vector<NodeRecord>>> nodes() override { return to_.nodes(); }
  Async<Result<void>> record_node(const NodeRecord& node) override { return to_.record_node(node); }
  Async<Result<void>> remove_nodes(const std::vector<NodeName>& names, const brain::Stamp& stamp) override {
    return to_.remove_nodes(names, stamp);
  }
  Async<Result<void>> accept_task(const TaskRecord& record, const std::vector<RunRow>& runs,
                                  const brain::Stamp& stamp) override {
    return to_.accept_task(record, runs, stamp);
  }
  Async<Result<void>> record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                  std::optional<TaskState> outcome) override {
    return to_.record_runs(task, runs, outcome);
  }
  Async<Result<void>> request_cancel(const TaskId& task, const brain::Stamp& stamp) override {
    return to_.request_cancel(task, stamp);
  }
  Async<Result<std::optional<brain::StoredTask>>> find_task(const TaskId& task) override {
    return to_.find_task(task);
  }
  Async<Result<std::optional<RunRow>>> find_run(const RunId& run) override { return to_.find_run(run); }
  Async<Result<std::vector<brain::StoredTask>>> tasks(const brain::TaskFilter& filter) override {
    return to_.tasks(filter);
  }
  Async<Result<std::vector<brain::StoredTask>>> open_tasks() override { return to_.open_tasks(); }
  Async<Result<std::vector<TaskId>>> forget_tasks(WallTime before, std::size_t most,
                                                  const brain::Stamp& stamp) override {
    return to_.forget_tasks(before, most, stamp);
  }
  Async<Result<std::vector<Scenario>>> scenarios(const Group& group) override { return to_.scenarios(group); }
  Async<Result<std::optional<Scenario>>> find_scenario(const ScenarioName& name) override {
    return to_.find_scenario(name);
  }
  Async<Result<void>> put_version(const Scenario& scenario) override { return to_.put_version(scenario); }
  Async<Result<std::vector<ScenarioVersion>>> versions(const ScenarioName& name, std::uint64_t offset,
                                                       std::uint64_t limit) override {
    return to_.versions(name, offset, limit);
  }
  Async<Result<void>> remove_scenario(const ScenarioName& name) override { return to_.remove_scenario(name); }

 protected:
  brain::Ledger& to_;
};

class ForwardingEventLog : public brain::EventLog {
 public:
  explicit ForwardingEventLog(brain::EventLog& to) : to_(to) {}
  Async<Result<void>> append(const TaskId& task, std::vector<TaskEvent>& events) override {
    return to_.append(task, events);
  }
  Async<Result<void>> sync(const TaskId& task) override { return to_.sync(task); }
  Async<Result<std::vector<brain::StoredEvent>>> read(const TaskId& task, std::uint64_t from,
                                                      std::size_t count) override {
    return to_.read(task, from, count);
  }
  Async<Result<Summary>> open(const TaskId& task) override { return to_.open(task); }
  void close(const TaskId& task) override { to_.close(task); }
  Async<Result<void>> remove(const TaskId& task) override { return to_.remove(task); }
  Async<Result<std::vector<std::pair<TaskId, std::uint64_t>>>> sizes() override { return to_.sizes(); }

 protected:
  brain::EventLog& to_;
};

class ForwardingFleetEvents : public brain::FleetEvents {
 public:
  explicit ForwardingFleetEvents(brain::FleetEvents& to) : to_(to) {}
  Async<Result<void>> node_joined(const NodeRecord& node) override { return to_.node_joined(node); }
  void node_online(const NodeName& node) override { to_.node_online(node); }
  void node_offline(const NodeName& node) override { to_.node_offline(node); }
  Async<Result<Taken>> run_offered(const RunId& run) override { return to_.run_offered(run); }
  Async<Result<void>> run_progress(const RunId& run, const RunProgress& progress) override {
    return to_.run_progress(run, progress);
  }
  Async<Result<void>> barrier_reached(const RunId& run, const std::string& name) override {
    return to_.barrier_reached(run, name);
  }
  Async<Result<Taken>> run_output(const RunId& run, OutputPiece piece) override {
    return to_.run_output(run, std::move(piece));
  }
  Async<Result<void>> run_ended(const RunId& run, const RunEnd& end) override {
    return to_.run_ended(run, end);
  }
  Async<Result<void>> run_refused(const RunId& run, const Error& why) override {
    return to_.run_refused(run, why);
  }

 protected:
  brain::FleetEvents& to_;
};

class ForwardingFleet : public brain::Fleet {
 public:
  explicit ForwardingFleet(brain::Fleet& to) : to_(to) {}
  std::optional<Live> find(const NodeName& node) const override { return to_.find(node); }
  bool is_online(const NodeName& node) const override { return to_.is_online(node); }
  std::vector<Live> all() const override { return to_.all(); }
  std::shared_ptr<const brain::PreparedDeed> prepare(const Deed& deed) const override {
    return to_.prepare(deed);
  }
  Result<void> start_run(const RunId& run, std::shared_ptr<const brain::PreparedDeed> what,
                         const brain::StartTimes& times) override {
    return to_.start_run(run, std::move(what), times);
  }
  Async<Result<void>> cancel_run(const RunId& run) override { return to_.cancel_run(run); }
  Async<Result<void>> commit_run(const RunId& run, Instant at, Span max_skew) override {
    return to_.commit_run(run, at, max_skew);
  }
  Async<Result<void>> go_run(const RunId& run) override { return to_.go_run(run); }
  Async<Result<void>> call_off_run(const RunId& run, const std::string& reason) override {
    return to_.call_off_run(run, reason);
  }
  Async<Result<HostStatus>> status(const NodeName& node) override { return to_.status(node); }
  Async<Result<std::vector<NodeAppInfo>>> apps(const NodeName& node, const std::optional<AppAt>& app,
                                               std::uint64_t offset, std::uint64_t limit) override {
    return to_.apps(node, app, offset, limit);
  }
  Async<Result<brain::NextLines>> read_log(const NodeName& node, const LogQuestion& question) override {
    return to_.read_log(node, question);
  }
  void drop(const NodeName& node) override { to_.drop(node); }

 protected:
  brain::Fleet& to_;
};

class ForwardingRuns : public tentacle::Runs {
 public:
  explicit ForwardingRuns(tentacle::Runs& to) : to_(to) {}
  Async<Result<tentacle::RunFacts>> start(const Start& start) override { return to_.start(start); }
  Async<Result<void>> record(const RunId& id, const RunEnd& end) override { return to_.record(id, end); }
  std::optional<tentacle::RunFacts> find(const RunId& id) const override { return to_.find(id); }
  Async<Result<News>> next(const RunId& id, const OutputMark& from) override { return to_.next(id, from); }
  void set_flow(const RunId& id, OutputFlow flow) override { to_.set_flow(id, flow); }
  void end_tied() override { to_.end_tied(); }
  Async<Result<void>> commit(const RunId& id, const tentacle::StartAt& start) override {
    return to_.commit(id, start);
  }
  Async<Result<void>> go(const RunId& id) override { return to_.go(id); }
  Async<Result<void>> call_off(const RunId& id, const std::string& reason) override {
    return to_.call_off(id, reason);
  }
  Async<Result<void>> cancel(const RunId& id) override { return to_.cancel(id); }
  Async<Result<void>> acknowledge(const RunId& id, const OutputMark& durable, bool end_durable) override {
    return to_.acknowledge(id, durable, end_durable);
  }
  std::vector<RunId> unacknowledged() const override { return to_.unacknowledged(); }
  Async<bool> begun(const RunId& id) override { return to_.begun(id); }

 protected:
  tentacle::Runs& to_;
};

}  // namespace octo::sim
