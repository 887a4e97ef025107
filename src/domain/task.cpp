// SPDX-License-Identifier: MIT
#include "domain/task.hpp"

#include <array>

namespace octo {

namespace {

constexpr std::array<std::pair<TaskKind, std::string_view>, 4> kKinds = {{{TaskKind::command, "command"},
                                                                          {TaskKind::script, "script"},
                                                                          {TaskKind::apply, "apply"},
                                                                          {TaskKind::reset, "reset"}}};
constexpr std::array<std::pair<TaskState, std::string_view>, 7> kTaskStates = {
    {{TaskState::running, "running"},
     {TaskState::succeeded, "succeeded"},
     {TaskState::failed, "failed"},
     {TaskState::cancelled, "cancelled"},
     {TaskState::timed_out, "timed_out"},
     {TaskState::rejected, "rejected"},
     {TaskState::lost, "lost"}}};

template <class Table, class Value>
std::string_view word(const Table& table, Value value) {
  for (const auto& [candidate, name] : table) {
    if (candidate == value) return name;
  }
  return {};
}

template <class Table>
auto find_word(const Table& table, std::string_view wanted)
    -> std::optional<typename Table::value_type::first_type> {
  for (const auto& [candidate, name] : table) {
    if (name == wanted) return candidate;
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(TaskKind kind) { return word(kKinds, kind); }
std::optional<TaskKind> find_task_kind(std::string_view name) { return find_word(kKinds, name); }
std::string_view name_of(TaskState state) { return word(kTaskStates, state); }
std::optional<TaskState> find_task_state(std::string_view name) { return find_word(kTaskStates, name); }

std::string_view name_of(TaskEvent::Kind kind) {
  switch (kind) {
    case TaskEvent::Kind::accepted: return "accepted";
    case TaskEvent::Kind::state: return "state";
    case TaskEvent::Kind::output: return "output";
    case TaskEvent::Kind::note: return "note";
    case TaskEvent::Kind::done: return "done";
  }
  return "note";
}

namespace {
bool of_one_target(const RunId& left, const RunId& right) {
  return left.step == right.step && left.node == right.node;
}
}  // namespace

// Ids are sorted with the attempt last.
bool TaskBoard::is_latest(Runs::const_iterator place) const {
  const auto next = std::next(place);
  return next == runs_.end() || !of_one_target(next->first, place->first);
}

void TaskBoard::count(RunState state) { ++counts_[state]; }

void TaskBoard::discount(RunState state) {
  const auto found = counts_.find(state);
  if (--found->second == 0) counts_.erase(found);
}

void put_end(RunRow& row, RunState state, RunEnd end) {
  if (const auto pid = std::exchange(end.pid, std::nullopt)) row.pid = pid;
  row.end = std::move(end);
  row.end.state = row.state = state;
}

void TaskBoard::add(RunRow row) {
  const RunId id = row.id;
  const auto [place, fresh] = runs_.try_emplace(id, std::move(row));
  if (!fresh) return;
  const RunState state = place->second.state;
  if (!is_final(state)) ++open_;
  if (state == RunState::accepted) waiting_.insert(id);
  if (!is_latest(place)) return;
  count(state);
  if (place == runs_.begin()) return;
  const auto earlier = std::prev(place);
  if (of_one_target(earlier->first, id)) discount(earlier->second.state);
}

Result<bool> TaskBoard::apply(const RunId& id, RunState state, const RunEnd& end) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) {
    return fail(ErrorCode::not_found, "run {} on {} is not of this task", local_name(id), id.node);
  }
  RunRow& row = found->second;
  if (row.state == state) return false;
  if (!may_follow(row.state, state)) {
    return fail(ErrorCode::conflict, "run {} on {} is {} and cannot become {}", local_name(id), id.node,
                name_of(row.state), name_of(state));
  }
  if (is_final(state) && !is_final(row.state)) --open_;
  if (row.state == RunState::accepted) waiting_.erase(id);
  if (is_latest(found)) {
    discount(row.state);
    count(state);
  }
  if (is_final(state)) put_end(row, state, end);
  else row.state = state;
  return true;
}

void TaskBoard::set_pid(const RunId& id, std::int64_t pid) {
  if (const auto found = runs_.find(id); found != runs_.end()) found->second.pid = pid;
}

void TaskBoard::set_start(const RunId& id, const StartMark& start) {
  if (const auto found = runs_.find(id); found != runs_.end()) found->second.start = start;
}

const RunRow* TaskBoard::find(const RunId& id) const {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : &found->second;
}

std::vector<const RunRow*> TaskBoard::latest() const {
  std::vector<const RunRow*> rows;
  for (const auto& [id, row] : runs_) {
    if (!rows.empty() && of_one_target(rows.back()->id, id)) rows.back() = &row;
    else rows.push_back(&row);
  }
  return rows;
}

TaskState TaskBoard::outcome() const { return outcome_of(counts_); }

TaskState outcome_of(const std::map<RunState, std::size_t>& counts) {
  const auto any = [&](RunState state) { return counts.contains(state) && counts.at(state) > 0; };
  for (const auto& [state, count] : counts) {
    if (count > 0 && !is_final(state)) return TaskState::running;
  }
  if (any(RunState::rejected)) return TaskState::rejected;
  if (any(RunState::expired) || any(RunState::interrupted) || any(RunState::unknown)) return TaskState::lost;
  if (any(RunState::timed_out)) return TaskState::timed_out;
  // A failed step makes the Brain cancel what follows: the failure is the outcome, not its consequence.
  if (any(RunState::failed)) return TaskState::failed;
  if (any(RunState::cancelled)) return TaskState::cancelled;
  return TaskState::succeeded;
}

}  // namespace octo
