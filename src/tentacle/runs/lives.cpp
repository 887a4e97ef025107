// SPDX-License-Identifier: MIT
// The life of each run in the agent: launched or adopted, followed to its end, settled when its runner died,
// forgotten in time.
#include <unistd.h>

#include <map>
#include <set>

#include "domain/limits.hpp"
#include "io/log/log.hpp"
#include "runner/secrets.hpp"
#include "tentacle/runs/journal.hpp"
#include "tentacle/runs/leftovers.hpp"
#include "tentacle/runs/run.hpp"

namespace octo::tentacle {

namespace {

constexpr Span kHouseInterval = 1h;
constexpr Span kLookAgain = 1s;

runner::Intent intent_of(const Runs::Start& start, const std::string& folder, std::string cgroup, Instant now,
                         LocalRuns::Kept kept) {
  runner::Intent intent{.run = local_name(start.id),
                        .node = start.id.node.str(),
                        .script = start.order.kind == ExecOrder::Kind::script,
                        .text = start.order.text,
                        .script_name = start.order.script_name,
                        .folder = start.folder,
                        .environment = start.environment,
                        .limit = start.order.background ? Span::zero() : start.order.limit,
                        .kill_grace = limits::kill_grace,
                        .cgroup = std::move(cgroup),
                        .input = start.order.input,
                        .tied_to = start.order.tie ? ::getpid() : 0,
                        .head_bytes = kept.head_bytes,
                        .tail_bytes = kept.tail_bytes};
  if (start.order.together) intent.hold_until = now + start.order.together->hold;
  else if (start.order.delay > Span::zero()) intent.not_before = now + start.order.delay;
  if (start.account) intent.user = {start.account->uid, start.account->gid, start.account->groups};
  intent.environment.emplace_back("OCTOPODA_OUTPUT", files::join(folder, runner::kNoteFile));
  for (const SecretFile& secret : start.order.secrets) {
    intent.environment.emplace_back(secret_variable(secret.name), runner::secret_path(intent.secrets.size()));
    intent.secrets.push_back(secret.name);
  }
  return intent;
}

// For its runner; no file where there is none.
Result<runner::MemoryFile> pack(const std::vector<SecretFile>& secrets) {
  if (secrets.empty()) return runner::MemoryFile(-1);
  Bytes bytes;
  std::size_t size = 0;
  for (const SecretFile& secret : secrets) size += sizeof(std::uint32_t) + secret.value.reveal().size();
  bytes.reserve(size);  // or a copy stays wherever it grew
  for (const SecretFile& secret : secrets) runner::put_secret(bytes, secret.value.reveal());
  auto packed = runner::MemoryFile::make("secrets", bytes);
  wipe(bytes);
  return packed;
}

// Its own cgroup, with the bounds that were asked for. Without any it may go without one.
Result<void> make_cgroup(const std::string& path, const Resources& bounds) {
  const bool bound = bounds != Resources{};
  auto made = path.empty() ? fail(ErrorCode::unsupported, "this host has no cgroup v2 for us")
                           : process::Cgroups::make(path);
  if (!bound) return {};
  OCTO_TRY(std::move(made).with("keep the bounds of the run"));
  return process::Cgroups::bound(path, bounds.memory_bytes, bounds.processes, bounds.cpu_percent);
}

// The process that holds the record's lock, held by us in turn; null: none lives.
Result<std::unique_ptr<Runner>> find_runner(Runners& runners, const std::string& folder) {
  while (const auto pid = OCTO_TRY(lock_holder(folder))) {
    auto runner = runners.hold(*pid);
    // Locked before and after by the same pid: that is the process we hold now.
    const bool same = OCTO_TRY(lock_holder(folder)) == pid;
    if (runner && same) return std::move(*runner);
    if (same) return fail(std::move(runner).error());
  }
  return nullptr;
}

}  // namespace

Async<Result<std::unique_ptr<LocalRuns>>> LocalRuns::open(Setup setup) {
  const Executor executor = co_await asio::this_coro::executor;
  const std::string folder = setup.folder;
  OCTO_CO_TRY(files::make_folders(folder));
  files::FolderLock lock = OCTO_CO_TRY(files::FolderLock::take(folder));
  auto wakes = OCTO_CO_TRY(setup.runners.listen(files::join(folder, runner::kWakeFile)));
  std::unique_ptr<LocalRuns> runs(
      new LocalRuns(std::move(setup), std::move(lock), std::move(wakes), executor));
  runs->load(OCTO_CO_TRY(files::list(folder)));
  runs->nursery_.spawn(runs->hear());
  runs->nursery_.spawn(runs->keep_house());
  co_return runs;
}

void LocalRuns::load(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto id = parse_local_name(setup_.node, name);
    if (!id) continue;
    const std::string folder = folder_of(*id);
    const bool has_intent = files::exists(files::join(folder, runner::kIntentFile));
    const auto on_disk = load_run(folder);
    if (on_disk && on_disk->end) {
      const auto run = add(*id);
      if (on_disk->acknowledged) acknowledged(*run);
      if (on_disk->acknowledged && !is_tombstone(folder)) (void)make_tombstone(folder);
      end(*run, *on_disk->end, on_disk->acknowledged ? 0 : output_bytes(folder));
    } else if (!has_intent && !files::exists(files::join(folder, runner::kClaimFile))) {
      // Its start or outcome was never answered for: the Brain asks again.
      if (const auto removed = files::remove_tree(folder); !removed)
        log::error("run {}: {}", name, removed.error().message());
    } else {
      if (!on_disk) log::error("run {}: {}", name, on_disk.error().message());
      const auto run = add(*id);
      const bool marked = on_disk && on_disk->mark;
      if (on_disk && on_disk->started) run->facts.pid = on_disk->started->pid;
      // Nobody is told of it before it is known to have started, or not: until then a power cut may take it
      // back.
      run->starting = !run->facts.pid;
      if (marked) run->facts.start = start_of(*on_disk->mark);
      if (const auto intent = load_intent(folder)) {
        const auto user = intent->user ? std::optional(intent->user->uid) : std::nullopt;
        run->facts.user = user;
        if (intent->not_before > setup_.clock.now() && !run->facts.pid) {
          run->facts.state = RunState::armed;
          run->starting = false;
        }
        if (intent->hold_until != Instant{}) {
          run->together = true;
          run->starting = false;
          // Before its instant there is a process, and no program in it.
          if (!marked)
            run->facts = RunFacts{.state = RunState::armed, .pid = {}, .end = {}, .start = {}, .user = user};
          run->armed = !marked;
          run->committed = files::exists(files::join(folder, runner::kCommitFile));
          run->told = files::exists(files::join(folder, runner::kGoFile));
          run->going = marked;  // or its runner says so once more when it is told again
        }
        // What it was tied to is gone: the agent that started it.
        if (intent->tied_to != 0) run->cancelled = true;
      }
      nursery_.spawn(follow(run));
    }
  }
}

