// SPDX-License-Identifier: MIT
// For tests: the ports of the Brain's verbs, in memory.
#pragma once
#include <functional>
#include <map>
#include <set>

#include "api/records.hpp"
#include "async/event.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "brain/work/ports.hpp"

namespace octo::brain {

class MemoryLedger final : public Ledger {
 public:
  Async<Result<std::optional<Receipt>>> find_receipt(const Caller&, const std::string&) override {
    co_return std::nullopt;
  }
  Async<Result<std::vector<NodeRecord>>> nodes() override { co_return node_records; }
  Async<Result<void>> record_node(const NodeRecord&) override { co_return Result<void>{}; }
  Async<Result<void>> remove_nodes(const std::vector<NodeName>&, const Stamp&) override {
    co_return Result<void>{};
  }
  Async<Result<void>> accept_task(const TaskRecord& record, const std::vector<RunRow>& runs,
                                  const Stamp&) override {
    stored[record.id] = {record, runs, false, std::nullopt};
    co_return Result<void>{};
  }
  Async<Result<void>> record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                  std::optional<TaskState> outcome) override {
    const std::vector<RunRow> rows = runs;
    if (!outcome && before_runs) OCTO_CO_TRY(co_await before_runs());
    StoredTask& of = stored.at(task);
    for (const RunRow& row : rows) {
      const auto known = std::ranges::find(of.runs, row.id, &RunRow::id);
      if (known == of.runs.end()) of.runs.push_back(row);
      else *known = row;
    }
    if (outcome) of.outcome = outcome;
    co_return Result<void>{};
  }
  // The first `cancels_refused` find no room.
  Async<Result<void>> request_cancel(const TaskId& task, const Stamp&) override {
    if (cancels_refused > 0 && cancels_refused-- > 0)
      co_return fail(ErrorCode::storage_full, "no space left on device");
    stored.at(task).cancel_requested = true;
    co_return Result<void>{};
  }
  Async<Result<std::optional<StoredTask>>> find_task(const TaskId& task) override {
    const auto found = stored.find(task);
    if (found == stored.end()) co_return std::nullopt;
    co_return found->second;
  }
  Async<Result<std::optional<RunRow>>> find_run(const RunId& run) override {
    const auto found = stored.find(run.task);
    if (found == stored.end()) co_return std::nullopt;
    const auto row = std::ranges::find(found->second.runs, run, &RunRow::id);
    co_return row == found->second.runs.end() ? std::nullopt : std::optional(*row);
  }
  Async<Result<std::vector<StoredTask>>> tasks(const TaskFilter&) override {
    co_return std::vector<StoredTask>();
  }
  Async<Result<std::vector<StoredTask>>> open_tasks() override {
    std::vector<StoredTask> open;
    for (const auto& [id, task] : stored) {
      if (!task.outcome) open.push_back(task);
    }
    co_return open;
  }
  Async<Result<std::vector<TaskId>>> forget_tasks(WallTime, std::size_t, const Stamp&) override {
    co_return std::vector<TaskId>();
  }
  Async<Result<std::vector<Scenario>>> scenarios(const Group&) override { co_return std::vector<Scenario>(); }
  Async<Result<std::optional<Scenario>>> find_scenario(const ScenarioName&) override {
    co_return std::nullopt;
  }
  Async<Result<void>> put_version(const Scenario&) override { co_return Result<void>{}; }
  Async<Result<std::vector<ScenarioVersion>>> versions(const ScenarioName&, std::uint64_t,
                                                       std::uint64_t) override {
    co_return std::vector<ScenarioVersion>();
  }
  Async<Result<void>> remove_scenario(const ScenarioName&) override { co_return Result<void>{}; }

  std::function<Async<Result<void>>()> before_runs;  // are recorded; an error: they are not
  std::vector<NodeRecord> node_records;
  std::map<TaskId, StoredTask> stored;
  int cancels_refused = 0;
};

class MemoryEvents final : public EventLog {
 public:
  Async<Result<void>> append(const TaskId& task, std::vector<TaskEvent>& events) override {
    ++appends;
    for (TaskEvent& event : events) {
      event.number = told[task].size() + 1;
      told[task].push_back(event);
    }
    co_return Result<void>{};
  }
  Async<Result<void>> sync(const TaskId&) override {
    if (before_sync) co_return co_await before_sync();
    co_return Result<void>{};
  }
  Async<Result<std::vector<StoredEvent>>> read(const TaskId& task, std::uint64_t from,
                                               std::size_t count) override {
    std::vector<StoredEvent> events;
    for (const TaskEvent& event : told[task]) {
      if (event.number >= from && events.size() < count)
        events.push_back({event.number, event.kind, api::encode(event)});
    }
    co_return events;
  }
  Async<Result<Summary>> open(const TaskId& task) override {
    Summary summary;
    summary.last = told[task].size();
    co_return summary;
  }
  void close(const TaskId& task) override { closed.insert(task); }
  Async<Result<void>> remove(const TaskId& task) override {
    told.erase(task);
    co_return Result<void>{};
  }
  Async<Result<std::vector<std::pair<TaskId, std::uint64_t>>>> sizes() override {
    co_return std::vector<std::pair<TaskId, std::uint64_t>>();
  }

