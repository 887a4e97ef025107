// SPDX-License-Identifier: MIT
#include "tentacle/work/verbs.hpp"

#include "async/event.hpp"
#include "domain/limits.hpp"

namespace octo::tentacle {

namespace {

// A source that remembers whether it failed because the link did: then the deed is not over.
class WatchedSource final : public Source {
 public:
  explicit WatchedSource(std::shared_ptr<Source> source) : source_(std::move(source)) {}

  Async<Result<Manifest>> manifest(const Sha256& hash) override {
    co_return judge(co_await source_->manifest(hash));
  }
  Async<Result<void>> chunks(const std::vector<Sha256>& hashes,
                             std::function<Result<void>(const Sha256&, BytesView)> sink) override {
    co_return judge(co_await source_->chunks(hashes, std::move(sink)));
  }
  bool lost() const { return lost_; }

 private:
  template <class T>
  Result<T> judge(Result<T> result) {
    if (!result) {
      const ErrorCode code = result.error().code();
      lost_ = code == ErrorCode::unavailable || code == ErrorCode::timed_out || code == ErrorCode::cancelled;
    }
    return result;
  }
  std::shared_ptr<Source> source_;
  bool lost_ = false;
};

std::uint64_t bytes_of(const Environment& environment) {
  std::uint64_t bytes = 0;
  for (const auto& [name, value] : environment) bytes += name.size() + value.size() + 2;
  return bytes;
}

Result<void> check(const ExecOrder& order, const Environment& environment) {
  const bool script = order.kind == ExecOrder::Kind::script;
  const std::size_t most = script ? limits::script_bytes_max : limits::command_bytes_max;
  if (order.text.size() > most) {
    return fail(ErrorCode::too_large, "a {} of {} bytes, {} at most", script ? "script" : "command",
                order.text.size(), most);
  }
  if (!script && (trim(order.text).empty() || order.text.find('\0') != Bytes::npos)) {
    return fail(ErrorCode::invalid_argument, "a command is text, not empty and without NUL bytes");
  }
  if (order.folder.find('\0') != std::string::npos || order.folder.size() > limits::path_bytes_max)
    return fail(ErrorCode::invalid_argument, "{} is no folder to run in", quote(order.folder));
  const std::string& name = order.script_name;
  if (script && (name.empty() || name.size() > 255 || name == "." || name == ".." ||
                 name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)) {
    return fail(ErrorCode::invalid_argument, "{} is no name for a script's file", quote(name));
  }
  if (bytes_of(environment) > limits::environment_bytes_max) {
    return fail(ErrorCode::too_large, "an environment of {} bytes, {} at most", bytes_of(environment),
                limits::environment_bytes_max);
  }
  return check(order.secrets);
}

}  // namespace

struct Verbs::InProgress {
  InProgress(RunOrder what, std::shared_ptr<Source> from, Executor executor)
      : order(std::move(what)), source(std::move(from)), changed(std::move(executor)) {}
  RunOrder order;
  WatchedSource source;
  Event changed;
  std::optional<Result<RunEnd>> outcome;
  std::optional<Error> lost;  // forgotten; why
  bool cancelled = false;
  bool over = false;  // journalled, or forgotten
};

Verbs::Verbs(Ports ports, Surroundings surroundings, Executor executor)
    : ports_(ports), surroundings_(std::move(surroundings)), nursery_(std::move(executor)) {}

Verbs::~Verbs() = default;

Async<Result<RunFacts>> Verbs::start(RunOrder order, std::shared_ptr<Source> source) {
  const auto known = find(order.id);
  if (known && is_final(known->state)) co_return *known;
  if (auto* exec = std::get_if<ExecOrder>(&order.deed)) {
    // What it needs was there when it was started, and may be gone by now.
    if (known) co_return co_await ports_.runs.start({.id = order.id});
    co_return co_await start_process(order.id, std::move(*exec));
  }
  if (known) co_return *known;
  auto deed = std::make_shared<InProgress>(std::move(order), std::move(source), nursery_.executor());
  deeds_.emplace(deed->order.id, deed);
  nursery_.spawn(do_deed(deed));
  co_return RunFacts{};
}

Async<Result<RunFacts>> Verbs::start_process(RunId id, ExecOrder order) {
  std::string folder = ports_.workspace.root();
  if (order.app) {
    auto found = ports_.workspace.folder_of(*order.app);
    if (!found && order.where_prepared && found.error().code() == ErrorCode::conflict) {
      co_return co_await conclude(id, {.state = RunState::succeeded,
                                       .exit_code = 0,
                                       .reason = found.error().message() + ", so there was nothing to do"});
    }
    if (!found) co_return co_await refuse(id, std::move(found).error());
    folder = std::move(*found);
  }
  std::optional<Account> account;
  if (!order.user.empty()) {
    auto found = co_await ports_.host.find_account(order.user);
    if (!found) co_return co_await refuse(id, std::move(found).error());
    account = std::move(*found);
    if (!order.app) folder = account->folder;  // the workspace may be closed to it
  }
  if (order.folder.starts_with('/')) folder = order.folder;
  else if (!order.folder.empty()) folder += "/" + order.folder;
  auto environment = environment_of(surroundings_, id, order, folder, account);
  if (!environment) co_return co_await refuse(id, std::move(environment).error());
  if (auto fits = check(order, *environment); !fits) co_return co_await refuse(id, std::move(fits).error());
  const Runs::Start start{id, std::move(order), std::move(folder), std::move(*environment),
                          std::move(account)};
  co_return co_await ports_.runs.start(start);
}

Async<Result<RunFacts>> Verbs::refuse(RunId id, Error error) {
  co_return co_await conclude(id, {.state = RunState::rejected, .reason = error.message()});
}

// Journalled like any other end, so that the Brain gets it also over a link that breaks now.
Async<Result<RunFacts>> Verbs::conclude(RunId id, RunEnd end) {
  end.started = ports_.clock.wall();
  OCTO_CO_TRY(co_await ports_.runs.record(id, end));
  co_return RunFacts{.state = end.state, .end = std::move(end)};
}

Async<void> Verbs::do_deed(std::shared_ptr<InProgress> deed) {
  const Instant begun = ports_.clock.now();
  const WallTime started = ports_.clock.wall();
  co_await in_nursery([this, &deed](Nursery& nursery) -> Async<void> {
    nursery.spawn([](Verbs& verbs, InProgress& work) -> Async<void> {
      work.outcome = co_await verbs.perform(work);
      work.changed.set();
    }(*this, *deed));
    while (!deed->outcome && !deed->cancelled) co_await deed->changed.wait();
  });
  RunEnd end;
  if (!deed->outcome) {
    end = {.state = RunState::cancelled,
           .reason = "cancelled while it was being done; do it again to be sure of the files"};
  } else if (*deed->outcome) {
    end = std::move(**deed->outcome);
  } else if (deed->source.lost()) {
    deed->lost = deed->outcome->error();
  } else {
    end = {.state = RunState::failed, .reason = deed->outcome->error().message()};
  }
  end.started = started;
  end.lasted = ports_.clock.now() - begun;
  if (!deed->lost) {
    if (auto recorded = co_await ports_.runs.record(deed->order.id, end); !recorded)
      deed->lost = recorded.error();
  }
  deeds_.erase(deed->order.id);
  deed->over = true;
  deed->changed.set();
}

Async<Result<RunEnd>> Verbs::perform(InProgress& deed) {
  const Workspace::Operation operation{local_name(deed.order.id), ports_.clock.wall()};
  RunEnd done{.state = RunState::succeeded};
  if (const auto* sync = std::get_if<SyncOrder>(&deed.order.deed)) {
    OCTO_CO_TRY(co_await ports_.workspace.sync(*sync, deed.source));
  } else if (const auto* commit = std::get_if<CommitOrder>(&deed.order.deed)) {
    done.version = OCTO_CO_TRY(co_await ports_.workspace.commit(*commit, operation)).commit;
  } else if (const auto* reset = std::get_if<ResetOrder>(&deed.order.deed)) {
    done.version = OCTO_CO_TRY(co_await ports_.workspace.reset(*reset, operation)).commit;
  } else if (const auto* remove = std::get_if<RemoveOrder>(&deed.order.deed)) {
    OCTO_CO_TRY(co_await ports_.workspace.remove(*remove));
  }
  co_return done;
}

std::optional<RunFacts> Verbs::find(const RunId& id) const {
  if (deeds_.contains(id)) return RunFacts{};
  return ports_.runs.find(id);
}

Async<Result<Runs::News>> Verbs::next(RunId id, OutputMark from) {
  if (const auto found = deeds_.find(id); found != deeds_.end()) {
    const std::shared_ptr<InProgress> deed = found->second;
    while (!deed->over) co_await deed->changed.wait();
    if (deed->lost) co_return fail(*deed->lost);
  }
  co_return co_await ports_.runs.next(id, from);
}

Async<Result<void>> Verbs::cancel(RunId id) {
  const auto found = deeds_.find(id);
  if (found == deeds_.end()) co_return co_await ports_.runs.cancel(id);
  found->second->cancelled = true;
  found->second->changed.set();
  co_return Result<void>{};
}

Async<Result<void>> Verbs::commit(RunId id, StartAt start) {
  co_return co_await ports_.runs.commit(id, start);
}
Async<Result<void>> Verbs::go(RunId id) { co_return co_await ports_.runs.go(id); }
Async<Result<void>> Verbs::call_off(RunId id, std::string reason) {
  co_return co_await ports_.runs.call_off(id, reason);
}

Async<Result<void>> Verbs::acknowledge(RunId id, OutputMark durable, bool end_durable) {
  co_return co_await ports_.runs.acknowledge(id, durable, end_durable);
}

std::vector<RunId> Verbs::unacknowledged() const {
  std::vector<RunId> runs = ports_.runs.unacknowledged();
  for (const auto& [id, deed] : deeds_) runs.push_back(id);
  return runs;
}

Async<bool> Verbs::begun(RunId id) {
  if (deeds_.contains(id)) co_return true;
  co_return co_await ports_.runs.begun(id);
}

Async<Result<NextLines>> Verbs::read_log(LogQuestion question) {
  co_return co_await ports_.host.read_log(question);
}

Async<Result<HostStatus>> Verbs::status() { co_return co_await ports_.host.status(); }

Async<Result<std::vector<NodeAppInfo>>> Verbs::apps(std::optional<AppAt> app, std::uint64_t offset,
                                                    std::uint64_t limit) {
  if (!app) co_return co_await ports_.workspace.apps();
  std::vector<NodeAppInfo> one;
  one.push_back(OCTO_CO_TRY(co_await ports_.workspace.app(*app, offset, limit)));
  co_return one;
}

Async<void> Verbs::stop() {
  nursery_.cancel();
  co_await nursery_.join();
}

}  // namespace octo::tentacle
