// SPDX-License-Identifier: MIT
#include "tentacle/runs/runs.hpp"

#include "domain/limits.hpp"
#include "io/log/log.hpp"
#include "tentacle/runs/journal.hpp"
#include "tentacle/runs/run.hpp"

namespace octo::tentacle {

LocalRuns::LocalRuns(Setup setup, files::FolderLock lock, std::unique_ptr<Wakes> wakes, Executor executor)
    : setup_(std::move(setup)),
      lock_(std::move(lock)),
      wakes_(std::move(wakes)),
      house_(executor),
      nursery_(executor) {
  if (setup_.cgroups == UseCgroups::where_found) cgroups_ = process::Cgroups::find();
}

std::string LocalRuns::folder_of(const RunId& id) const { return files::join(setup_.folder, local_name(id)); }

std::shared_ptr<LocalRuns::Run> LocalRuns::add(const RunId& id) {
  auto run = std::make_shared<Run>(id, folder_of(id), nursery_.executor());
  runs_[id] = run;
  return run;
}

Async<Result<RunFacts>> LocalRuns::start(const Start& start) {
  std::shared_ptr<Run> run;
  if (const auto known = runs_.find(start.id); known != runs_.end()) {
    run = known->second;
  } else {
    const auto running =
        std::ranges::count_if(runs_, [](const auto& entry) { return !entry.second->facts.end; });
    if (running >= static_cast<std::ptrdiff_t>(running_max)) {
      co_return fail(ErrorCode::exhausted, "{} commands are running on this node already: end some", running);
    }
    run = add(start.id);
    run->starting = true;
    // Not on the caller's time: a session that breaks now must not leave a run half started.
    nursery_.spawn(launch(run, start));
  }
  while (run->starting) co_await run->changed.wait();
  if (run->failed) co_return fail(*run->failed);
  run->pid_told = run->facts.pid.has_value();
  co_return run->facts;
}

Async<Result<void>> LocalRuns::record(const RunId& id, const RunEnd& end) {
  if (const auto known = runs_.find(id); known != runs_.end()) {
    if (known->second->facts.end) co_return Result<void>{};
    co_return fail(ErrorCode::conflict, "run {} is a process, its end comes from its runner", local_name(id));
  }
  const std::string folder = folder_of(id);
  OCTO_CO_TRY(co_await setup_.workers.run([&] { return create_deed(folder, end); }));
  this->end(*add(id), end, 0);
  co_return Result<void>{};
}

std::optional<RunFacts> LocalRuns::find(const RunId& id) const {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return std::nullopt;
  return found->second->facts;
}

Async<Result<Runs::News>> LocalRuns::next(const RunId& id, const OutputMark& from) {
  const auto found = runs_.find(id);
  if (found == runs_.end())
    co_return fail(ErrorCode::not_found, "run {} is not known on this node", local_name(id));
  const std::shared_ptr<Run> run = found->second;
  const OutputMark mark = from;
  while (true) {
    if (run->failed) co_return fail(*run->failed);
    const std::uint64_t seen = run->news;
    const auto end = run->facts.end;  // before the reading: whatever it lacks then never comes
    const bool complete = end && mark == OutputMark{end->out_bytes, end->err_bytes, end->note_bytes};
    News news;
    if (!complete && (end || (run->spoke && run->flow == OutputFlow::live))) {
      SpoolReader reader = std::exchange(run->reader, SpoolReader(run->folder));
      news.pieces = co_await setup_.workers.run([&] { return reader.read(mark, news_bytes_max); });
      run->reader = std::move(reader);
    }
    const bool pid_is_news = run->facts.pid && !run->pid_told;
    if (!news.pieces.empty() || end || pid_is_news) {
      news.facts = RunFacts{end ? end->state : run->facts.state, run->facts.pid, end, run->facts.start};
      run->pid_told = run->facts.pid.has_value();
      co_return news;
    }
    while (run->news == seen) co_await run->changed.wait();
  }
}

void LocalRuns::set_flow(const RunId& id, OutputFlow flow) {
  const auto found = runs_.find(id);
  if (found == runs_.end() || found->second->flow == flow) return;
  found->second->flow = flow;
  found->second->tell();
}

void LocalRuns::end_tied() {
  for (const auto& [id, run] : runs_) {
    if (run->tied && !run->facts.end) run->ask_to_end();
  }
}

Async<Result<void>> LocalRuns::cancel(const RunId& id) {
  const auto found = runs_.find(id);
  if (found == runs_.end())
    co_return fail(ErrorCode::not_found, "run {} is not known on this node", local_name(id));
  found->second->ask_to_end();
  co_return Result<void>{};
}

Async<Result<void>> LocalRuns::acknowledge(const RunId& id, const OutputMark&, bool end_durable) {
  const auto found = runs_.find(id);
  if (!end_durable || found == runs_.end() || found->second->acknowledged) co_return Result<void>{};
  const std::shared_ptr<Run> run = found->second;
  if (!run->facts.end) co_return fail(ErrorCode::conflict, "run {} has not ended", local_name(id));
  // The Brain was told while the disk was still at it, and shows nobody what it has not stored itself; from
  // here on the record alone says that it ran.
  if (!run->end_is_durable)
    OCTO_CO_TRY(co_await setup_.workers.run([&] { return sync_record(run->folder); }));
  run->end_is_durable = true;
  if (run->acknowledged) co_return Result<void>{};
  acknowledged(*run);
  co_return co_await setup_.workers.run([&] { return make_tombstone(run->folder); });
}

std::vector<RunId> LocalRuns::unacknowledged() const {
  std::vector<RunId> runs;
  for (const auto& [id, run] : runs_) {
    if (run->acknowledged) continue;
    run->pid_told = false;
    runs.push_back(id);
  }
  return runs;
}

Async<bool> LocalRuns::begun(const RunId& id) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) co_return false;
  const std::shared_ptr<Run> run = found->second;
  while (run->starting) co_await run->changed.wait();
  co_return !run->failed;
}

