// SPDX-License-Identifier: MIT
// Task: one request fanned out over nodes. The board folds reports of runs into one honest picture; pure.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "domain/order.hpp"
#include "domain/run.hpp"

namespace octo {

enum class TaskKind : std::uint8_t { command, script, apply, reset };
std::string_view name_of(TaskKind kind);
std::optional<TaskKind> find_task_kind(std::string_view name);

// running: some run is not final. Then by the runs, first that applies:
// rejected, lost (expired, interrupted, unknown), timed_out, failed, cancelled, succeeded.
enum class TaskState : std::uint8_t { running, succeeded, failed, cancelled, timed_out, rejected, lost };
std::string_view name_of(TaskState state);
std::optional<TaskState> find_task_state(std::string_view name);

// What is stored when a task is accepted; nothing of it changes afterwards.
struct TaskRecord {
  TaskId id;
  TaskKind kind = TaskKind::command;
  Group group;          // whose token started it
  std::string caller;   // holder of the operator certificate
  std::string title;    // one line for people: the command's first 200 bytes, "apply helloWorld prepare"
  std::string request;  // the whole request as JSON, so that a restarted Brain can go on
  WallTime accepted;
  std::vector<NodeName> targets;
};

struct RunRow {
  RunId id;
  RunState state = RunState::accepted;
  RunEnd end;                       // meaningful once state is final
  std::string title;                // "prepare helloPrinter"; empty for a command
  std::optional<std::int64_t> pid;  // of a running one, where the node told
  std::optional<StartMark> start;   // … too
  friend bool operator==(const RunRow&, const RunRow&) = default;
};

// It has ended so. The pid that came with its end is the row's.
void put_end(RunRow& row, RunState state, RunEnd end);

// Something that happened to a task, in the order of the Brain's records; numbered from 1 without gaps.
struct TaskEvent {
  enum class Kind : std::uint8_t {
    accepted,  // the task is durable
    state,     // a run changed state
    output,    // a run wrote
    note,      // the Brain says something about the task: "order 2 starts", "not done: …"
    done,      // every run is final; nothing follows
  };
  std::uint64_t number = 0;
  Kind kind = Kind::note;
  RunRow run;                              // state, output
  OutputPiece output;                      // output
  std::string text;                        // note
  std::string barrier;                     // note: which one every run of the step has reached
  std::uint32_t step = 0;                  // … of which
  TaskState outcome = TaskState::running;  // done
};
std::string_view name_of(TaskEvent::Kind kind);

class TaskBoard {
 public:
  TaskBoard() = default;

  // Adds a run that is not on the board yet.
  void add(RunRow row);
  // Judges and applies; conflict when the state may not follow (a duplicate of the same final report is not
  // an error and answers false: nothing changed).
  Result<bool> apply(const RunId& id, RunState state, const RunEnd& end);
  void set_pid(const RunId& id, std::int64_t pid);
  void set_start(const RunId& id, const StartMark& start);
  const RunRow* find(const RunId& id) const;
  using Runs = std::map<RunId, RunRow, InOneTask>;
  const Runs& runs() const { return runs_; }
  bool finished() const { return open_ == 0; }
  // Of each step and node the last attempt, in order: what the others came to is history.
  std::vector<const RunRow*> latest() const;
  TaskState outcome() const;  // of the last attempts
  // How many of the last attempts are in each state that some are in. Kept along, as the next one: a rollout
  // asks after every report.
  const std::map<RunState, std::size_t>& counts() const { return counts_; }
  const std::set<RunId, InOneTask>& waiting() const { return waiting_; }  // those that are `accepted`

 private:
  bool is_latest(Runs::const_iterator place) const;
  void count(RunState state);
  void discount(RunState state);

  Runs runs_;
  std::size_t open_ = 0;
  std::map<RunState, std::size_t> counts_;
  std::set<RunId, InOneTask> waiting_;
};

// Outcome of finished states as style.md orders them; `running` when one is not final.
TaskState outcome_of(const std::map<RunState, std::size_t>& counts);

}  // namespace octo