// In a worker. Everything that decides whether a run begins is in this order: a cgroup made before the intent
// would be nobody's if we died in between.
Result<std::unique_ptr<Runner>> LocalRuns::begin(const std::string& folder, const runner::Intent& intent,
                                                 const ExecOrder& order) {
  const runner::MemoryFile handed = OCTO_TRY(pack(order.secrets));
  OCTO_TRY(create_run(folder, intent));
  if (auto made = make_cgroup(intent.cgroup, order.resources); !made) {
    // As `rejected`, not as a run that began.
    if (!intent.cgroup.empty()) (void)process::Cgroups::remove(intent.cgroup);
    (void)files::remove_tree(folder);
    return fail(made.error());
  }
  return setup_.runners.start(folder, handed.fd());
}

std::string LocalRuns::cgroup_of(const RunId& id) const {
  return cgroups_ ? cgroups_->path_of(fmt::format("{}.{}", setup_.node, local_name(id))) : "";
}

Async<void> LocalRuns::launch(std::shared_ptr<Run> run, Start start) {
  run->tied = start.order.tie;
  if (start.account) run->facts.user = start.account->uid;
  run->together = start.order.together.has_value();
  const runner::Intent intent =
      intent_of(start, run->folder, cgroup_of(run->id), setup_.clock.now(), setup_.kept);
  auto begun = co_await setup_.workers.run([&] { return begin(run->folder, intent, start.order); });
  start.order.secrets.clear();  // we go on as long as the run does
  if (begun) {
    run->runner = std::move(*begun);
    if (run->cancelled) run->ask_to_end();
    if (intent.not_before != Instant{} && run->starting) {
      run->facts.state = RunState::armed;
      run->starting = false;
      run->tell();
    }
  } else if (!files::exists(files::join(run->folder, runner::kIntentFile))) {
    run->failed = begun.error();
    runs_.erase(run->id);
    run->starting = false;
    co_return run->tell();
  } else {
    run->why_never = begun.error().message();
  }
  co_await follow(run);
}

