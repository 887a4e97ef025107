// SPDX-License-Identifier: MIT
// What a node can be asked to do, as tentacle/link calls it. Verbs decides nothing about links or sessions:
// every call answers with what is known now, and asking again is always safe.
//
// Life: construct, serve, then co_await stop() before it dies. Processes go on after that.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "tentacle/work/environment.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::tentacle {

class Verbs {
 public:
  struct Ports {
    Runs& runs;
    Workspace& workspace;
    Host& host;
    Clock& clock;
  };
  Verbs(Ports ports, Surroundings surroundings, Executor executor);
  ~Verbs();

  // A command or script: returns once it is started (facts.pid) or ended. Any other deed: returns at once
  // with `running`, is done meanwhile, and ends through next(). A known run id answers its facts and does
  // nothing. What the node refuses is a run that ended as `rejected`. An error means that nothing was begun:
  // the same order may come again. `source` is kept until the deed is over; when it is lost the run is
  // forgotten, and done when it is asked again.
  Async<Result<RunFacts>> start(RunOrder order, std::shared_ptr<Source> source);
  std::optional<RunFacts> find(const RunId& id) const;
  // As Runs: see ports.hpp. The pid is news once after each start() or unacknowledged().
  Async<Result<Runs::News>> next(RunId id, OutputMark from);
  void set_flow(const RunId& id, OutputFlow flow) { ports_.runs.set_flow(id, flow); }
  Async<Result<void>> cancel(RunId id);
  void end_tied() { ports_.runs.end_tied(); }
  // Of runs that start together with others: as Runs.
  Async<Result<void>> commit(RunId id, StartAt start);
  Async<Result<void>> go(RunId id);
  Async<Result<void>> call_off(RunId id, std::string reason);
  Async<Result<void>> acknowledge(RunId id, OutputMark durable, bool end_durable);
  // Runs to be resumed on a new session, each once it has begun.
  std::vector<RunId> unacknowledged() const;
  Async<bool> begun(RunId id);

  Async<Result<HostStatus>> status();  // without clock
  Async<Result<NextLines>> read_log(LogQuestion question);
  // One app with its versions from `offset` on, or all with the newest version each.
  Async<Result<std::vector<NodeAppInfo>>> apps(std::optional<AppAt> app, std::uint64_t offset,
                                               std::uint64_t limit);

  // Stops deeds in progress (they are done when asked again) and waits for them.
  Async<void> stop();

 private:
  struct InProgress;  // a deed that is no process
  Async<Result<RunFacts>> start_process(RunId id, ExecOrder order);
  Async<Result<RunFacts>> refuse(RunId id, Error error);
  Async<Result<RunFacts>> conclude(RunId id, RunEnd end);
  Async<void> do_deed(std::shared_ptr<InProgress> deed);
  Async<Result<RunEnd>> perform(InProgress& deed);

  Ports ports_;
  Surroundings surroundings_;
  std::map<RunId, std::shared_ptr<InProgress>> deeds_;
  Nursery nursery_;
};

}  // namespace octo::tentacle
