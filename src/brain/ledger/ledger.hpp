// SPDX-License-Identifier: MIT
// The Ledger port on SQLite: one writer, group commit without a timer. What arrives while a commit runs forms
// the next one.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/nursery.hpp"
#include "async/workers.hpp"
#include "brain/work/ports.hpp"
#include "io/store/store.hpp"

namespace octo::brain {

class SqliteLedger final : public Ledger {
 public:
  // Opens or makes `<folder>/ledger.db`, raises the epoch by one. `workers` must have one thread: the single
  // writer.
  static Result<std::unique_ptr<SqliteLedger>> open(const std::string& folder, Workers& workers,
                                                    Executor executor);
  ~SqliteLedger() override;

  // Raised by every start of a Brain on this ledger; agents refuse a lower one than they have seen.
  std::uint64_t epoch() const { return epoch_; }
  // Waits for writes under way; afterwards every call fails with `cancelled`.
  Async<void> close();

  Async<Result<std::optional<Receipt>>> find_receipt(const Caller& caller, const std::string& key) override;
  Async<Result<std::vector<NodeRecord>>> nodes() override;
  Async<Result<void>> record_node(const NodeRecord& node) override;
  Async<Result<void>> remove_nodes(const std::vector<NodeName>& names, const Stamp& stamp) override;
  Async<Result<void>> accept_task(const TaskRecord& record, const std::vector<RunRow>& runs,
                                  const Stamp& stamp) override;
  Async<Result<void>> record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                  std::optional<TaskState> outcome) override;
  Async<Result<void>> request_cancel(const TaskId& task, const Stamp& stamp) override;
  Async<Result<std::optional<StoredTask>>> find_task(const TaskId& task) override;
  Async<Result<std::optional<RunRow>>> find_run(const RunId& run) override;
  Async<Result<std::vector<StoredTask>>> tasks(const TaskFilter& filter) override;
  Async<Result<std::vector<StoredTask>>> open_tasks() override;
  Async<Result<std::vector<TaskId>>> forget_tasks(WallTime before, std::size_t most,
                                                  const Stamp& stamp) override;
  Async<Result<std::vector<Scenario>>> scenarios(const Group& group) override;
  Async<Result<std::optional<Scenario>>> find_scenario(const ScenarioName& name) override;
  Async<Result<void>> put_version(const Scenario& scenario) override;
  Async<Result<std::vector<ScenarioVersion>>> versions(const ScenarioName& name, std::uint64_t offset,
                                                       std::uint64_t limit) override;
  Async<Result<void>> remove_scenario(const ScenarioName& name) override;

 private:
  using Job = std::function<Result<void>(store::Store&)>;
  struct Pending;

  SqliteLedger(std::unique_ptr<store::Store> store, Workers& workers, Executor executor, std::uint64_t epoch);
  // Puts a job in the next commit; ok once that is durable. A job that fails takes back only its own changes.
  Async<Result<void>> write(Job job);
  // Runs a job between commits, on the writer's connection.
  Async<Result<void>> read(Job job);
  Async<void> commit_batches();
  Result<void> commit(std::vector<std::shared_ptr<Pending>>& batch);
  Result<void> put_stamp(store::Store& store, const Stamp& stamp);

  std::unique_ptr<store::Store> store_;
  Workers& workers_;
  Nursery nursery_;
  std::vector<std::shared_ptr<Pending>> waiting_;
  bool committing_ = false;
  bool closed_ = false;
  std::optional<Error>
      broken_;  // a commit that failed for any reason but space: nothing is acknowledged any more
  std::uint64_t epoch_;
  std::uint64_t audit_sequence_ = 0;
  Sha256 audit_chain_;  // of the last row; see put_stamp
};

// The audit log verifies offline: walks the chain and says how many rows hold, or corrupt with the first that
// does not.
Result<std::uint64_t> verify_audit(store::Store& store);

}  // namespace octo::brain