Async<void> LocalRuns::follow(std::shared_ptr<Run> run) {
  while (!run->facts.end) {
    // The lock decides whether a runner lives, whoever started it.
    if (!run->runner) {
      auto found = find_runner(setup_.runners, run->folder);
      if (!found) {  // as when descriptors are short: whether one lives is not known
        log::error("run {}: {}", local_name(run->id), found.error().message());
        co_await setup_.clock.sleep(kLookAgain);
        continue;
      }
      run->runner = std::move(*found);
      // What it said while nobody listened. One that we have just started says what there is to see.
      run->dirty = run->spoke = true;
    }
    if (!run->runner) {
      co_await settle_run(*run);
      continue;
    }
    if (run->cancelled) run->ask_to_end();
    if (run->told && !run->going) run->tell_to_go();
    co_await watch(*run);
    run->runner.reset();
  }
  co_await leave_cgroup(*run);
}

// A runner removes the cgroup of its run, unless it died or never came so far. One that holds processes,
// which a normal end leaves alone, stays until they are gone; of any other run nobody may stay, also not the
// process that was to become the command and is about to see that it will not.
Async<void> LocalRuns::leave_cgroup(Run& run) {
  const std::string cgroup = cgroup_of(run.id);
  if (cgroup.empty() || !files::exists(cgroup)) co_return;
  const RunState state = run.facts.end->state;
  const bool normal = state == RunState::succeeded || state == RunState::failed;
  co_await setup_.workers.run([&] {
    if (!normal) (void)process::Cgroups::kill(cgroup);
    (void)process::Cgroups::remove(cgroup);
  });
}

// Until its runner is gone. That may be later than the end: it may feed on the output of children that stayed
// behind.
Async<void> LocalRuns::watch(Run& run) {
  bool gone = false;
  co_await in_nursery([this, &run, &gone](Nursery& nursery) -> Async<void> {
    nursery.spawn([](Run& held, bool& flag) -> Async<void> {
      if (const auto code = co_await held.runner->wait()) held.why_never = runner::reason_of(*code);
      flag = true;
      held.poked.set();
    }(run, gone));
    while (!gone) {
      if (std::exchange(run.dirty, false) && !run.facts.end) co_await look(run);
      if (!run.dirty && !gone) co_await run.poked.wait();
    }
  });
  if (!run.facts.end) co_await look(run);
}

// Takes over what the record says.
Async<void> LocalRuns::look(Run& run) {
  std::uint64_t kept = 0;
  const auto on_disk = co_await setup_.workers.run([&]() -> Result<RunOnDisk> {
    auto found = load_run(run.folder);
    if (found && found->end) kept = output_bytes(run.folder);
    return found;
  });
  if (!on_disk) co_return;  // settled when its runner is gone
  if (on_disk->mark) run.facts.start = start_of(*on_disk->mark);
  if (on_disk->started && !run.facts.pid && (!run.together || on_disk->mark)) {
    run.facts.pid = on_disk->started->pid;
    run.facts.state = RunState::running;
    run.starting = false;
    run.tell();
  }
  if (on_disk->end) end(run, *on_disk->end, kept);
}

