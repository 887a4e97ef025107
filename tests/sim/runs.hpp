// SPDX-License-Identifier: MIT
// The Runs port over simulated processes, with the rules of tentacle/runs: intent, claim, start, end,
// acknowledgement. One per agent; the journal and the processes are the machine's.
#pragma once
#include "machine.hpp"

namespace octo::sim {

class SimRuns final : public tentacle::Runs {
 public:
  // Settles what an agent before left: a run without a runner has ended, or never began.
  explicit SimRuns(Machine& machine);
  Async<void> stop();

  Async<Result<tentacle::RunFacts>> start(const Start& start) override;
  Async<Result<void>> record(const RunId& id, const RunEnd& end) override;
  std::optional<tentacle::RunFacts> find(const RunId& id) const override;
  Async<Result<News>> next(const RunId& id, const OutputMark& from) override;
  void end_tied() override {}
  Async<Result<void>> cancel(const RunId& id) override;
  Async<Result<void>> acknowledge(const RunId& id, const OutputMark& durable, bool end_durable) override;
  std::vector<RunId> unacknowledged() const override;

 private:
  Async<tentacle::RunFacts> started(const RunId& id);
  static tentacle::RunFacts facts_of(const RunRecord& run);

  Async<void> launch(RunId id);

  Machine& machine_;
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
  Async<Result<tentacle::NextLines>> read_log(const LogQuestion&) override {
    co_return fail(ErrorCode::not_found, "a simulated node has no log");
  }
  Async<Result<tentacle::Account>> find_account(const std::string& user) override {
    co_return fail(ErrorCode::not_found, "a simulated node has no user {}", user);
  }
};

class FixedAddress final : public tentacle::Addresses {
 public:
  Async<Result<net::Endpoint>> find_brain() override { co_return net::Endpoint{"brain", 1}; }
};

}  // namespace octo::sim
