// SPDX-License-Identifier: MIT
// What the verbs of the Brain need from the rest of it: who is connected (Fleet), what is remembered
// (Ledger), bytes on disk (Blobs, EventLog). Plain values only. Ids are made by the caller; each Ledger
// method is one transaction, durable when it answers ok; nothing here relies on being the only writer.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/async.hpp"
#include "domain/manifest.hpp"
#include "domain/node.hpp"
#include "domain/order.hpp"
#include "domain/task.hpp"
#include "domain/version.hpp"

namespace octo::brain {

// Who asks: the holder of the operator certificate, logged in to a workgroup ("" is the root).
struct Caller {
  std::string name;
  Group group;
  friend bool operator==(const Caller&, const Caller&) = default;
};

// What makes a repeated POST answer the same: stored in the transaction of the mutation itself.
struct Receipt {
  std::string key;   // Idempotency-Key, unique per caller
  Sha256 body_hash;  // of method, path and body; another one with the same key is `unprocessable`
  int status = 200;
  std::string answer;  // JSON
};

// Goes with every mutation: the audit row and, for POSTs, the receipt.
struct Stamp {
  Caller caller;
  std::string action;  // "task.start", "node.prune", …
  std::string object;  // "task 01J…", "pi3"
  WallTime at;
  std::optional<Receipt> receipt;
};

struct StoredTask {
  TaskRecord record;
  std::vector<RunRow> runs;
  bool cancel_requested = false;
  std::optional<TaskState> outcome;  // once every run is final
};

struct TaskFilter {
  Group group;
  std::optional<TaskState> state;
  std::string caller;              // whose; empty: anyone's
  std::optional<NodeName> target;  // only tasks that had it among their nodes
  std::string before;              // only tasks whose id is smaller; empty: from the newest
  std::size_t limit = 50;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  // The answer given before, while it is kept (24 h at least).
  virtual Async<Result<std::optional<Receipt>>> find_receipt(const Caller& caller,
                                                             const std::string& key) = 0;

  virtual Async<Result<std::vector<NodeRecord>>> nodes() = 0;
  virtual Async<Result<void>> record_node(
      const NodeRecord& node) = 0;  // inserts or replaces; `joined` of the first stays
  virtual Async<Result<void>> remove_nodes(const std::vector<NodeName>& names, const Stamp& stamp) = 0;

  virtual Async<Result<void>> accept_task(const TaskRecord& record, const std::vector<RunRow>& runs,
                                          const Stamp& stamp) = 0;
  // New or changed runs of a task; `outcome` when that finishes it.
  virtual Async<Result<void>> record_runs(const TaskId& task, const std::vector<RunRow>& runs,
                                          std::optional<TaskState> outcome) = 0;
  virtual Async<Result<void>> request_cancel(const TaskId& task, const Stamp& stamp) = 0;
  virtual Async<Result<std::optional<StoredTask>>> find_task(const TaskId& task) = 0;
  // One of its runs alone, of which there may be thousands.
  virtual Async<Result<std::optional<RunRow>>> find_run(const RunId& run) = 0;
  virtual Async<Result<std::vector<StoredTask>>> tasks(
      const TaskFilter& filter) = 0;                                // newest first, without runs' outputs
  virtual Async<Result<std::vector<StoredTask>>> open_tasks() = 0;  // without outcome; at start
  // Finished tasks accepted before that, with their runs, the oldest first, `most` at a time: gone. Who they
  // are.
  virtual Async<Result<std::vector<TaskId>>> forget_tasks(WallTime before, std::size_t most,
                                                          const Stamp& stamp) = 0;

