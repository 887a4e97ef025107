// SPDX-License-Identifier: MIT
// For http_fuzz: what the Brain's doors stand before, with little to tell. It checks what the doors let
// through.
#pragma once
#include <algorithm>
#include <cstdlib>

#include "api/records.hpp"
#include "brain/work/ports_testing.hpp"
#include "brain/work/stored_request.hpp"
#include "brain/work/verbs.hpp"

namespace octo::brain {

inline void require(bool fact) {
  if (!fact) std::abort();
}

class QuietLedger final : public Ledger {
 public:
  Async<Result<std::optional<Receipt>>> find_receipt(const Caller&, const std::string& key) override {
    require(!key.empty() && key.size() <= 128);
    co_return std::nullopt;
  }
  Async<Result<std::vector<NodeRecord>>> nodes() override { co_return std::vector<NodeRecord>(); }
  Async<Result<void>> record_node(const NodeRecord&) override { co_return Result<void>{}; }
  Async<Result<void>> remove_nodes(const std::vector<NodeName>&, const Stamp&) override {
    co_return Result<void>{};
  }
  Async<Result<void>> accept_task(const TaskRecord&, const std::vector<RunRow>&, const Stamp&) override {
    co_return Result<void>{};
  }
  Async<Result<void>> record_runs(const TaskId&, const std::vector<RunRow>&,
                                  std::optional<TaskState>) override {
    co_return Result<void>{};
  }
  Async<Result<void>> request_cancel(const TaskId&, const Stamp&) override { co_return Result<void>{}; }
  Async<Result<std::optional<StoredTask>>> find_task(const TaskId&) override { co_return std::nullopt; }
  Async<Result<std::optional<RunRow>>> find_run(const RunId&) override { co_return std::nullopt; }
  Async<Result<std::vector<StoredTask>>> tasks(const TaskFilter& filter) override {
    require(filter.limit <= 1000);
    co_return std::vector<StoredTask>();
  }
  Async<Result<std::vector<StoredTask>>> open_tasks() override { co_return std::vector<StoredTask>(); }
  Async<Result<std::vector<TaskId>>> forget_tasks(WallTime, std::size_t, const Stamp&) override {
    co_return std::vector<TaskId>();
  }
  Async<Result<std::vector<Scenario>>> scenarios(const Group&) override { co_return std::vector<Scenario>(); }
  Async<Result<std::optional<Scenario>>> find_scenario(const ScenarioName& name) override {
    require(!!parse_scenario_name(name.str()));
    co_return std::nullopt;
  }
  Async<Result<void>> put_version(const Scenario&) override { co_return Result<void>{}; }
  Async<Result<std::vector<ScenarioVersion>>> versions(const ScenarioName&, std::uint64_t,
                                                       std::uint64_t) override {
    co_return std::vector<ScenarioVersion>();
  }
  Async<Result<void>> remove_scenario(const ScenarioName&) override { co_return Result<void>{}; }
};

class QuietFleet final : public Fleet {
 public:
  std::optional<Live> find(const NodeName&) const override { return std::nullopt; }
  bool is_online(const NodeName&) const override { return false; }
  std::vector<Live> all() const override { return {}; }
  std::shared_ptr<const PreparedDeed> prepare(const Deed&) const override { return nullptr; }
  Result<void> start_run(const RunId&, std::shared_ptr<const PreparedDeed>, const StartTimes&) override {
    return away();
  }
  Async<Result<void>> cancel_run(const RunId&) override { co_return away(); }
  Async<Result<void>> commit_run(const RunId&, Instant, Span) override { co_return away(); }
  Async<Result<void>> go_run(const RunId&) override { co_return away(); }
  Async<Result<void>> call_off_run(const RunId&, const std::string&) override { co_return away(); }
  Async<Result<HostStatus>> status(const NodeName&) override { co_return away(); }
  Async<Result<std::vector<NodeAppInfo>>> apps(const NodeName&, const std::optional<AppAt>& app,
                                               std::uint64_t, std::uint64_t) override {
    require(!app || parse_app_at(print(*app)));
    co_return away();
  }
  Async<Result<NextLines>> read_log(const NodeName&, const LogQuestion&) override { co_return away(); }
  void drop(const NodeName&) override {}

