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
  bool sent = false;        // the node may have it: it cannot be `expired` any more without the node's word
  bool sent_now = false;    // … in the session that the node has now
  bool delivering = false;  // one coroutine at a time
  bool ending = false;      // its end is on the way to the ledger
  bool end_told = false;    // … and in the story; else conclude() tells it
  Instant deadline{};       // of its delivery, once it is due
  OutputMark taken;         // told to the story
  OutputMark durable;       // and synced
};

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

struct LiveTask {
  LiveTask(StoredTask stored, EventLog& log, const Executor& executor);

  // Runs that ended, or all of the step, …
  std::vector<RunId> select(const std::function<bool(const RunRow&, const LiveRun&)>& wanted) const;
  std::vector<RunId> of_step(std::uint32_t step) const;
  bool is_ending() const;  // some run
  StoredTask stored() const;

  TaskRecord record;
  TaskBoard board;
  std::map<RunId, LiveRun> runs;
  bool cancel_requested = false;
  bool concluding = false;    // the last word is being told: an end that comes now is a late one
  bool done_told = false;     // … and is on disk
  Span delivery{};            // how long a run that is due may wait for its node
  Instant start_at{};         // on the nodes; the past: at once
  bool secrets_lost = false;  // with the Brain that held them in memory: nothing can begin any more
  Rollout rollout;
  std::map<std::uint32_t, std::function<Deed(const NodeName&)>> deeds;  // of the steps that have begun
  std::optional<Journey> journey;
  Story story;
  Event changed;  // the board, or a run
};

}  // namespace octo::brain
