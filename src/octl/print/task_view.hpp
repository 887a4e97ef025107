// SPDX-License-Identifier: MIT
// A task as its events tell it: each run with its state and what it wrote. Pure; viewers print it.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "domain/task.hpp"
#include "octl/print/output.hpp"

namespace octo::octl {

struct RunView {
  struct Stream {
    std::string text;        // what is kept of it
    std::uint64_t next = 0;  // offset after the last byte that came
  };
  RunRow row;
  Stream out, err, note;
  Stream& of(OutputStream stream) {
    return stream == OutputStream::out ? out : stream == OutputStream::err ? err : note;
  }
  // Bytes the run wrote and we do not have, of all streams; known once it has ended.
  std::uint64_t dropped() const;
};

class TaskView {
 public:
  enum class Keep { output, nothing };  // nothing: output is printed as it comes and forgotten
  // Memory for output kept, of all runs together; more counts as dropped.
  static constexpr std::size_t kOutputBytesMax = 256 * 1024 * 1024;

  explicit TaskView(Keep keep) : keep_(keep) {}

  // Cuts from an output event what came before, so that a viewer prints nothing twice.
  void apply(TaskEvent& event);
  void set(const RunRow& row) { runs_[row.id].row = row; }

  const std::map<RunId, RunView>& runs() const { return runs_; }
  const RunView* find(const RunId& id) const;
  const std::vector<std::string>& notes() const { return notes_; }
  bool done() const { return done_; }
  TaskState outcome() const { return outcome_; }
  // Every run of a background task has started or ended.
  bool all_started() const;
  std::map<RunState, std::size_t> counts() const;

 private:
  Keep keep_;
  std::map<RunId, RunView> runs_;
  std::vector<std::string> notes_;
  std::size_t kept_ = 0;
  bool done_ = false;
  TaskState outcome_ = TaskState::running;
};

// "ok", "exit 3", "signal 9", "expired: pi3 was not reached within 10m".
std::string print_outcome(const RunRow& row);
// By node in natural order, then by step.
std::vector<const RunView*> in_order(const TaskView& view);

// Runs whose output and end are the same, folded: {"pi[0-2]"}, the small groups first, so that the odd one
// out is seen.
struct Group {
  std::string names;
  std::vector<const RunView*> runs;  // at least one
};
std::vector<Group> group_equal(const TaskView& view);
// "pi[0-2]: Linux", or a head line and indented lines.
std::string print(const Group& group, const Look& look);

// {"name", "exit_code", "state", …}, with what the run wrote or without.
enum class With { output, nothing_more };
Json json_of(const RunView& run, With with);

// {"task", "state", "results": [{"name", "exit_code", "state", "stdout", "stderr", "note", …}], "total",
// "success", "failed"}
Document document_of(const TaskId& task, const TaskView& view);

}  // namespace octo::octl
