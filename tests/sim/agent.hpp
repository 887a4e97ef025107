// SPDX-License-Identifier: MIT
// One life of an agent's process: the real link, verbs and journal of runs, with the machine's processes.
#pragma once
#include "machine.hpp"
#include "tentacle/link/link.hpp"
#include "tentacle/runs/runs.hpp"
#include "tentacle/work/verbs.hpp"
#include "watchers.hpp"
#include "workers.hpp"

namespace octo::sim {

// Starts the real runner's code as a process of the machine.
class SimRunners final : public tentacle::Runners {
 public:
  explicit SimRunners(Process& agent) : agent_(agent) {}
  Result<std::unique_ptr<tentacle::Runner>> start(const std::string& folder, int secrets) override;
  Result<std::unique_ptr<tentacle::Runner>> hold(pid_t pid) override;
  Result<std::unique_ptr<tentacle::Wakes>> listen(const std::string& path) override;

 private:
  Process& agent_;
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

struct Machine::Agent final : Door {
  explicit Agent(Machine& on);
  // Until its process is over; then everything of it is unwound.
  Async<void> live();
  std::shared_ptr<Visit> knock(RunId run, std::string name, Process& visitor) override;

  Machine& on;
  Process& process;
  Nursery nursery;

 private:
  Async<Result<void>> open();
  Async<void> serve();
  Async<void> unwind();
  Async<void> hear(std::shared_ptr<Visit> visit);

  SimWorkers workers_;
  SimRunners runners_;
  NoWorkspace workspace_;
  NoHost host_;
  FixedAddress address_;
  std::string instance_;
  std::unique_ptr<tentacle::LocalRuns> runs_;
  std::unique_ptr<WatchedRuns> watched_runs_;
  std::unique_ptr<tentacle::Verbs> verbs_;
  std::unique_ptr<net::Dialer> dialer_;
  tentacle::BrainLink* link_ = nullptr;  // while it serves …
  Nursery* visits_ = nullptr;            // … and hears who knocks
};

}  // namespace octo::sim
