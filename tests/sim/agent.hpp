// SPDX-License-Identifier: MIT
// A simulated node: the real link and the real verbs over simulated processes. Its disk outlives it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "tentacle/link/link.hpp"
#include "world.hpp"

namespace octo::sim {

// What a node keeps when its agent dies: the journal of runs, and the witness that every start leaves.
struct Disk {
  struct Run {
    tentacle::RunFacts facts;
    Bytes output;
    bool acknowledged = false;
  };
  std::map<RunId, Run> runs;
  std::vector<std::string> witness;  // one line per process start: "task step attempt"
};

// The Runs port over simulated processes: "echo TEXT" writes TEXT and ends after a while that the seed
// decides.
class SimRuns final : public tentacle::Runs {
 public:
  SimRuns(Disk& disk, Clock& clock, SeededRandom& random, Trace& trace, Executor executor);
  Async<void> stop();

  Async<Result<tentacle::RunFacts>> start(const Start& start) override;
  Async<Result<void>> record(const RunId& id, const RunEnd& end) override;
  std::optional<tentacle::RunFacts> find(const RunId& id) const override;
  Async<Result<News>> next(const RunId& id, const OutputMark& from) override;
  Async<Result<void>> cancel(const RunId& id) override;
  Async<Result<void>> acknowledge(const RunId& id, const OutputMark& durable, bool end_durable) override;
  std::vector<RunId> unacknowledged() const override;

 private:
  Async<void> live(RunId id, Bytes output);
  void end(const RunId& id, RunState state);

  Disk& disk_;
  Clock& clock_;
  SeededRandom& random_;
  Trace& trace_;
  Event changed_;
  Nursery nursery_;
};

// No nodeapps in this world yet.
class NoWorkspace final : public tentacle::Workspace {
 public:
  std::string root() const override { return "/simulated"; }
  Result<std::string> folder_of(const AppAt&) const override { return none(); }
  Async<Result<void>> sync(const SyncOrder&, tentacle::Source&) override { co_return none(); }
  Async<Result<NodeAppVersion>> commit(const CommitOrder&, const Operation&) override { co_return none(); }
  Async<Result<NodeAppVersion>> reset(const ResetOrder&, const Operation&) override { co_return none(); }
  Async<Result<void>> remove(const RemoveOrder&) override { co_return Result<void>{}; }
  Async<Result<std::vector<NodeAppInfo>>> apps() override { co_return std::vector<NodeAppInfo>{}; }
  Async<Result<NodeAppInfo>> app(const AppAt&, std::uint64_t, std::uint64_t) override { co_return none(); }

 private:
  static Failure none() { return fail(ErrorCode::unsupported, "a simulated node has no workspace"); }
};

class NoHost final : public tentacle::Host {
 public:
  Async<Result<HostStatus>> status() override { co_return HostStatus{}; }
};

class FixedAddress final : public tentacle::Addresses {
 public:
  Async<Result<net::Endpoint>> find_brain() override { co_return net::Endpoint{"brain", 1}; }
};

}  // namespace octo::sim
