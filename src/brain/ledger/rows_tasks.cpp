// SPDX-License-Identifier: MIT
// Tasks, runs, receipts.
#include "api/records.hpp"
#include "brain/ledger/ledger.hpp"

namespace octo::brain {

namespace {

using store::Row;
using store::Store;
using store::Value;

constexpr std::string_view kTaskColumns =
    "id, kind, workgroup, caller, title, request, accepted, targets, cancel_requested, outcome";

constexpr std::string_view kRunColumns = "step, node, attempt, state, title, pid, \"end\"";

Failure damaged(std::string_view table, std::string_view id) {
  return fail(ErrorCode::corrupt, "the ledger's {} row of {} cannot be read; restore ledger.db from a backup",
              table, id);
}

Result<StoredTask> read_task(const Row& row) {
  StoredTask task;
  task.record.id = TaskId(row.text(0));
  const auto kind = find_task_kind(row.text(1));
  if (!kind) return damaged("task", row.text(0));
  task.record.kind = *kind;
  task.record.group = Group(row.text(2));
  task.record.caller = row.text(3);
  task.record.title = row.text(4);
  task.record.request = row.text(5);
  task.record.accepted = WallTime(Span(row.number(6)));
  if (!row.text(7).empty()) {
    for (std::string& name : split(row.text(7), '\n')) task.record.targets.emplace_back(std::move(name));
  }
  task.cancel_requested = row.number(8) != 0;
  if (!row.is_null(9)) {
    task.outcome = find_task_state(row.text(9));
    if (!task.outcome) return damaged("task", row.text(0));
  }
  return task;
}

Result<RunRow> read_run(const TaskId& task, const Row& row) {
  RunRow run;
  run.id = RunId{task, static_cast<std::uint32_t>(row.number(0)), NodeName(row.text(1)),
                 static_cast<std::uint32_t>(row.number(2))};
  const auto state = find_run_state(row.text(3));
  if (!state) return damaged("run", task.str());
  run.state = *state;
  run.title = row.text(4);
  run.pid = row.find_number(5);
  if (!row.is_null(6)) run.end = OCTO_TRY(api::decode_run_end(row.text(6)).with("read a run of the ledger"));
  return run;
}

Result<void> fill_runs(Store& store, StoredTask& task) {
  const Value key[] = {task.record.id.str()};
  Result<void> sound;
  OCTO_TRY(
      store.query(fmt::format("SELECT {} FROM run WHERE task = ? ORDER BY step, node, attempt", kRunColumns),
                  key, [&](const Row& row) {
                    auto run = read_run(task.record.id, row);
                    if (run) task.runs.push_back(std::move(*run));
                    else if (sound) sound = Failure(run.error());
                  }));
  return sound;
}

Result<std::vector<StoredTask>> select_tasks(Store& store, const std::string& where,
                                             std::span<const Value> values) {
  std::vector<StoredTask> tasks;
  Result<void> sound;
  OCTO_TRY(store.query(fmt::format("SELECT {} FROM task WHERE {}", kTaskColumns, where), values,
                       [&](const Row& row) {
                         auto task = read_task(row);
                         if (task) tasks.push_back(std::move(*task));
                         else if (sound) sound = Failure(task.error());
                       }));
  OCTO_TRY(std::move(sound));
  for (StoredTask& task : tasks) OCTO_TRY(fill_runs(store, task));
  return tasks;
}

Result<void> put_runs(Store& store, const TaskId& task, const std::vector<RunRow>& runs) {
  for (const RunRow& run : runs) {
    const Value values[] = {task.str(),
                            std::int64_t{run.id.step},
                            run.id.node.str(),
                            std::int64_t{run.id.attempt},
                            std::string(name_of(run.state)),
                            run.title,
                            run.pid ? Value(*run.pid) : Value(nullptr),
                            is_final(run.state) ? Value(api::encode(run.end)) : Value(nullptr)};
    OCTO_TRY(store
                 .run("INSERT INTO run(task, step, node, attempt, state, title, pid, \"end\") VALUES(?, ?, "
                      "?, ?, ?, ?, ?, ?) "
                      "ON CONFLICT(task, step, node, attempt) DO UPDATE SET state = excluded.state, "
                      "pid = coalesce(excluded.pid, pid), \"end\" = excluded.\"end\"",
                      values)
                 .with("record a run"));
  }
  return {};
}

}  // namespace

Async<Result<std::optional<Receipt>>> SqliteLedger::find_receipt(const Caller& caller,
                                                                 const std::string& key) {
  std::optional<Receipt> receipt;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    const Value values[] = {caller.group.str(), caller.name, key};
    Result<void> sound;
    OCTO_TRY(store.query(
        "SELECT body_hash, status, answer FROM receipt WHERE workgroup = ? AND caller = ? AND key = ?",
        values, [&](const Row& row) {
          auto hash = parse_sha256(row.text(0));
          if (!hash) sound = damaged("receipt", key);
          else receipt = Receipt{key, *hash, static_cast<int>(row.number(1)), row.text(2)};
        }));
    return sound;
  }));
  co_return receipt;
}

