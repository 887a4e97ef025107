// SPDX-License-Identifier: MIT
#include "octl/print/tasks.hpp"

#include "octl/print/task_view.hpp"

namespace octo::octl {

namespace {

std::map<RunState, std::size_t> counts_of(const api::TaskSummary& task) {
  return {task.counts.begin(), task.counts.end()};
}

// A task that was told to end says so until it has.
std::string print_state(const api::TaskSummary& task) {
  return task.cancel_requested && task.state == TaskState::running ? "cancelling"
                                                                   : std::string(name_of(task.state));
}

Json json_of(const api::TaskSummary& task) {
  return Json::Object{{"id", task.id},
                      {"kind", name_of(task.kind)},
                      {"title", task.title},
                      {"caller", task.caller},
                      {"accepted", print_wall(task.accepted)},
                      {"state", name_of(task.state)},
                      {"cancel_requested", task.cancel_requested},
                      {"runs", octl::json_of(counts_of(task))}};
}

}  // namespace

Document document_of(const api::TaskList& list) {
  Document document{.rows = "tasks"};
  document.table.head = {"TASK", "ACCEPTED", "STATE", "CALLER", "TITLE", "RUNS"};
  Json::Array rows;
  for (const api::TaskSummary& task : list.tasks) {
    rows.push_back(json_of(task));
    document.table.rows.push_back({task.id.str(), print_wall(task.accepted), print_state(task), task.caller,
                                   task.title, print_counts(counts_of(task))});
  }
  std::map<TaskState, std::size_t> counts;
  for (const api::TaskSummary& task : list.tasks) ++counts[task.state];
  Json::Object members;
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts) {
    members.emplace_back(name_of(state), count);
    parts.push_back(fmt::format("{} {}", count, name_of(state)));
  }
  document.json = Json::Object{{"tasks", std::move(rows)}, {"counts", std::move(members)}};
  document.table.foot = {parts.empty()
                             ? "no tasks"
                             : fmt::format("{} {}: {}", list.tasks.size(),
                                           list.tasks.size() == 1 ? "task" : "tasks", join(parts, ", "))};
  if (!list.next.empty()) {
    document.json.add("next", list.next);
    document.table.foot.push_back(fmt::format("more: octl task list --page {}", list.next));
  }
  return document;
}

Document document_of(const api::TaskDetail& detail) {
  TaskView view(TaskView::Keep::nothing);
  for (const RunRow& row : detail.runs) view.set(row);
  Document document = document_of(detail.summary.id, view);
  Json json = json_of(detail.summary);
  Json::Array results;
  for (const RunView* run : in_order(view)) results.push_back(json_of(*run, With::nothing_more));
  json.add("results", std::move(results));
  json.add("counts", octl::json_of(view.counts()));
  document.json = std::move(json);
  document.table.foot = {print_counts(view.counts()),
                         fmt::format("{} {}: {}", name_of(detail.summary.kind), detail.summary.title,
                                     print_state(detail.summary))};
  return document;
}

Document cancelled_document(const TaskId& id, const api::TaskSummary* task) {
  Document document{.json = Json::Object{{"task", id}, {"cancel_requested", true}}};
  document.table.foot = {fmt::format("task {} is being cancelled", id)};
  if (task == nullptr) return document;
  document.json.add("counts", octl::json_of(counts_of(*task)));
  document.table.foot.push_back(print_counts(counts_of(*task)));
  return document;
}

}  // namespace octo::octl