  std::function<Async<Result<void>>()> before_sync;  // an error: it failed
  std::map<TaskId, std::vector<TaskEvent>> told;
  std::set<TaskId> closed;
  std::size_t appends = 0;
};

class NoBlobs final : public Blobs {
 public:
  Sha256 digest(BytesView) const override { return {}; }
  Async<Result<std::vector<Sha256>>> missing(const std::vector<Sha256>& hashes) override { co_return hashes; }
  Async<Result<void>> put(const Sha256&, Bytes) override { co_return Result<void>{}; }
  Async<Result<Bytes>> get(const Sha256&) override { co_return fail(ErrorCode::not_found, "no blob"); }
  Async<Result<Manifest>> manifest(const Sha256&) override {
    co_return fail(ErrorCode::not_found, "no blob");
  }
  Async<Result<void>> sync() override { co_return Result<void>{}; }
};

// Notes what nodes are told, as "go pi0"; all who are online say yes.
class FakeFleet final : public Fleet {
 public:
  explicit FakeFleet(const Executor& executor) : changed(executor) {}
  std::optional<Live> find(const NodeName& node) const override {
    if (!online.contains(node)) return std::nullopt;
    return Live{.record = {.name = node}, .connected = connected};
  }
  bool is_online(const NodeName& node) const override {
    ++looks;
    return online.contains(node);
  }
  std::vector<Live> all() const override { return {}; }
  std::shared_ptr<const PreparedDeed> prepare(const Deed&) const override {
    ++prepared;
    return std::make_shared<PreparedDeed>();
  }
  Result<void> start_run(const RunId& run, std::shared_ptr<const PreparedDeed>,
                         const StartTimes& times) override {
    if (const auto no = refusals.find(run.node); no != refusals.end()) return fail(no->second);
    started[run] = times;
    return note("start", run.node);
  }
  Async<Result<void>> cancel_run(const RunId& run) override { return tell("cancel", run.node); }
  Async<Result<void>> commit_run(const RunId& run, Instant, Span) override {
    return tell("commit", run.node);
  }
  Async<Result<void>> go_run(const RunId& run) override { return tell("go", run.node); }
  Async<Result<void>> call_off_run(const RunId& run, const std::string& reason) override {
    offs[run.node] = reason;
    return tell("off", run.node);
  }
  Async<Result<HostStatus>> status(const NodeName&) override { co_return HostStatus{}; }
  Async<Result<std::vector<NodeAppInfo>>> apps(const NodeName&, const std::optional<AppAt>&, std::uint64_t,
                                               std::uint64_t) override {
    co_return std::vector<NodeAppInfo>();
  }
  Async<Result<NextLines>> read_log(const NodeName&, const LogQuestion&) override {
    co_return fail(ErrorCode::not_found, "no log");
  }
  void drop(const NodeName&) override {}

  void forget() {
    online.clear();
    told.clear();
    offs.clear();
  }
  // Until somebody was told this.
  Async<void> await(std::string what) {
    while (!told.contains(what)) co_await changed.wait();
  }

  Span connected{};
  std::set<NodeName> online;
  std::set<std::string> told;
  std::map<NodeName, std::string> offs;  // why
  std::map<RunId, StartTimes> started;   // last
  std::map<NodeName, Error> refusals;    // of orders
  mutable std::size_t looks = 0;         // whether somebody is online
  mutable std::size_t prepared = 0;      // deeds
  Event changed;

 private:
  Result<void> note(std::string_view what, const NodeName& node) {
    if (!online.contains(node)) return fail(ErrorCode::unavailable, "node {} is offline", node);
    told.insert(fmt::format("{} {}", what, node));
    changed.set();
    return {};
  }
  Async<Result<void>> tell(std::string_view what, NodeName node) { co_return note(what, node); }
};

class CountingRandom final : public Random {
 public:
  Bytes bytes(std::size_t count) override { return Bytes(count, static_cast<char>(++calls_)); }

 private:
  int calls_ = 0;
};

}  // namespace octo::brain
