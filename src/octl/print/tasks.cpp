// SPDX-License-Identifier: MIT
#include "octl/print/tasks.hpp"

#include "octl/print/task_view.hpp"

namespace octo::octl {

namespace {

std::string print_counts(const api::TaskSummary& task) {
  std::vector<std::string> parts;
  for (const auto& [state, count] : task.counts) parts.push_back(fmt::format("{} {}", count, name_of(state)));
  return join(parts, ", ");
}

// A task that was told to end says so until it has.
std::string print_state(const api::TaskSummary& task) {
  return task.cancel_requested && task.state == TaskState::running ? "cancelling"
                                                                   : std::string(name_of(task.state));
}

Json json_of(const api::TaskSummary& task) {
  Json::Object counts;
  for (const auto& [state, count] : task.counts) counts.emplace_back(name_of(state), count);
  return Json::Object{{"id", task.id},
                      {"kind", name_of(task.kind)},
                      {"title", task.title},
                      {"caller", task.caller},
                      {"accepted", print_wall(task.accepted)},
                      {"state", name_of(task.state)},
                      {"cancel_requested", task.cancel_requested},
                      {"runs", std::move(counts)}};
}

}  // namespace

Document document_of(const api::TaskList& list) {
  Document document{.rows = "tasks"};
  document.table.head = {"TASK", "ACCEPTED", "STATE", "CALLER", "TITLE", "RUNS"};
  Json::Array rows;
  for (const api::TaskSummary& task : list.tasks) {
    rows.push_back(json_of(task));
    document.table.rows.push_back({task.id.str(), print_wall(task.accepted), print_state(task), task.caller,
                                   task.title, print_counts(task)});
  }
  document.json = Json::Object{{"tasks", std::move(rows)}};
  if (!list.next.empty()) {
    document.json.add("next", list.next);
    document.table.foot = {fmt::format("more: octl task list --page {}", list.next)};
  } else if (list.tasks.empty()) {
    document.table.foot = {"no tasks"};
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
  document.json = std::move(json);
  document.table.foot = {fmt::format("{} {}: {}", name_of(detail.summary.kind), detail.summary.title,
                                     print_state(detail.summary))};
  return document;
}

}  // namespace octo::octl
