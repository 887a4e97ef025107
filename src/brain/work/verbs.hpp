// SPDX-License-Identifier: MIT
// The Brain's verbs as the doors call them; one file each implements them. Admission (who may) is done
// before.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "base/random.hpp"
#include "brain/work/ports.hpp"
#include "domain/deployment.hpp"
#include "domain/node_set.hpp"
#include "domain/rollout.hpp"

namespace octo::brain {

// How long and how much of finished tasks is kept; zero: without bound.
struct Keep {
  Span age{};                      // of a task since its acceptance, with its output
  std::uint64_t output_bytes = 0;  // of all tasks; the oldest output goes first, the tasks stay
  // Of a run while it goes on, see output_cost(); a task whose runs have as much as `output_bytes` together
  // is as full. What they write then stays on the nodes, which tell the last of it at the end.
  std::uint64_t run_output_bytes = 0;
};

struct Ports {
  Fleet* fleet = nullptr;  // set after construction: fleet needs FleetEvents first
  Ledger& ledger;
  EventLog& events;
  Blobs& blobs;
  Clock& clock;
  Random& random;
  Keep keep = {};
};

// Follows one task's events from a number on: first what is stored, then what happens.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual Async<Result<std::vector<StoredEvent>>> next() = 0;  // at least one; empty: nothing follows `done`
};

struct CommandRequest {
  TaskKind kind = TaskKind::command;
  ExecOrder order;
  std::vector<NodeName> nodes;  // resolved, at least one, each once
  Span deadline{};              // delivery
  Span delay{};                 // started so long after it was accepted
  Rollout rollout;              // of runs that start together only its rule for nodes that are offline
  std::string title;
  std::string request;  // JSON, kept with the task
};
struct ApplyRequest {
  Deployment deployment;
  Sha256 bundle;
  std::string target;
  std::string message;
  std::string request;  // JSON, kept with the task: api::encode(api::Apply)
};
struct ResetRequest {
  ScenarioName scenario;
  std::optional<NodeAppAt> app;  // one nodeapp; else the whole scenario
  std::string version;           // prefix
  std::string message;
  std::string request;
};

class Verbs {
 public:
  // Loads open tasks from the ledger and goes on with them. Call once, before the fleet accepts nodes.
  static Async<Result<std::unique_ptr<Verbs>>> open(Ports ports, Executor executor);
  virtual ~Verbs() = default;
  virtual FleetEvents& fleet_events() = 0;
  virtual void set_fleet(Fleet& fleet) = 0;
  // Ends everything that runs in the Brain (tasks stay stored and go on at the next start).
  virtual Async<void> stop() = 0;

  // The id is made by the caller, so that the answer (with it) can be part of the stamp's receipt. 26
  // characters, time-sorted.
  virtual TaskId make_task_id() = 0;
  virtual Async<Result<void>> run_command(const TaskId& id, CommandRequest request, Stamp stamp) = 0;
  virtual Async<Result<void>> apply_scenario(const TaskId& id, ApplyRequest request, Stamp stamp) = 0;
  virtual Async<Result<void>> reset(const TaskId& id, ResetRequest request, Stamp stamp) = 0;
  virtual Async<Result<void>> cancel(const TaskId& id, Stamp stamp) = 0;
  // Of a task that is tied to its caller: it is cancelled, unless it is over.
  virtual void caller_gone(const TaskId& id) = 0;
  // From that event on, or from EventLog::kLast.
  virtual Async<Result<std::unique_ptr<Listener>>> listen(const TaskId& id, std::uint64_t from) = 0;
  virtual Async<Result<std::optional<StoredTask>>> find_task(
      const TaskId& id) = 0;  // live board where it runs

  // Nodes ever joined and not pruned, with their state now; sorted naturally.
  virtual Async<Result<std::vector<NodeInfo>>> nodes() = 0;
  // Them as sets are judged against, in no order: a fraction of what it takes to say how each of them is.
  virtual std::vector<NodeTraits> known() const = 0;
  struct PruneOutcome {
    std::vector<NodeName> pruned;
    std::vector<std::pair<std::string, std::string>> kept;  // name, why
  };
  // Only offline ones; the answer decides the receipt, so the stamp's is completed by `answer_of`.
  virtual Async<Result<PruneOutcome>> prune(const std::vector<std::string>& names, bool all, Stamp stamp,
                                            std::function<std::string(const PruneOutcome&)> answer_of) = 0;
};

}  // namespace octo::brain
