// SPDX-License-Identifier: MIT
#include "brain/work/live_task.hpp"

#include <algorithm>

namespace octo::brain {

Journey journey_of(StoredReset reset) {
  return {std::move(reset.plan),   {}, reset.scenario, reset.bundle, std::move(reset.message),
          std::move(reset.missing)};
}

TaskEvent state_event(const RunRow& row) {
  TaskEvent event;
  event.kind = TaskEvent::Kind::state;
  event.run = row;
  return event;
}

LiveTask::LiveTask(StoredTask stored, EventLog& log, const Executor& executor)
    : record(std::move(stored.record)),
      cancel_requested(stored.cancel_requested),
      story(log, record.id, executor),
      changed(executor) {
  for (RunRow& row : stored.runs) {
    // What a Brain before us wrote down as delivered may have arrived.
    runs[row.id].sent = row.state >= RunState::delivered && row.state <= RunState::running;
    runs[row.id].found = row.state;
    board.add(std::move(row));
  }
}

std::shared_ptr<const PreparedDeed> StepDeed::prepared_for(const NodeName& node, const Fleet& fleet) {
  if (const auto* each = std::get_if<std::map<NodeName, Deed>>(&what_)) return fleet.prepare(each->at(node));
  // What it was made from is kept no longer: a script may have a megabyte, and go on for days.
  if (const auto* all = std::get_if<Deed>(&what_)) what_ = fleet.prepare(*all);
  return std::get<Prepared>(what_);
}

std::vector<RunId> LiveTask::select(const std::function<bool(const RunRow&, const LiveRun&)>& wanted) const {
  std::vector<RunId> found;
  for (const auto& [id, row] : board.runs()) {
    if (wanted(row, runs.at(id))) found.push_back(id);
  }
  return found;
}

std::vector<RunId> LiveTask::of_step(std::uint32_t step) const {
  return select([step](const RunRow& row, const LiveRun&) { return row.id.step == step; });
}

bool LiveTask::is_ending() const {
  return std::ranges::any_of(runs, [](const auto& entry) { return entry.second.ending; });
}

StoredTask LiveTask::stored() const {
  StoredTask stored{record, {}, cancel_requested, std::nullopt};
  for (const auto& [id, row] : board.runs()) stored.runs.push_back(row);
  if (board.finished()) stored.outcome = board.outcome();
  return stored;
}

}  // namespace octo::brain