Async<void> LocalRuns::settle_run(Run& run) {
  RunEnd never{
      .state = run.cancelled ? RunState::cancelled : RunState::expired,
      .reason = run.cancelled ? "cancelled before it was started" : "it was not started: " + run.why_never};
  if (auto why = run.together ? load_why_off(run.folder) : std::nullopt)
    never = RunEnd{.state = RunState::rejected, .reason = std::move(*why)};
  std::uint64_t kept = 0;
  auto settled = co_await setup_.workers.run([&] {
    auto found = settle(run.folder, never);
    kept = output_bytes(run.folder);
    return found;
  });
  if (settled) {
    if (settled->state == RunState::interrupted)
      log::warning("run {}: {}", local_name(run.id), settled->reason);
    co_return end(run, *settled, kept);
  }
  if (settled.error().code() == ErrorCode::conflict) co_return;  // a runner lives after all
  // No space, or a disk that fails: the end stays open on disk, and is tried again.
  log::error("run {} cannot be settled: {}", local_name(run.id), settled.error().message());
  co_await setup_.clock.sleep(10s);
}

void LocalRuns::end(Run& run, RunEnd end, std::uint64_t kept_bytes) {
  run.facts.state = end.state;
  run.facts.end = std::move(end);
  run.kept_bytes = kept_bytes;
  kept_bytes_ += kept_bytes;
  run.starting = false;
  run.tell();
  if (kept_bytes_ > kept_bytes_max) house_.set();
}

void LocalRuns::acknowledged(Run& run) {
  run.acknowledged = setup_.clock.now();
  kept_bytes_ -= std::exchange(run.kept_bytes, 0);
  if (++tombstones_ > tombstones_max + tombstones_max / 16) house_.set();
}

Async<void> LocalRuns::keep_house() {
  while (true) {
    co_await tidy();
    co_await in_nursery([this](Nursery& nursery) -> Async<void> {
      nursery.spawn([](Clock& clock, Event& event) -> Async<void> {
        co_await clock.sleep(kHouseInterval);
        event.set();
      }(setup_.clock, house_));
      co_await house_.wait();
    });
  }
}

// What is kept has bounds: tombstones by age and number, output by size. Ends are never dropped before the
// Brain has them.
Async<void> LocalRuns::tidy() {
  const Instant now = setup_.clock.now();
  std::vector<std::string> forget, shorten;
  std::multimap<Instant, std::shared_ptr<Run>> tombstones;
  for (const auto& [id, run] : runs_) {
    if (run->acknowledged) tombstones.emplace(*run->acknowledged, run);
  }
  for (const auto& [when, run] : tombstones) {
    if (now - when < limits::run_kept && tombstones.size() - forget.size() <= tombstones_max) break;
    forget.push_back(run->folder);
    runs_.erase(run->id);
  }
  tombstones_ -= forget.size();
  for (const auto& [id, run] : runs_) {  // in the order of their tasks: oldest first
    if (kept_bytes_ <= kept_bytes_max) break;
    if (run->kept_bytes == 0) continue;
    log::warning("run {}: its {} bytes of output are dropped, the Brain has not fetched them", local_name(id),
                 run->kept_bytes);
    kept_bytes_ -= std::exchange(run->kept_bytes, 0);
    shorten.push_back(run->folder);
  }
  std::map<std::string, bool> known;  // by the cgroup's name: whether the run has ended
  for (const auto& [id, run] : runs_)
    known.emplace(fmt::format("{}.{}", setup_.node, local_name(id)), run->facts.end.has_value());
  co_await setup_.workers.run([&] {
    for (const std::string& folder : shorten) drop_output(folder);
    for (const std::string& folder : forget) (void)files::remove_tree(folder);
    if (!cgroups_) return;
    sweep_cgroups(files::join(cgroups_->root(), "octopoda"), fmt::format("{}.", setup_.node),
                  [&](const std::string& name) {
                    const auto found = known.find(name);
                    if (found == known.end()) return Owner::unknown;
                    return found->second ? Owner::ended : Owner::live;
                  });
  });
}

}  // namespace octo::tentacle