  virtual Async<Result<std::vector<Scenario>>> scenarios(const Group& group) = 0;
  virtual Async<Result<std::optional<Scenario>>> find_scenario(const ScenarioName& name) = 0;
  // Appends the version and makes it the scenario's newest; makes the scenario if new. Repeating the same id
  // changes nothing.
  virtual Async<Result<void>> put_version(const Scenario& scenario) = 0;
  virtual Async<Result<std::vector<ScenarioVersion>>> versions(const ScenarioName& name, std::uint64_t offset,
                                                               std::uint64_t limit) = 0;
  virtual Async<Result<void>> remove_scenario(const ScenarioName& name) = 0;  // purged: its versions go too
};

// What a piece of output counts as where kept output is bounded: on disk it is an event.
inline std::uint64_t output_cost(const OutputPiece& piece) {
  constexpr std::uint64_t kEventBytes = 256;
  return kEventBytes + piece.bytes.size();
}

// An event as it is on disk, and as the API tells it.
struct StoredEvent {
  std::uint64_t number = 0;
  TaskEvent::Kind kind = TaskEvent::Kind::note;
  std::string json;
};

// Numbered events of each task on disk: what `attach` replays. Output lives here and nowhere else.
class EventLog {
 public:
  virtual ~EventLog() = default;
  // Appends, giving numbers; readable at once. Durable only after sync().
  virtual Async<Result<void>> append(const TaskId& task, std::vector<TaskEvent>& events) = 0;
  virtual Async<Result<void>> sync(const TaskId& task) = 0;
  // At most `count` events with number >= from, or the last one there is; fewer or none at the end. From
  // beyond the end is from what comes next.
  static constexpr std::uint64_t kLast = ~std::uint64_t{0};
  virtual Async<Result<std::vector<StoredEvent>>> read(const TaskId& task, std::uint64_t from,
                                                       std::size_t count) = 0;
  // What is durable of each run's output, and the last number: for resuming after a restart. Cuts a torn
  // tail.
  struct Summary {
    std::uint64_t last = 0;
    struct Output {
      OutputMark durable;
      std::uint64_t bytes = 0;  // as output_cost() counts them
    };
    std::vector<std::pair<RunId, Output>> output;
    std::vector<std::pair<RunId, RunState>> states;               // the last state event of each run
    std::vector<std::pair<std::uint32_t, std::string>> barriers;  // that are open: step and name
    bool done = false;
  };
  virtual Async<Result<Summary>> open(const TaskId& task) = 0;
  // The task is finished: its file may be closed.
  virtual void close(const TaskId& task) = 0;
  // For good; absent is fine.
  virtual Async<Result<void>> remove(const TaskId& task) = 0;
  // Bytes on disk of every task, the oldest first.
  virtual Async<Result<std::vector<std::pair<TaskId, std::uint64_t>>>> sizes() = 0;
};

// Chunks and manifests by hash, on disk under a quota.
class Blobs {
 public:
  virtual ~Blobs() = default;
  virtual Sha256 digest(BytesView bytes) const = 0;
  virtual Async<Result<std::vector<Sha256>>> missing(const std::vector<Sha256>& hashes) = 0;
  virtual Async<Result<void>> put(const Sha256& hash, Bytes bytes) = 0;
  virtual Async<Result<Bytes>> get(const Sha256& hash) = 0;
  virtual Async<Result<Manifest>> manifest(
      const Sha256& hash) = 0;  // stored like a chunk; decoded and checked
  virtual Async<Result<void>> sync() = 0;
};

// The next lines of a log, in order. None: that was all; whoever follows a log waits for more instead.
using NextLines = std::function<Async<Result<std::vector<std::string>>>()>;

// What nodes are asked to do, in the words that the fleet sends: made once, however many are asked.
struct PreparedDeed {
  PreparedDeed() = default;
  PreparedDeed(const PreparedDeed&) = delete;
  ~PreparedDeed() {
    if (secrets) wipe(bytes);
  }
  Bytes bytes;
  bool together = false;  // only for a node that knows of that
  bool secrets = false;
};
struct StartTimes {
  Span within{};  // from now it must be started, or not at all
  Span delay{};   // of ExecOrder and Together where the deed leaves them out
  Span hold{};
};

// Live sessions with nodes.
class Fleet {
 public:
  virtual ~Fleet() = default;
  // Everything known of connected nodes; absent: no session now.
  struct Live {
    NodeRecord record;
    Span silence{};
    Span connected{};
    std::optional<Span> delay;
    std::optional<ClockReading> clock;
  };
  virtual std::optional<Live> find(const NodeName& node) const = 0;
  virtual bool is_online(const NodeName& node) const = 0;  // find() has something
  virtual std::vector<Live> all() const = 0;
  virtual std::shared_ptr<const PreparedDeed> prepare(const Deed& deed) const = 0;
  // Queues the order on the node's session. What becomes of it comes through FleetEvents, on this session or
  // on a later one. unavailable: there is no session, or more waits to be written to it than may; certainly
  // not sent.
  virtual Result<void> start_run(const RunId& run, std::shared_ptr<const PreparedDeed> what,
                                 const StartTimes& times) = 0;
  virtual Async<Result<void>> cancel_run(const RunId& run) = 0;  // ok: the node has it
  // Of a run that is armed to start together (spec/time.md). Ok: the node has said yes. `at`: our clock.
  virtual Async<Result<void>> commit_run(const RunId& run, Instant at, Span max_skew) = 0;
  virtual Async<Result<void>> go_run(const RunId& run) = 0;
  // One that started already stays so: conflict.
  virtual Async<Result<void>> call_off_run(const RunId& run, const std::string& reason) = 0;
  virtual Async<Result<HostStatus>> status(const NodeName& node) = 0;
  virtual Async<Result<std::vector<NodeAppInfo>>> apps(const NodeName& node, const std::optional<AppAt>& app,
                                                       std::uint64_t offset, std::uint64_t limit) = 0;
  // What it holds of the session ends with the function object.
  virtual Async<Result<NextLines>> read_log(const NodeName& node, const LogQuestion& question) = 0;
  virtual void drop(const NodeName& node) = 0;  // pruned: its session, if any, is closed
};

// What the fleet tells: implemented by work, called by fleet.
class FleetEvents {
 public:
  virtual ~FleetEvents() = default;
  virtual Async<Result<void>> node_joined(const NodeRecord& node) = 0;  // durable before the node is welcomed
  virtual void node_online(const NodeName& node) = 0;                   // orders may be sent now
  virtual void node_offline(const NodeName& node) = 0;
  // What may be acknowledged now, which may lag behind what was taken, and how the node is to go on.
  struct Taken {
    OutputMark durable;
    OutputFlow flow = OutputFlow::live;
  };
  // A node offers a run that it holds: how much of it is durable here. not_found: unknown task, the node may
  // forget it.
  virtual Async<Result<Taken>> run_offered(const RunId& run) = 0;
  // armed, or running with the pid once there is one.
  virtual Async<Result<void>> run_progress(const RunId& run, const RunProgress& progress) = 0;
  // A run waits at a barrier. Ok: every run of its step has reached it. Else a member that never will is
  // named.
  virtual Async<Result<void>> barrier_reached(const RunId& run, const std::string& name) = 0;
  // Ok once it is taken.
  virtual Async<Result<Taken>> run_output(const RunId& run, OutputPiece piece) = 0;
  virtual Async<Result<void>> run_ended(const RunId& run,
                                        const RunEnd& end) = 0;  // ok: durable, may be acknowledged
  // The node refused to start it: rejected, or expired.
  virtual Async<Result<void>> run_refused(const RunId& run, const Error& why) = 0;
};

}  // namespace octo::brain