Async<Result<void>> SqliteLedger::accept_task(const TaskRecord& record, const std::vector<RunRow>& runs,
                                              const Stamp& stamp) {
  std::vector<std::string> targets;
  for (const NodeName& node : record.targets) targets.push_back(node.str());
  co_return co_await write(
      [this, record, runs, stamp, targets = join(targets, "\n")](Store& store) -> Result<void> {
        const Value values[] = {record.id.str(),
                                std::string(name_of(record.kind)),
                                record.group.str(),
                                record.caller,
                                record.title,
                                record.request,
                                std::int64_t{record.accepted.time_since_epoch().count()},
                                targets};
        OCTO_TRY(store
                     .run("INSERT INTO task(id, kind, workgroup, caller, title, request, accepted, targets) "
                          "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                          values)
                     .with("store the task"));
        OCTO_TRY(put_runs(store, record.id, runs));
        return put_stamp(store, stamp);
      });
}

Async<Result<void>> SqliteLedger::record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                              std::optional<TaskState> outcome) {
  co_return co_await write([task, runs, outcome](Store& store) -> Result<void> {
    OCTO_TRY(put_runs(store, task, runs));
    if (!outcome) return {};
    const Value values[] = {std::string(name_of(*outcome)), task.str()};
    return store.run("UPDATE task SET outcome = ? WHERE id = ?", values);
  });
}

Async<Result<void>> SqliteLedger::request_cancel(const TaskId& task, const Stamp& stamp) {
  co_return co_await write([this, task, stamp](Store& store) -> Result<void> {
    const Value values[] = {task.str()};
    OCTO_TRY(store.run("UPDATE task SET cancel_requested = 1 WHERE id = ?", values));
    return put_stamp(store, stamp);
  });
}

Async<Result<std::optional<StoredTask>>> SqliteLedger::find_task(const TaskId& task) {
  std::vector<StoredTask> found;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    const Value values[] = {task.str()};
    found = OCTO_TRY(select_tasks(store, "id = ?", values));
    return {};
  }));
  if (found.empty()) co_return std::nullopt;
  co_return std::move(found.front());
}

Async<Result<std::optional<RunRow>>> SqliteLedger::find_run(const RunId& run) {
  std::optional<RunRow> found;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    const Value key[] = {run.task.str(), std::int64_t{run.step}, run.node.str(), std::int64_t{run.attempt}};
    Result<void> sound;
    OCTO_TRY(
        store.query(fmt::format("SELECT {} FROM run WHERE task = ? AND step = ? AND node = ? AND attempt = ?",
                                kRunColumns),
                    key, [&](const Row& row) {
                      auto read = read_run(run.task, row);
                      if (read) found = std::move(*read);
                      else sound = Failure(read.error());
                    }));
    return sound;
  }));
  co_return found;
}

Async<Result<std::vector<StoredTask>>> SqliteLedger::tasks(const TaskFilter& filter) {
  std::vector<StoredTask> found;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    std::string where = "workgroup = ? AND (? = '' OR id < ?)";
    std::vector<Value> values = {filter.group.str(), filter.before, filter.before};
    if (filter.state == TaskState::running) {
      where += " AND outcome IS NULL";
    } else if (filter.state) {
      where += " AND outcome = ?";
      values.emplace_back(std::string(name_of(*filter.state)));
    }
    if (!filter.caller.empty()) {
      where += " AND caller = ?";
      values.emplace_back(filter.caller);
    }
    if (filter.target) {
      // Names hold no line's end.
      where += " AND instr(char(10) || targets || char(10), char(10) || ? || char(10)) > 0";
      values.emplace_back(filter.target->str());
    }
    values.emplace_back(static_cast<std::int64_t>(filter.limit));
    found = OCTO_TRY(select_tasks(store, where + " ORDER BY id DESC LIMIT ?", values));
    return {};
  }));
  co_return found;
}

Async<Result<std::vector<TaskId>>> SqliteLedger::forget_tasks(WallTime before, std::size_t most,
                                                              const Stamp& stamp) {
  // Ids are made by the caller: shared with a job that may run to its end without us.
  const auto gone = std::make_shared<std::vector<TaskId>>();
  OCTO_CO_TRY(co_await write([this, gone, before, most, stamp](Store& store) -> Result<void> {
    gone->clear();
    const Value values[] = {std::int64_t{before.time_since_epoch().count()}, static_cast<std::int64_t>(most)};
    OCTO_TRY(store.query("SELECT id FROM task WHERE outcome IS NOT NULL AND accepted < ? ORDER BY id LIMIT ?",
                         values, [&](const Row& row) { gone->emplace_back(row.text(0)); }));
    for (const TaskId& task : *gone) {
      const Value id[] = {task.str()};
      OCTO_TRY(store.run("DELETE FROM run WHERE task = ?", id));
      OCTO_TRY(store.run("DELETE FROM task WHERE id = ?", id));
    }
    return gone->empty() ? Result<void>{} : put_stamp(store, stamp);
  }));
  co_return *gone;
}

Async<Result<std::vector<StoredTask>>> SqliteLedger::open_tasks() {
  std::vector<StoredTask> found;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    found = OCTO_TRY(select_tasks(store, "outcome IS NULL ORDER BY id", {}));
    return {};
  }));
  co_return found;
}

}  // namespace octo::brain
