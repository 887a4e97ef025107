// SPDX-License-Identifier: MIT
// For tests: the ports of a node's verbs, which note what they are asked and answer what the test has set.
#pragma once
#include <map>

#include "async/event.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::tentacle {

class FakeRuns : public Runs {
 public:
  Async<Result<RunFacts>> start(const Start& start) override {
    starts.push_back(start);
    co_return RunFacts{.pid = 7};
  }
  Async<Result<void>> record(const RunId& id, const RunEnd& end) override {
    if (full) co_return fail(ErrorCode::storage_full, "no space");
    ends[id] = end;
    co_return Result<void>{};
  }
  std::optional<RunFacts> find(const RunId& id) const override {
    const auto found = ends.find(id);
    if (found == ends.end()) return std::nullopt;
    return RunFacts{.state = found->second.state, .end = found->second};
  }
  Async<Result<News>> next(const RunId& id, const OutputMark&) override {
    if (!ends.contains(id)) co_return fail(ErrorCode::not_found, "no such run");
    co_return News{.facts = *find(id)};
  }
  void set_flow(const RunId&, OutputFlow) override {}
  void end_tied() override { ++ends_of_tied; }
  Async<Result<void>> cancel(const RunId& id) override {
    cancelled.push_back(id);
    co_return Result<void>{};
  }
  Async<Result<void>> commit(const RunId& id, const StartAt& start) override {
    commits.emplace_back(id, start.brain_at);
    co_return Result<void>{};
  }
  Async<Result<void>> go(const RunId&) override { co_return fail(ErrorCode::conflict, "not committed"); }
  Async<Result<void>> call_off(const RunId& id, const std::string&) override {
    cancelled.push_back(id);
    co_return Result<void>{};
  }
  Async<Result<void>> acknowledge(const RunId&, const OutputMark&, bool) override {
    co_return Result<void>{};
  }
  std::vector<RunId> unacknowledged() const override {
    std::vector<RunId> ids;
    for (const auto& [id, end] : ends) ids.push_back(id);
    return ids;
  }
  Async<bool> begun(const RunId& id) override { co_return ends.contains(id); }

  std::vector<Start> starts;
  std::map<RunId, RunEnd> ends;
  std::vector<RunId> cancelled;
  std::vector<std::pair<RunId, Instant>> commits;
  int ends_of_tied = 0;
  bool full = false;
};

class FakeWorkspace final : public Workspace {
 public:
  explicit FakeWorkspace(Executor executor) : gate(std::move(executor)) {}
  std::string root() const override { return "/w"; }
  Result<std::string> folder_of(const AppAt& app) const override {
    if (app.app.str() != "hello") return fail(ErrorCode::conflict, "{} is not prepared here", print(app));
    return "/w/" + print(app);
  }
  Async<Result<void>> sync(const SyncOrder& order, Source& source) override {
    ++syncs;
    while (shut) co_await gate.wait();
    auto manifest = co_await source.manifest(order.manifest);
    if (!manifest) co_return fail(std::move(manifest).error());
    co_return Result<void>{};
  }
  Async<Result<NodeAppVersion>> commit(const CommitOrder& order, const Operation& operation) override {
    operations.push_back(operation.id);
    if (order.message == "fail") co_return fail(ErrorCode::corrupt, "the repository is damaged");
    co_return NodeAppVersion{.commit = "abc"};
  }
  Async<Result<NodeAppVersion>> reset(const ResetOrder& order, const Operation&) override {
    co_return NodeAppVersion{.commit = order.commit + "'"};
  }
  Async<Result<void>> remove(const RemoveOrder&) override { co_return Result<void>{}; }
  Async<Result<std::vector<NodeAppInfo>>> apps() override { co_return std::vector<NodeAppInfo>(2); }
  Async<Result<NodeAppInfo>> app(const AppAt& at, std::uint64_t, std::uint64_t) override {
    co_return NodeAppInfo{.app = at};
  }
  Event gate;
  bool shut = false;
  int syncs = 0;
  std::vector<std::string> operations;
};

class FakeHost final : public Host {
 public:
  Async<Result<HostStatus>> status() override { co_return HostStatus{.cpu_cores = 4}; }
  Async<Result<NextLines>> read_log(const LogQuestion&) override {
    co_return fail(ErrorCode::not_found, "no log");
  }
  Async<Result<Account>> find_account(const std::string& user) override {
    if (user != "alice")
      co_return fail(ErrorCode::not_found, "there is no user {} on this machine", quote(user));
    co_return Account{.name = "alice",
                      .home = "/users/alice",
                      .shell = "/bin/zsh",
                      .folder = "/users/alice",
                      .uid = 7,
                      .gid = 8,
                      .groups = {8, 9}};
  }
};

}  // namespace octo::tentacle
