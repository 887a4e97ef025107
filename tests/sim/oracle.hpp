// SPDX-License-Identifier: MIT
// Watches all that the Brain says, and compares it in the end with what the machines know: "nothing lost" of
// the promises.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "brain.hpp"
#include "plan.hpp"

namespace octo::sim {

class Oracle {
 public:
  struct Task {
    const TaskPlan* plan = nullptr;
    Instant posted;  // the attempt that made it
    bool acknowledged = false;
    std::optional<Instant> cancelled;                                   // acknowledged
    std::optional<Instant> left;                                        // who posted it, and it is tied
    std::map<std::uint64_t, std::pair<std::string, std::size_t>> told;  // event by number, after that many …
    // In the end:
    std::optional<brain::StoredTask> stored;
    std::vector<TaskEvent> events;
  };

  Oracle(Trace& trace, const BrainHost& brain) : trace_(trace), brain_(brain) {}

  // A request reached the Brain, which gave it this id.
  void made(const TaskId& id, const TaskPlan& plan, Instant now);
  void acknowledged(const TaskId& id, const TaskPlan& plan);
  void cancel_acknowledged(const TaskId& id, Instant now);
  void caller_left(const TaskId& id, Instant now) { tasks_[id].left = now; }
  void wall_stepped_back() { wall_stepped_back_ = true; }

  // One listener's view: it has seen everything below `next`.
  void told(const TaskId& id, std::uint64_t next, const TaskEvent& event);
  // What a task looks like; asked when `before` was known.
  using Known = std::map<RunId, RunState>;
  const Known& known() const { return final_; }
  void answered(const Known& before, const std::vector<RunRow>& rows);

  std::size_t answered_keys() const { return by_key_.size(); }
  std::map<TaskId, Task>& tasks() { return tasks_; }
  const std::map<TaskId, Task>& tasks() const { return tasks_; }
  void fault(std::string what);
  const std::vector<std::string>& faults() const { return faults_; }

  // How many groups started as a whole, not at all, or in part; and how many passed a barrier.
  struct Groups {
    std::size_t whole = 0, none = 0, part = 0;
  };
  const Groups& groups() const { return groups_; }

  // After everything has healed and settled.
  void judge(const Witness& witness);

 private:
  void final_state(const RunId& run, RunState state);
  void judge_run(const Task& task, const RunRow& row, const Witness& witness);
  void judge_starts(const Task& task, const RunRow& row, const std::vector<Witness::Start>& starts);
  void judge_output(const Task& task, const RunRow& row, const std::vector<Witness::Start>& starts);
  // oracle_together.cpp
  void judge_together(const TaskId& id, const Task& task, const Witness& witness);
  void judge_marks(const Task& task, const Quartz& brain,
                   const std::vector<std::pair<const RunRow*, const Witness::Start*>>& started);
  void judge_meeting(const TaskId& id, const Task& task, const Witness& witness);
  void judge_refusal(const Task& task, const Witness::Barrier::Refusal& refusal,
                     std::optional<Instant> opened, const Witness& witness);
  void judge_events(const TaskId& id, const Task& task);
  // oracle_ties.cpp
  void judge_ties(const TaskId& id, const Task& task, const Witness& witness);
  void judge_tied(const RunRow& row, const Witness::Start& start, const Witness& witness);

  Trace& trace_;
  const BrainHost& brain_;
  std::map<TaskId, Task> tasks_;
  std::map<std::string, TaskId> by_key_;  // acknowledged
  Known final_;                           // newest
  std::set<RunId> were_unknown_;
  Groups groups_;
  std::vector<std::string> faults_;
  bool wall_stepped_back_ = false;
};

}  // namespace octo::sim
