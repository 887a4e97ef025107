// SPDX-License-Identifier: MIT
// Runs that start together with others: what they are told goes through files of their folder to the runner,
// so that neither the death of this agent nor its restart changes what was promised.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tentacle/runs/journal.hpp"
#include "tentacle/runs/run.hpp"

namespace octo::tentacle {

void LocalRuns::take_armed(Run& run) {
  run.armed = true;
  if (run.facts.end || run.facts.pid) return;
  run.facts.state = RunState::armed;
  run.starting = false;
  run.tell();
}

Result<std::shared_ptr<LocalRuns::Run>> LocalRuns::get_together(const RunId& id) const {
  const auto found = runs_.find(id);
  if (found == runs_.end())
    return fail(ErrorCode::not_found, "run {} is not known on this node", local_name(id));
  const std::shared_ptr<Run>& run = found->second;
  if (!run->together) return fail(ErrorCode::conflict, "run {} does not start together", local_name(id));
  if (run->facts.end) {
    return fail(ErrorCode::conflict, "it has ended as {}{}{}", name_of(run->facts.end->state),
                run->facts.end->reason.empty() ? "" : ": ", run->facts.end->reason);
  }
  return run;
}

Async<Result<void>> LocalRuns::commit(const RunId& id, const StartAt& start) {
  const auto run = OCTO_CO_TRY(get_together(id));
  if (!run->armed) co_return fail(ErrorCode::conflict, "it is not armed yet");
  if (run->told) co_return fail(ErrorCode::conflict, "it was told already when to start");
  // An instant that all have agreed on is not replaced by one before it, whose question was held up here.
  if (start.brain_at < run->agreed)
    co_return fail(ErrorCode::conflict, "it was asked for a later instant since");
  run->agreed = start.brain_at;
  const Bytes bytes = runner::encode(runner::StartAt{start.at, start.brain_at, start.bound});
  OCTO_CO_TRY(co_await setup_.workers.run(
      [&] { return files::save(files::join(run->folder, runner::kCommitFile), bytes); }));
  run->committed = true;
  co_return Result<void>{};
}

Async<Result<void>> LocalRuns::go(const RunId& id) {
  const auto run = OCTO_CO_TRY(get_together(id));
  if (run->cancelled) co_return fail(ErrorCode::conflict, "it was cancelled");
  if (!run->told) {
    if (!run->committed) co_return fail(ErrorCode::conflict, "it was not told when it is to start");
    const std::string from = files::join(run->folder, runner::kCommitFile);
    const std::string to = files::join(run->folder, runner::kGoFile);
    // Not synced: what a power cut takes back it takes together with the runner.
    if (std::rename(from.c_str(), to.c_str()) != 0)
      co_return fail(ErrorCode::internal, "rename {}: {}", from, std::strerror(errno));
    run->tell_to_go();
  }
  while (!run->going && !run->facts.end) co_await run->changed.wait();
  if (run->going) co_return Result<void>{};
  co_return fail(ErrorCode::conflict, "it has ended as {}: {}", name_of(run->facts.end->state),
                 run->facts.end->reason);
}

Async<Result<void>> LocalRuns::call_off(const RunId& id, const std::string& reason) {
  const auto run = OCTO_CO_TRY(get_together(id));
  // A full disk takes the reason, not the end.
  (void)co_await setup_.workers.run(
      [&] { return files::save(files::join(run->folder, runner::kOffFile), reason); });
  run->ask_to_end();
  co_return Result<void>{};
}

}  // namespace octo::tentacle
