// SPDX-License-Identifier: MIT
// What the verbs of a node need from the rest of the agent. Plain values only, so that Runs and Workspace can
// move behind a small privileged process one day.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/async.hpp"
#include "domain/manifest.hpp"
#include "domain/node.hpp"
#include "domain/order.hpp"
#include "domain/version.hpp"

namespace octo::tentacle {

// A user of this machine.
struct Account {
  std::string name, home, shell;
  std::string folder;  // where it begins: its home, or / where that is not there
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;
};

// What is known of one run on this node.
struct RunFacts {
  RunState state = RunState::running;  // armed, running or final
  std::optional<std::int64_t> pid;     // of the command, once started
  std::optional<RunEnd> end;           // once final
  std::optional<StartMark> start;      // of one that started together
  std::optional<std::uint32_t> user;   // whom it runs as, if not as the agent
};

// An instant that a group has agreed on, as one node sees it.
struct StartAt {
  Instant at;        // our boot clock
  Instant brain_at;  // the Brain's
  Span bound{};      // at is true to within this
};

// The journal of runs: intent before start, at most one start, output kept until the Brain has it.
class Runs {
 public:
  virtual ~Runs() = default;
  // Writes the intent and starts the runner, which makes all of it durable before the command begins; of one
  // that waits for its time the intent is durable first. Answers when it has begun, or waits. A run id that
  // is known already answers its facts and starts nothing. `folder`: working directory; environment is
  // complete.
  struct Start {
    RunId id;
    ExecOrder order;
    std::string folder;
    std::vector<std::pair<std::string, std::string>> environment;
    std::optional<Account> account;  // nothing: as the agent
  };
  virtual Async<Result<RunFacts>> start(const Start& start) = 0;
  // Journals the outcome of a deed that was no process start (sync, commit, …), so that it is kept and
  // repeated like one.
  virtual Async<Result<void>> record(const RunId& id, const RunEnd& end) = 0;
  virtual std::optional<RunFacts> find(const RunId& id) const = 0;
  // Waits until the run has output beyond `from` or changed its facts; pieces of at most 64 KiB, in stream
  // order, gaps where bytes were dropped. An empty list with a final `facts.end` means: nothing more will
  // come.
  struct News {
    RunFacts facts;
    std::vector<OutputPiece> pieces;
  };
  virtual Async<Result<News>> next(const RunId& id, const OutputMark& from) = 0;
  // at_end: next() answers no output until the run has ended, then what is kept of it. Forgotten with this
  // agent.
  virtual void set_flow(const RunId& id, OutputFlow flow) = 0;
  // Of a run that is armed to start together. commit: when it would start, if it is told to; may be repeated.
  // go: it will, whatever happens to its agent; ok once its runner has said so. conflict: it is not armed,
  // was not committed, or it is too late for that instant.
  virtual Async<Result<void>> commit(const RunId& id, const StartAt& start) = 0;
  virtual Async<Result<void>> go(const RunId& id) = 0;
  // Ends it as `rejected` for this reason. conflict: it has started, or ended otherwise.
  virtual Async<Result<void>> call_off(const RunId& id, const std::string& reason) = 0;
  // Ends the runs that are tied to whoever asked for them: the Brain is gone.
  virtual void end_tied() = 0;
  // Ends the process tree: SIGTERM, after the grace SIGKILL. The end arrives through next(). not_found for an
  // unknown run; a finished one is no error.
  virtual Async<Result<void>> cancel(const RunId& id) = 0;
  // The Brain has output up to `durable`, and the end if so: its spool may go; the fact that it ran stays for
  // the keep time.
  virtual Async<Result<void>> acknowledge(const RunId& id, const OutputMark& durable, bool end_durable) = 0;
  // Runs whose end the Brain does not have: to be resumed on a new session, once they have begun().
  virtual std::vector<RunId> unacknowledged() const = 0;
  // Waits while it is being decided whether the run begins. False: it came to nothing, and is not known here.
  virtual Async<bool> begun(const RunId& id) = 0;
};

// Points at which the runs of a task wait for each other, on whatever nodes they are.
class Barriers {
 public:
  virtual ~Barriers() = default;
  // Ok once all have come. However often the link breaks meanwhile, it is asked again.
  virtual Async<Result<void>> await_barrier(RunId run, std::string name) = 0;
};

// Fetches manifests and chunks from the Brain.
class Source {
 public:
  virtual ~Source() = default;
  virtual Async<Result<Manifest>> manifest(const Sha256& hash) = 0;
  // Calls `sink` with each, in order.
  virtual Async<Result<void>> chunks(const std::vector<Sha256>& hashes,
                                     std::function<Result<void>(const Sha256&, BytesView)> sink) = 0;
};

// Nodeapp folders {workspace.root}/<app>@<scenario>: files and versions.
class Workspace {
 public:
  virtual ~Workspace() = default;
  virtual std::string root() const = 0;  // absolute, without trailing '/'
  // Absolute folder of the app, or conflict when it is not prepared here.
  virtual Result<std::string> folder_of(const AppAt& app) const = 0;
  virtual Async<Result<void>> sync(const SyncOrder& order, Source& source) = 0;
  struct Operation {
    std::string id;
    WallTime now;
  };  // id: repeated operations are done once
  virtual Async<Result<NodeAppVersion>> commit(const CommitOrder& order, const Operation& operation) = 0;
  virtual Async<Result<NodeAppVersion>> reset(const ResetOrder& order, const Operation& operation) = 0;
  virtual Async<Result<void>> remove(const RemoveOrder& order) = 0;  // absent is fine
  virtual Async<Result<std::vector<NodeAppInfo>>> apps() = 0;        // with the newest version each
  virtual Async<Result<NodeAppInfo>> app(const AppAt& app, std::uint64_t offset, std::uint64_t limit) = 0;
};

// The next lines, in order. None: that was all; whoever follows a log waits for more instead.
using NextLines = std::function<Async<Result<std::vector<std::string>>>()>;

class Host {
 public:
  virtual ~Host() = default;
  virtual Async<Result<HostStatus>> status() = 0;  // without clock: the link adds it
  virtual Async<Result<NextLines>> read_log(const LogQuestion& question) = 0;  // of the agent itself
  virtual Async<Result<Account>> find_account(const std::string& user) = 0;    // by name; not_found
};

}  // namespace octo::tentacle
