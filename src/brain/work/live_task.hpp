// SPDX-License-Identifier: MIT
// A task that is not concluded; private to the room.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "async/clock.hpp"
#include "brain/work/stored_request.hpp"
#include "brain/work/story.hpp"
#include "domain/deployment.hpp"
#include "domain/rollout.hpp"

namespace octo::brain {

// What is known of a run beyond the board. Lost with the process, and safe to lose.
struct LiveRun {
  RunState found = RunState::accepted;  // in the ledger, when we began; armed: decided by a Brain before us
  bool sent = false;        // the node may have it: it cannot be `expired` any more without the node's word
  bool sent_now = false;    // … in the session that the node has now
  bool delivering = false;  // one coroutine at a time
  bool ending = false;      // its end is on the way to the ledger, or from there into the story
  std::string off;          // why it does not start together with the others after all: kNotStarted, …
  bool end_told = false;    // … and in the story; else conclude() tells it
  Instant deadline{};       // of its delivery, once it is due
  std::optional<Span> clock_bound;  // of its node, once it is armed to start together
  OutputMark taken;                 // told to the story
  OutputMark durable;               // and synced
  std::uint64_t output_cost = 0;    // of what is kept of its output
  bool full = false;                // so much that the node tells no more of it before the end
  int progress_told = 0;            // events that nobody waited for
};

// What the runs of a step are asked to do: all the same, or each node its own.
class StepDeed {
 public:
  explicit StepDeed(Deed all) : what_(std::move(all)) {}
  explicit StepDeed(std::map<NodeName, Deed> each) : what_(std::move(each)) {}
  // A process, or something that its agent does itself.
  bool is_process() const { return is_process_; }
  std::shared_ptr<const PreparedDeed> prepared_for(const NodeName& node, const Fleet& fleet);

 private:
  using Prepared = std::shared_ptr<const PreparedDeed>;
  std::variant<Deed, std::map<NodeName, Deed>, Prepared> what_;
  bool is_process_ =
      std::holds_alternative<Deed>(what_) && std::holds_alternative<ExecOrder>(std::get<Deed>(what_));
};

// Why a run is `expired` at once whose node is offline, under OfflineRule::skip.
inline constexpr const char* kSkipped = "the node was offline, and is skipped as asked";

// What an apply or a reset goes through, and the version it makes.
struct Journey {
  Plan plan;
  Deployment deployment;  // empty for a reset
  ScenarioName scenario;
  Sha256 bundle;
  std::string message;
  std::vector<NodeAppAt> missing;  // of a reset: what the version lacks, so that nothing brings it there
};

Journey journey_of(StoredReset reset);

// Why a run is `rejected` whose secrets went with a Brain.
inline constexpr const char* kSecretsLost =
    "its secrets were held in memory only, and the Brain was restarted: run it again";
// Of one that had begun, and that its node knows nothing of.
inline constexpr const char* kForgotten = "its node has forgotten it: how far it got is not known";
// Begins what is told of runs that were called off.
inline constexpr std::string_view kNotStarted = "not started: ";
// Ends that go to the ledger together: what has come while others were on their way there.
struct Ends {
  explicit Ends(const Executor& executor) : changed(executor) {}
  std::vector<RunRow> rows;
  std::optional<Result<void>> stored;
  Event changed;
};
// Those that wait at a barrier now, until one of them is told for all (Engine::watch_barrier).
struct Gathering {
  explicit Gathering(const Executor& executor) : changed(executor) {}
  struct Member {
    explicit Member(const Executor& executor) : changed(executor) {}
    int questions = 0;  // its agent may ask anew before the old one is gone
    Event changed;      // there is an answer, or it is over
  };
  std::map<RunId, Member, InOneTask> members;
  std::size_t wanted = 0;  // so many are in the step; before the first look nobody knows
  std::optional<Result<void>> answer;
  Event changed;  // worth a look: enough have come, all have gone, or one of the step has ended
};
// A point at which the runs of a step wait for each other.
struct Barrier {
  std::shared_ptr<Gathering> gathering;
  std::vector<RunId> away;  // of whom a look has found that they will not come: some
  bool open = false;
};
using BarrierKey = std::pair<std::uint32_t, std::string>;  // step and name
inline constexpr Span kHold = 60s;  // of a run that is armed, beyond its delay: then it ends by itself
inline constexpr std::size_t kBarriersMax = 256;  // of a task: a loop that makes names has no end

// What must be stored is tried for ever; the disk may have room again.
inline constexpr Span kStorageRetry = 5s;
TaskEvent state_event(const RunRow& row);

struct LiveTask {
  LiveTask(StoredTask stored, EventLog& log, const Executor& executor);

  // Runs that ended, or all of the step, …
  std::vector<RunId> select(const std::function<bool(const RunRow&, const LiveRun&)>& wanted) const;
  std::vector<RunId> of_step(std::uint32_t step) const;
  bool is_ending() const;  // some run
  StoredTask stored() const;

  TaskRecord record;
  TaskBoard board;
  std::map<RunId, LiveRun, InOneTask> runs;
  bool cancel_requested = false;
  bool concluding = false;        // the last word is being told: an end that comes now is a late one
  bool done_told = false;         // … and is on disk
  Span delivery{};                // how long a run that is due may wait for its node
  Instant start_at{};             // on the nodes; the past: at once
  bool secrets_lost = false;      // with the Brain that held them in memory: nothing can begin any more
  std::optional<Span> max_skew;   // its runs start together, and accept this much
  std::uint64_t output_cost = 0;  // of all its runs
  bool resumed = false;           // it was begun by a Brain before us
  Rollout rollout;
  std::map<std::uint32_t, StepDeed> deeds;  // of the steps that have begun
  std::optional<Journey> journey;
  std::map<BarrierKey, Barrier> barriers;
  std::shared_ptr<Ends> next_ends;  // those that wait
  bool storing_ends = false;        // others
  bool telling = false;             // what was added to the story
  Story story;
  Event changed;  // the board, or a run
};

}  // namespace octo::brain
