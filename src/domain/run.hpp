// SPDX-License-Identifier: MIT
// Run: one process start (or one other deed of a node) identified by (task, step, node, attempt), and how it
// ended.
//
//   accepted → queued → delivered → [armed →] running → succeeded | failed | timed_out | cancelled
//                 └→ expired (proved never started)    └→ rejected (scope, limits, state of the node)
//                    interrupted (started, end unknown)   unknown (node not heard of again)
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "domain/names.hpp"

namespace octo {

enum class RunState : std::uint8_t {
  accepted,   // stored by the Brain
  queued,     // waits for its node or for the steps before it
  delivered,  // sent to the node; whether it arrived is not known yet
  armed,      // the node has it durably and starts it when its time has come
  running,    // the node has it durably and started it or is about to
  succeeded,
  failed,  // with exit code or signal
  timed_out,
  cancelled,
  expired,      // proved never started: delivery deadline, or a claim won by the recovering agent
  rejected,     // the node or the Brain refused; never started
  interrupted,  // started, its end cannot be told; never started again
  unknown,      // delivered, and the node was not heard of again within the keep time
};

std::string_view name_of(RunState state);
std::optional<RunState> find_run_state(std::string_view name);
bool is_final(RunState state);
// Whether a board may go from one state to another. Final states never change, except that `unknown` may be
// replaced once by what the returning node reports.
bool may_follow(RunState from, RunState to);

struct RunId {
  TaskId task;
  std::uint32_t step = 0;
  NodeName node;
  std::uint32_t attempt = 1;
  friend auto operator<=>(const RunId&, const RunId&) = default;
};
// Sorts as RunId does, for what belongs to one task: to compare its name at every step of a search costs more
// than the search.
struct InOneTask {
  bool operator()(const RunId& left, const RunId& right) const {
    if (left.step != right.step) return left.step < right.step;
    const auto by_node = left.node <=> right.node;
    return by_node != 0 ? by_node < 0 : left.attempt < right.attempt;
  }
};
// "<task>.<step>.<attempt>": unique on one node; the name of the run's folder there.
std::string local_name(const RunId& id);

enum class OutputStream : std::uint8_t {
  out = 1,
  err = 2,
  note = 3
};  // note: what a script wrote to $OCTOPODA_OUTPUT
std::string_view name_of(OutputStream stream);  // "stdout", "stderr", "note"
std::optional<OutputStream> find_output_stream(std::string_view name);

// When a run that starts together with others did so.
struct StartMark {
  Instant at;    // on the Brain's boot clock: the last instant before exec
  Span bound{};  // … true to within this, either way
  Span late{};   // behind the instant that was agreed
  friend bool operator==(const StartMark&, const StartMark&) = default;
};

// How far apart a group started; the true figure is within ± bound.
struct Skew {
  Span skew{};
  Span bound{};
};
Skew skew_of(const std::vector<StartMark>& starts);  // of two at least

// How a run ended. `exit_code` only for succeeded (0) and failed; `signal` only for failed by one.
struct RunEnd {
  RunState state = RunState::unknown;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string
      reason;  // a sentence where state alone does not say why: "no such user", "sources: storage full"
  // Bytes the command wrote in all, by stream (out, err, note); what was kept may be less.
  std::uint64_t out_bytes = 0;
  std::uint64_t err_bytes = 0;
  std::uint64_t note_bytes = 0;
  // On the node's wall clock, for people; the length is exact (boot clock).
  std::optional<WallTime> started;
  Span lasted{};
  std::string version;    // of a commit or reset: the git commit id
  bool given_up = false;  // cancelled by the task's own bound on failures, not by somebody; set by the Brain
  std::optional<StartMark> start;
  std::optional<std::int64_t> pid;  // of the command; on its way from the node, then the row has it
  friend bool operator==(const RunEnd&, const RunEnd&) = default;
};

// What a node tells of a run that has not ended.
struct RunProgress {
  RunState state = RunState::running;  // armed or running
  std::optional<std::int64_t> pid;
  std::optional<Span>
      clock_bound;  // of one that is armed to start together: how well its node knows the time
  std::optional<StartMark> start;
};

}  // namespace octo
