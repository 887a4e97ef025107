// SPDX-License-Identifier: MIT
#include "runs.hpp"

namespace octo::sim {

namespace {

constexpr std::uint64_t kPieceBytes = 64 * 1024;

void put_pieces(std::vector<OutputPiece>& into, const RunId& id, OutputStream stream, std::uint64_t from,
                std::uint64_t end) {
  const std::uint64_t tail = std::max(kHeadKept, end > kTailKept ? end - kTailKept : 0);
  while (from < end) {
    if (from >= kHeadKept) from = std::max(from, tail);
    OutputPiece piece{stream, from, {}};
    const std::uint64_t until =
        std::min(from < kHeadKept ? std::min(end, kHeadKept) : end, from + kPieceBytes);
    for (; from < until; ++from) piece.bytes.push_back(output_at(id, stream, from));
    into.push_back(std::move(piece));
  }
}

}  // namespace

SimRuns::SimRuns(Machine& machine) : machine_(machine), nursery_(machine.surface_.executor) {
  for (auto& [id, run] : machine_.journal_) {
    if (run.end || run.has_runner) continue;
    RunEnd end;
    end.state = run.claimed ? RunState::interrupted : RunState::expired;
    end.reason = run.claimed ? "its supervisor is gone"
                             : "it was not started: the agent ended before it could start it";
    end.out_bytes = run.out;
    end.err_bytes = run.err;
    machine_.end(id, end);
  }
}

tentacle::RunFacts SimRuns::facts_of(const RunRecord& run) {
  return {run.end ? run.end->state : RunState::running, run.pid, run.end};
}

// Known is enough: whether it has started is told once it is clear.
Async<tentacle::RunFacts> SimRuns::started(const RunId& id) {
  while (!machine_.journal_[id].pid && !machine_.journal_[id].end) co_await machine_.changed(id).wait();
  co_return facts_of(machine_.journal_[id]);
}

Async<Result<tentacle::RunFacts>> SimRuns::start(const Start& start) {
  const RunId id = start.id;
  if (machine_.journal_.contains(id)) co_return co_await started(id);
  if (machine_.disk_full_) co_return fail(ErrorCode::storage_full, "keep the order: no space");
  RunRecord intent;
  intent.text = start.order.text;
  intent.limit = start.order.limit;
  machine_.surface_.trace.add(fmt::format("{} takes {}", machine_.label(), local_name(id)));
  machine_.journal_[id] = intent;
  nursery_.spawn(launch(id));
  co_return co_await started(id);
}

// An agent that dies here leaves an intent without a claim.
Async<void> SimRuns::launch(RunId id) {
  co_await machine_.surface_.clock.sleep(machine_.latency());
  machine_.journal_[id].synced = machine_.journal_[id].has_runner = true;
  machine_.processes_->spawn(machine_.run_process(id, machine_.boot_));
}

Async<void> SimRuns::stop() {
  nursery_.cancel();
  co_await nursery_.join();
}

Async<Result<void>> SimRuns::record(const RunId& id, const RunEnd& end) {
  machine_.end(id, end);
  co_return Result<void>{};
}

std::optional<tentacle::RunFacts> SimRuns::find(const RunId& id) const {
  const auto found = machine_.journal_.find(id);
  if (found == machine_.journal_.end()) return std::nullopt;
  return facts_of(found->second);
}

Async<Result<tentacle::Runs::News>> SimRuns::next(const RunId& id_, const OutputMark& from) {
  const RunId id = id_;
  const OutputMark mark = from;
  while (true) {
    const auto found = machine_.journal_.find(id);
    if (found == machine_.journal_.end()) co_return fail(ErrorCode::not_found, "no such run");
    const RunRecord& run = found->second;
    News news{facts_of(run), {}};
    put_pieces(news.pieces, id, OutputStream::out, mark.out, run.out);
    put_pieces(news.pieces, id, OutputStream::err, mark.err, run.err);
    if (!news.pieces.empty() || run.end) co_return news;
    co_await machine_.changed(id).wait();
  }
}

Async<Result<void>> SimRuns::cancel(const RunId& id) {
  const auto found = machine_.journal_.find(id);
  if (found == machine_.journal_.end()) co_return fail(ErrorCode::not_found, "no such run");
  found->second.cancelled = true;
  machine_.changed(id).set();
  co_return Result<void>{};
}

Async<Result<void>> SimRuns::acknowledge(const RunId& id, const OutputMark&, bool end_durable) {
  const auto found = machine_.journal_.find(id);
  if (end_durable && found != machine_.journal_.end()) found->second.acknowledged = true;
  co_return Result<void>{};
}

std::vector<RunId> SimRuns::unacknowledged() const {
  std::vector<RunId> open;
  for (const auto& [id, run] : machine_.journal_) {
    if (!run.acknowledged && (run.pid || run.end)) open.push_back(id);
  }
  return open;
}

}  // namespace octo::sim
