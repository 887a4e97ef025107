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
    std::string text;        // what is kept of it here
    std::uint64_t next = 0;  // offset after the last byte that came
    std::uint64_t got = 0;   // bytes that came and were kept or passed on
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
  // Memory for output kept, of all runs together; more counts as dropped. A document of it takes several
  // times as much while it is printed; --outdir takes none.
  static constexpr std::size_t kOutputBytesMax = 64 * 1024 * 1024;

  explicit TaskView(Keep keep) : keep_(keep) {}

  // Cuts from an output event what came before, so that a viewer prints nothing twice.
  void apply(TaskEvent& event);
  void set(const RunRow& row);

  const std::map<RunId, RunView>& runs() const { return runs_; }
  // Of each step and node the last attempt: what the others came to, and wrote, is history.
  std::vector<const RunView*> latest() const;
  const RunView* find(const RunId& id) const;
  const std::vector<std::string>& notes() const { return notes_; }
  bool done() const { return done_; }
  TaskState outcome() const { return outcome_; }
  // Every run of a background task has started or ended.
  bool all_started() const { return !runs_.empty() && tally_.started == tally_.runs; }
  // Every node has its run, and starts it when its time has come or has done so.
  bool all_loaded() const { return !runs_.empty() && tally_.loaded == tally_.runs; }
  const std::map<RunState, std::size_t>& counts() const { return tally_.counts; }  // of the latest
  // Of those that tell how it went: without what was given up because others failed.
  const std::map<RunState, std::size_t>& verdicts() const { return tally_.verdicts; }

 private:
  using Runs = std::map<RunId, RunView>;
  // Of the latest, kept with every change: to look at each of ten thousand runs after every word of one of
  // them takes seconds.
  struct Tally {
    void add(const RunRow& row);
    void take(const RunRow& row);
    std::size_t runs = 0, started = 0, loaded = 0;
    std::map<RunState, std::size_t> counts, verdicts;
  };
  Runs::iterator place_of(const RunId& id);
  bool is_latest(Runs::const_iterator place) const;
  void put(Runs::iterator place, RunRow row);
  void add(RunView::Stream& stream, OutputPiece& piece);

  Keep keep_;
  Runs runs_;
  Tally tally_;
  std::vector<std::string> notes_;
  std::size_t kept_ = 0;
  bool done_ = false;
  TaskState outcome_ = TaskState::running;
};

// "ok", "exit 3", "signal 9", "loaded", "expired: pi3 was not reached within 10m"; "exit 3, attempt 2".
std::string print_outcome(const RunRow& row);
// "37/40 done, 2 failed, 1 running": how far a task is.
std::string print_progress(const TaskView& view);
// "2 succeeded, 1 failed", and the same as a tree.
std::string print_counts(const std::map<RunState, std::size_t>& counts);
Json json_of(const std::map<RunState, std::size_t>& counts);
// How far apart those started that had agreed on one instant, of one step or of several; nothing where less
// than two did.
struct TogetherView {
  Instant agreed;
  Skew skew;
  std::vector<const RunView*> runs;
};
std::vector<TogetherView> together(const TaskView& view);
// "together within 12µs ±80µs: pi0 +3µs ±40µs, pi1 +15µs ±41µs", one line per instant; "" where there is
// none.
std::string print_together(const TaskView& view);
const std::optional<StartMark>& start_of(const RunRow& row);

// The latest, by step, then by node in natural order.
std::vector<const RunView*> in_order(const TaskView& view);

// {"name", "exit_code", "state", …}, with what the run wrote or without.
enum class With { output, nothing_more };
Json json_of(const RunView& run, With with);

// With the output, or without. {"task", "state", "results": [{"name", "exit_code", "state", "stdout",
// "stderr", "note", …}], "total", "success", "failed", "counts": {"succeeded": 3}}
Document document_of(const TaskId& task, const TaskView& view, With with = With::output);

}  // namespace octo::octl
