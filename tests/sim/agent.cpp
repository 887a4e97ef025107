// SPDX-License-Identifier: MIT
#include "agent.hpp"

namespace octo::sim {

SimRuns::SimRuns(Disk& disk, Clock& clock, SeededRandom& random, Trace& trace, Executor executor)
    : disk_(disk), clock_(clock), random_(random), trace_(trace), changed_(executor), nursery_(executor) {}

Async<void> SimRuns::stop() {
  nursery_.cancel();
  co_await nursery_.join();
}

Async<Result<tentacle::RunFacts>> SimRuns::start(const Start& start) {
  if (const auto known = disk_.runs.find(start.id); known != disk_.runs.end()) co_return known->second.facts;
  co_await clock_.sleep(random_.between(100us, 2ms));  // the intent's fsync
  auto& run = disk_.runs[start.id];
  run.facts.state = RunState::running;
  run.facts.pid = 100 + static_cast<std::int64_t>(disk_.runs.size());
  disk_.witness.push_back(local_name(start.id));
  trace_.add(fmt::format("{} starts {}", start.id.node, start.order.text));
  const std::string_view text = start.order.text;
  nursery_.spawn(live(start.id, Bytes(text.starts_with("echo ") ? text.substr(5) : text) + "\n"));
  co_return run.facts;
}

Async<void> SimRuns::live(RunId id, Bytes output) {
  for (const char c : output) {
    co_await clock_.sleep(random_.between(1ms, 40ms));
    disk_.runs[id].output.push_back(c);
    changed_.set();
  }
  end(id, RunState::succeeded);
}

void SimRuns::end(const RunId& id, RunState state) {
  auto& run = disk_.runs[id];
  if (run.facts.end) return;
  run.facts.state = state;
  run.facts.end.emplace();
  run.facts.end->state = state;
  if (state == RunState::succeeded) run.facts.end->exit_code = 0;
  run.facts.end->out_bytes = run.output.size();
  changed_.set();
}

Async<Result<void>> SimRuns::record(const RunId& id, const RunEnd& end) {
  auto& run = disk_.runs[id];
  run.facts.state = end.state;
  run.facts.end = end;
  changed_.set();
  co_return Result<void>{};
}

std::optional<tentacle::RunFacts> SimRuns::find(const RunId& id) const {
  const auto found = disk_.runs.find(id);
  if (found == disk_.runs.end()) return std::nullopt;
  return found->second.facts;
}

Async<Result<tentacle::Runs::News>> SimRuns::next(const RunId& id, const OutputMark& from) {
  const OutputMark mark = from;
  while (true) {
    const auto& run = disk_.runs[id];
    News news{run.facts, {}};
    if (run.output.size() > mark.out) {
      news.pieces.push_back({OutputStream::out, mark.out, run.output.substr(mark.out)});
      co_return news;
    }
    if (run.facts.end) co_return news;
    co_await changed_.wait();
  }
}

Async<Result<void>> SimRuns::cancel(const RunId& id) {
  if (!disk_.runs.contains(id)) co_return fail(ErrorCode::not_found, "no such run");
  end(id, RunState::cancelled);
  co_return Result<void>{};
}

Async<Result<void>> SimRuns::acknowledge(const RunId& id, const OutputMark&, bool end_durable) {
  if (end_durable) disk_.runs[id].acknowledged = true;
  co_return Result<void>{};
}

std::vector<RunId> SimRuns::unacknowledged() const {
  std::vector<RunId> open;
  for (const auto& [id, run] : disk_.runs) {
    if (!run.acknowledged) open.push_back(id);
  }
  return open;
}

}  // namespace octo::sim