Async<void> LocalRuns::stop() {
  nursery_.cancel();
  co_await nursery_.join();
}

// One message of a runner: a word and the run's name.
void LocalRuns::heard(std::string_view message) {
  const std::string_view name = message.substr(1, message.find('\0') - 1);
  const auto id = parse_local_name(setup_.node, name);
  const auto found = id ? runs_.find(*id) : runs_.end();
  if (found == runs_.end()) return;
  Run& run = *found->second;
  if (message[0] == static_cast<char>(runner::Wake::output)) {
    run.spoke = true;
    return run.tell();
  }
  if (message[0] == static_cast<char>(runner::Wake::armed)) return take_armed(run);
  if (message[0] == static_cast<char>(runner::Wake::going)) {
    run.going = true;
    return run.tell();
  }
  if (message[0] == static_cast<char>(runner::Wake::ended)) run.end_is_durable = true;
  run.poke();
}

Async<void> LocalRuns::hear() {
  constexpr std::size_t kFull =
      64 * 1024 - runner::kWakeBytes;  // a pipe's size: beyond, runners could not tell us
  Bytes buffer(kFull + runner::kWakeBytes, '\0');
  while (true) {
    const BytesView bytes = BytesView(buffer).substr(0, co_await wakes_->read(buffer));
    if (bytes.size() >= kFull || bytes.size() % runner::kWakeBytes != 0) {
      for (const auto& [id, run] : runs_) {
        // What was lost with the rest is learnt when it matters: an armed run is asked, and takes what it is
        // told.
        if (run->together && !run->armed && !run->facts.end) take_armed(*run);
        if (!run->facts.end) run->poke();
        run->spoke = true;
        run->tell();
      }
      continue;
    }
    for (std::size_t at = 0; at < bytes.size(); at += runner::kWakeBytes) {
      heard(bytes.substr(at, runner::kWakeBytes));
    }
  }
}

}  // namespace octo::tentacle
