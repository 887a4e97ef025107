// SPDX-License-Identifier: MIT
// How a task is shown while it goes on and when it is over: one of several ways, chosen by what is asked, by
// kind, targets and format.
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
  // Something that was to be kept elsewhere was not; it has been said.
  virtual bool failed() const { return false; }
};

struct Show {
  enum class What { results, answers, nothing };  // answers: which node has begun it, or has it loaded
  TaskKind kind = TaskKind::command;
  What what = What::results;
  bool one_target = false;
  bool diff = false;          // of the groups, against the largest
  std::uint32_t retries = 0;  // as far as we know: after a failure so many attempts may follow
  std::string folder;         // --outdir: output goes there, and only the results are printed
  std::string time;           // of one round of several
};
// Documents: at the end, but JSON lines as the runs end. People, one target: output as it comes, untouched
// but for what would steer the terminal. Several targets on a terminal: groups of equal output at the end, a
// long one prints prefixed lines as they come and names the groups at the end; as text elsewhere: prefixed
// lines as they come, each stream where it belongs. Steps of a scenario: as they end.
std::unique_ptr<Viewer> make_viewer(const Show& show, Output& output);

}  // namespace octo::octl