 private:
  static Failure away() { return fail(ErrorCode::unavailable, "the node is offline"); }
};

// The only task there ever was is over.
class OneEvent final : public Listener {
 public:
  Async<Result<std::vector<StoredEvent>>> next() override {
    std::vector<StoredEvent> events;
    if (!std::exchange(told_, true)) {
      const TaskEvent done{.number = 1, .kind = TaskEvent::Kind::done};
      events.push_back({done.number, done.kind, api::encode(done)});
    }
    co_return events;
  }

 private:
  bool told_ = false;
};

class QuietVerbs final : public Verbs {
 public:
  FleetEvents& fleet_events() override { std::abort(); }
  void set_fleet(Fleet&) override {}
  Async<void> stop() override { co_return; }
  TaskId make_task_id() override { return TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"); }

  Async<Result<void>> run_command(const TaskId&, CommandRequest request, Stamp stamp) override {
    require(!request.nodes.empty() && std::ranges::is_sorted(request.nodes));
    require(is_utf8(request.title) && request.title.size() <= 256 && stamp.receipt.has_value());
    // What is stored brings the same order back, but for secrets, of which it has the names alone.
    const auto stored = api::decode_start_task(request.request);
    require(stored && api::encode(*stored) == request.request);
    const ExecOrder again = order_of(*stored);
    require(again.text == request.order.text && again.input == request.order.input);
    require(again.environment == request.order.environment && again.limit == request.order.limit);
    require(again.secrets.size() == request.order.secrets.size() && !!check(request.order.secrets));
    require(std::ranges::all_of(again.secrets, [](const SecretFile& one) { return one.value.empty(); }));
    co_return Result<void>{};
  }
  Async<Result<void>> apply_scenario(const TaskId&, ApplyRequest request, Stamp) override {
    const auto stored = api::decode_apply(request.request);
    require(stored && stored->deployment.name == request.deployment.name);
    co_return Result<void>{};
  }
  Async<Result<void>> reset(const TaskId&, ResetRequest request, Stamp) override {
    require(!!parse_scenario_name(request.scenario.str()));
    co_return Result<void>{};
  }
  Async<Result<void>> cancel(const TaskId&, Stamp) override { co_return Result<void>{}; }
  void caller_gone(const TaskId&) override {}
  Async<Result<std::unique_ptr<Listener>>> listen(const TaskId&, std::uint64_t) override {
    co_return std::unique_ptr<Listener>(std::make_unique<OneEvent>());
  }
  Async<Result<std::optional<StoredTask>>> find_task(const TaskId& id) override {
    require(!!parse_task_id(id.str()));
    StoredTask stored;
    stored.record.id = id;
    stored.outcome = TaskState::succeeded;
    co_return stored;
  }
  Async<Result<std::vector<NodeInfo>>> nodes() override {
    std::vector<NodeInfo> nodes;
    for (const char* name : {"pi0", "pi1", "pi10"}) {
      nodes.emplace_back().record.name = NodeName(name);
      nodes.back().record.labels = {{"arch", "arm64"}};
    }
    co_return nodes;
  }
  std::vector<NodeTraits> known() const override {
    std::vector<NodeTraits> known;
    for (const char* name : {"pi0", "pi1", "pi10"}) known.push_back({NodeName(name), {{"arch", "arm64"}}});
    return known;
  }
  Async<Result<PruneOutcome>> prune(const std::vector<std::string>& names, bool all, Stamp,
                                    std::function<std::string(const PruneOutcome&)> answer_of) override {
    require(all == names.empty());
    PruneOutcome outcome;
    for (const std::string& name : names) outcome.kept.emplace_back(name, "is online");
    require(!answer_of(outcome).empty());
    co_return outcome;
  }
};

}  // namespace octo::brain
