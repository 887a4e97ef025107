// SPDX-License-Identifier: MIT
// How a task is shown while it goes on and when it is over. One of four, chosen by kind, targets and format.
#pragma once
#include <memory>

#include "octl/print/task_view.hpp"

namespace octo::octl {

class Viewer {
 public:
  virtual ~Viewer() = default;
  virtual TaskView::Keep keep() const { return TaskView::Keep::output; }
  // After the view has applied it.
  virtual void event(const TaskEvent& event, const TaskView& view) = 0;
  // The task takes longer than people like to wait in front of an empty screen.
  virtual void grows_long(const TaskView&) {}
  virtual void end(const TaskId& task, const TaskView& view) = 0;
};

struct Show {
  TaskKind kind = TaskKind::command;
  bool one_target = false;
  bool background = false;
};
// Documents (JSON and the like): at the end. People, one target: output as it comes, untouched but for what
// would steer the terminal. Several targets: groups of equal output at the end; a long one on a terminal
// prints prefixed lines as they come and names the groups at the end. Steps of a scenario: as they end.
std::unique_ptr<Viewer> make_viewer(const Show& show, Output& output);

}  // namespace octo::octl
