// SPDX-License-Identifier: MIT
#include "agent.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "runner/supervise.hpp"

namespace octo::sim {

namespace {

class SimRunner final : public tentacle::Runner {
 public:
  SimRunner(Process& process, Process& holder) : process_(process), holder_(holder) {}
  Result<void> cancel() override {
    if (process_.over || holder_.over)
      return fail(ErrorCode::not_found, "process {} has ended", process_.pid);
    process_.kernel.signal(process_, SIGTERM);
    return {};
  }
  Result<void> nudge() override {
    if (process_.over || holder_.over)
      return fail(ErrorCode::not_found, "process {} has ended", process_.pid);
    process_.kernel.signal(process_, SIGUSR1);
    return {};
  }
  Async<std::optional<int>> wait() override {
    while (!process_.over) co_await process_.changed.wait();
    const bool ours = process_.parent == &holder_;
    const int status = *process_.status;
    if (ours && (status & 127) == 0) co_return status >> 8;
    co_return std::nullopt;
  }

 private:
  Process& process_;
  Process& holder_;
};

class SimWakes final : public tentacle::Wakes {
 public:
  SimWakes(int fd, Process& agent) : fd_(fd), agent_(agent) {}
  ~SimWakes() override { ::close(fd_); }
  SimWakes(const SimWakes&) = delete;
  SimWakes& operator=(const SimWakes&) = delete;
  Async<std::size_t> read(std::span<char> into) override {
    while (true) {
      const ssize_t got = ::read(fd_, into.data(), into.size());
      if (got > 0) co_return static_cast<std::size_t>(got);
      co_await agent_.changed.wait();
    }
  }

 private:
  int fd_;
  Process& agent_;
};

}  // namespace

Result<std::unique_ptr<tentacle::Runner>> SimRunners::start(const std::string& folder, int) {
  if (agent_.over) return fail(ErrorCode::cancelled, "this agent is dead");
  Process& runner = agent_.kernel.add(&agent_);
  runner.run = folder.substr(folder.rfind('/') + 1);
  agent_.kernel.execute(runner, [folder] { return static_cast<int>(runner::supervise(folder)); });
  return std::make_unique<SimRunner>(runner, agent_);
}

Result<std::unique_ptr<tentacle::Runner>> SimRunners::hold(pid_t pid) {
  Process* process = agent_.kernel.find(pid);
  if (process == nullptr) return fail(ErrorCode::not_found, "process {} has ended", pid);
  return std::make_unique<SimRunner>(*process, agent_);
}

Result<std::unique_ptr<tentacle::Wakes>> SimRunners::listen(const std::string& path) {
  if (::mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST)
    return fail(ErrorCode::storage_full, "make FIFO {}", path);
  const int fd = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::internal, "open FIFO {}", path);
  return std::make_unique<SimWakes>(fd, agent_);
}

Machine::Agent::Agent(Machine& machine)
    : on(machine),
      process(machine.kernel_.add(nullptr)),
      nursery(executor_of(machine.surface_.executor, process)),
      workers_(machine.surface_.clock, machine.random_.fork(), nursery.executor()),
      runners_(process) {
  workers_.set_slow(machine.kernel_.slow());
}

Async<Result<void>> Machine::Agent::open() {
  const std::string& folder = on.disk_->path();
  instance_ = OCTO_CO_TRY(tentacle::load_instance(folder, on.random_));
  runs_ = OCTO_CO_TRY(co_await tentacle::LocalRuns::open({.folder = folder + "/runs",
                                                          .node = on.setup_.node,
                                                          .runners = on.faults_.wrap(runners_),
                                                          .clock = on.clock_,
                                                          .workers = workers_,
                                                          .cgroups = tentacle::LocalRuns::UseCgroups::never,
                                                          .kept = {kHeadKept, kTailKept}}));
  tentacle::Surroundings around;
  around.name = on.setup_.node;
  watched_runs_ = std::make_unique<WatchedRuns>(on.faults_.wrap(*runs_, on), process, *on.disk_);
  verbs_ = std::make_unique<tentacle::Verbs>(
      tentacle::Verbs::Ports{*watched_runs_, workspace_, host_, on.clock_}, around, nursery.executor());
  dialer_ = on.network_.dialer(on.setup_.label, on.setup_.node.str());
  co_return Result<void>{};
}

Async<void> Machine::Agent::serve() {
  tentacle::BrainLink::Settings settings;
  settings.name = on.setup_.node;
  settings.version = "sim";
  settings.instance = instance_;
  settings.boot_id = on.kernel_.boot_id();
  settings.folder = on.disk_->path();
  tentacle::BrainLink link(settings, *verbs_, address_, *dialer_, on.clock_, on.random_);
  link_ = &link;
  co_await in_nursery([&](Nursery& inner) -> Async<void> {
    visits_ = &inner;
    inner.spawn(link.run());
    on.kernel_.set_door(this);
    while (!process.over) co_await process.changed.wait();
  });
}

std::shared_ptr<Door::Visit> Machine::Agent::knock(RunId run, std::string name, Process& visitor) {
  auto visit = std::make_shared<Visit>(std::move(run), std::move(name), visitor, nursery.executor());
  visits_->spawn(hear(visit));
  return visit;
}

// As tentacle/runs/barrier_door does, without a socket.
Async<void> Machine::Agent::hear(std::shared_ptr<Visit> visit) {
  std::optional<Result<void>> answer;
  const auto facts = runs_->find(visit->run);
  if (!facts || facts->end) answer = fail(ErrorCode::not_found, "this is no run that goes on here");
  co_await in_nursery([&](Nursery& inner) -> Async<void> {
    if (answer) co_return;
    inner.spawn([](tentacle::Barriers& at, std::shared_ptr<Visit> of,
                   std::optional<Result<void>>& into) -> Async<void> {
      into = co_await at.await_barrier(of->run, of->name);
      of->changed.set();
    }(*link_, visit, answer));
    while (!visit->gone && !answer) co_await visit->changed.wait();
  });
  if (!answer || process.over) co_return;
  visit->answer = std::move(answer);
  visit->visitor.changed.set();
}

Async<void> Machine::Agent::unwind() {
  workers_.hurry();
  if (verbs_) co_await verbs_->stop();
  if (runs_) co_await runs_->stop();
  co_await workers_.stop();
  verbs_.reset();
  runs_.reset();
}

Async<void> Machine::Agent::live() {
  const auto opened = co_await open();
  if (opened && !process.over) co_await serve();
  if (!opened && !process.over) on.agent_ended("does not start: " + opened.error().message());
  co_await unwind();
}

}  // namespace octo::sim
