// SPDX-License-Identifier: MIT
// Runs that start together, or none of them (spec/time.md): armed, agreed on an instant, decided, told to go.
//
// Until the decision is stored nobody has been told to start, so whatever happens nobody does. After it every
// run is told, and says that it will; if one does not, the others are called off while there is time.
#include <algorithm>

#include "async/deadline.hpp"
#include "brain/work/engine.hpp"
#include "domain/fold.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {

constexpr Span kArmWithin = 30s;    // a runner forked, a clock compared: on a loaded board some seconds
constexpr Span kLeadFirst = 300ms;  // from the agreement to the instant; doubled when somebody was too slow …
constexpr Span kLeadDelayed = 2s;   // … and with a delay there is time for both
constexpr Span kLeadMost = 20s;
constexpr Span kLeadPerRun = 1ms;  // three questions, their answers, and what they cost the Brain
constexpr Span kCallOffRetry = 200ms;
constexpr Span kLookAgain = 20ms;  // whether all are back
constexpr int kCallOffTries = 50;
constexpr std::size_t kNamed = 5;

std::string name_some(std::vector<std::string> parts) {
  const std::size_t count = parts.size();
  if (count > kNamed) parts.resize(kNamed);
  std::string text = join(parts, "; ");
  if (count > kNamed) text += fmt::format("; and {} more", count - kNamed);
  return text;
}

// Who did not say yes, and why. Nothing: all did.
std::string name_refusals(const std::vector<std::pair<RunId, Result<void>>>& answers) {
  std::vector<std::string> parts;
  for (const auto& [id, answer] : answers) {
    if (!answer) parts.push_back(fmt::format("{}: {}", id.node, answer.error().message()));
  }
  return name_some(std::move(parts));
}

bool only_slow(const std::vector<std::pair<RunId, Result<void>>>& answers) {
  return std::ranges::all_of(answers, [](const auto& answer) {
    return answer.second || answer.second.error().code() == ErrorCode::timed_out;
  });
}

}  // namespace

Async<void> Engine::start_together(Task task, std::vector<RunId> runs) {
  const auto row = [&](const RunId& id) -> const RunRow& { return *task->board.find(id); };
  // Those that were skipped take no part. Whoever else has ended by now keeps the others from it.
  std::erase_if(runs, [&](const RunId& id) { return row(id).end.reason == kSkipped; });
  const bool over = std::ranges::all_of(runs, [&](const RunId& id) { return is_final(row(id).state); });
  if (over || task->cancel_requested) co_return;
  const auto any_found = [&](RunState least, RunState most) {
    return task->resumed && std::ranges::any_of(runs, [&](const RunId& id) {
             const RunState found = task->runs.at(id).found;
             return found >= least && found <= most;
           });
  };
  if (any_found(RunState::armed, RunState::running)) co_return co_await tell_again(task, runs);
  // Of a scenario the stages that had not begun are as new.
  if (any_found(RunState::queued, RunState::delivered) && task->start_at <= ports_.clock.now() + kLeadDelayed)
    co_return co_await call_off(task, runs, "the Brain was restarted before it was decided");
  if (const auto armed = co_await arm(task, runs); !armed)
    co_return co_await call_off(task, runs, armed.error().message());
  const auto at = co_await agree(task, runs);
  if (!at) co_return co_await call_off(task, runs, at.error().message());
  const Span left = *at - ports_.clock.now();
  const auto going =
      co_await ask_all(runs, left / 2, [this](const RunId& id) { return ports_.fleet->go_run(id); });
  if (const std::string who = name_refusals(going); !who.empty())
    co_return co_await call_off(task, runs, fmt::format("not all have said that they go: {}", who));
  Span bound{};
  for (const RunId& id : runs) bound = std::max(bound, task->runs.at(id).clock_bound.value_or(Span::zero()));
  co_await say(task,
               fmt::format("{} runs start together in {}, clocks are known to within ±{}", runs.size(),
                           print_span(std::max<Span>(*at - ports_.clock.now(), {})), print_span(bound)));
}

// It was decided by the Brain before us, which may have told all, some, or nobody. Once all are here they are
// told again, and whether it is too late they know, all of them alike. As long as one is missing nobody is:
// to tell some is what would make a part of them start.
Async<void> Engine::tell_again(Task task, std::vector<RunId> runs) {
  const auto row = [&](const RunId& id) -> const RunRow& { return *task->board.find(id); };
  const auto is_here = [&](const RunId& id) {
    const RunState state = row(id).state;
    return state == RunState::running || is_final(state) || is_online(id.node);
  };
  // When no delay was asked for, the instant is not known here: a member that ended without a start tells as
  // much.
  const auto will_not_start = [&](const RunId& id) {
    return is_final(row(id).state) && !row(id).end.start && !row(id).start;
  };
  // Nobody can have started yet: it is not too late to have none of them start.
  const auto is_early = [&] { return task->start_at > ports_.clock.now(); };
  const Instant until = std::max(task->start_at, ports_.clock.now() + kLeadMost);
  while (true) {
    for (const RunId& id : runs) {
      // By that Brain, which may not have come to all.
      if (row(id).state == RunState::rejected && row(id).end.reason.starts_with(kNotStarted))
        co_return co_await call_off(task, runs, row(id).end.reason.substr(kNotStarted.size()));
    }
    const auto may = check_members(*task, runs);
    if (!may && (is_early() || std::ranges::any_of(runs, will_not_start)))
      co_return co_await call_off(task, runs, may.error().message());
    if (std::ranges::all_of(runs, is_here)) break;
    if (ports_.clock.now() >= until || task->cancel_requested) co_return;
    co_await wait_until(ports_.clock, task->changed, std::min(until, ports_.clock.now() + kLookAgain));
  }
  std::erase_if(runs, [&](const RunId& id) { return is_final(row(id).state); });
  const auto going =
      co_await ask_all(runs, kLeadFirst, [this](const RunId& id) { return ports_.fleet->go_run(id); });
  const std::string who = name_refusals(going);
  if (!who.empty() && is_early())
    co_await call_off(task, runs, fmt::format("not all have said that they go: {}", who));
}

// Whether everybody may still take part.
Result<void> Engine::check_members(const LiveTask& task, const std::vector<RunId>& runs) const {
  if (task.cancel_requested) return fail(ErrorCode::cancelled, "the task was cancelled");
  std::vector<std::string> parts;
  for (const RunId& id : runs) {
    const RunRow& row = *task.board.find(id);
    if (task.runs.at(id).ending && !is_final(row.state)) parts.push_back(fmt::format("{}: it ends", id.node));
    if (is_final(row.state)) {
      parts.push_back(row.end.reason.empty() ? fmt::format("{} is {}", id.node, name_of(row.state))
                                             : fmt::format("{}: {}", id.node, row.end.reason));
    }
  }
  if (parts.empty()) return {};
  return fail(ErrorCode::conflict, "{}", name_some(std::move(parts)));
}

// Until every run is armed. With a delay there is time for a node, or a Brain, that was away for a moment.
Async<Result<void>> Engine::arm(Task task, const std::vector<RunId>& runs) {
  const Instant begun = ports_.clock.now();
  const bool patient = task->start_at > begun + kLeadDelayed;
  const Instant until = patient ? task->start_at - kLeadDelayed : begun + kArmWithin;
  const auto is_armed = [&](const RunId& id) { return task->board.find(id)->state == RunState::armed; };
  const auto is_here = [&](const RunId& id) { return is_online(id.node); };
  while (true) {
    OCTO_CO_TRY(check_members(*task, runs));
    if (std::ranges::all_of(runs, is_armed)) co_return Result<void>{};
    const bool late = ports_.clock.now() >= until;
    std::vector<std::string> parts;
    for (const RunId& id : runs) {
      if (is_armed(id)) continue;
      if (!is_here(id) && (late || !patient)) parts.push_back(fmt::format("{} is offline", id.node));
      else if (late)
        parts.push_back(fmt::format("{} was not ready within {}", id.node, print_span(until - begun)));
    }
    if (!parts.empty()) co_return fail(ErrorCode::unavailable, "{}", name_some(std::move(parts)));
    co_await wait_until(ports_.clock, task->changed, until);
  }
}

// All have the instant and say that they can keep it, and the decision is stored. With more time when that
// took too long: until somebody is told to go, nothing is lost.
Async<Result<Instant>> Engine::agree(Task task, const std::vector<RunId>& runs) {
  Span lead = task->start_at == Instant{} ? kLeadFirst : kLeadDelayed;
  lead += kLeadPerRun * static_cast<std::int64_t>(runs.size());
  while (task->start_at > ports_.clock.now() + lead) {
    OCTO_CO_TRY(check_members(*task, runs));
    co_await wait_until(ports_.clock, task->changed, task->start_at - lead);
  }
  for (;; lead *= 2) {
    OCTO_CO_TRY(check_members(*task, runs));
    const Instant at = std::max(task->start_at, ports_.clock.now() + lead);
    const Span max_skew = *task->max_skew;
    const auto answers = co_await ask_all(
        runs, lead / 3, [&](const RunId& id) { return ports_.fleet->commit_run(id, at, max_skew); });
    const std::string who = name_refusals(answers);
    if (!who.empty() && (!only_slow(answers) || lead >= kLeadMost))
      co_return fail(ErrorCode::conflict, "{}", who);
    if (!who.empty()) continue;
    OCTO_CO_TRY(co_await decide(task, runs));
    OCTO_CO_TRY(check_members(*task, runs));
    if (at - ports_.clock.now() > lead / 3) co_return at;
    if (lead >= kLeadMost)
      co_return fail(ErrorCode::timed_out, "the Brain could not store its decision within {}",
                     print_span(lead / 3));
  }
}

// A run is `armed` in the ledger only by this.
Async<Result<void>> Engine::decide(Task task, const std::vector<RunId>& runs) {
  OCTO_CO_TRY(check_members(*task, runs));
  std::vector<RunRow> rows;
  for (const RunId& id : runs) rows.push_back(*task->board.find(id));
  co_return (co_await ports_.ledger.record_runs(task->record.id, rows, std::nullopt))
      .with("store the decision");
}

Async<Engine::Answers> Engine::ask_all(const std::vector<RunId>& runs, Span within,
                                       std::function<Async<Result<void>>(const RunId&)> question) {
  Answers answers;
  for (const RunId& id : runs) answers.emplace_back(id, Result<void>{});
  if (ports_.fleet == nullptr) co_return answers;  // still loading: nobody is there to be asked
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    for (auto& [id, answer] : answers) {
      nursery.spawn(
          [](Clock& clock, Span span, Async<Result<void>> asked, Result<void>& into) -> Async<void> {
            into = co_await with_deadline(clock, span, std::move(asked));
          }(ports_.clock, within, question(id), answer));
    }
    co_await nursery.join();
  });
  co_return answers;
}

Async<void> Engine::call_off(Task task, std::vector<RunId> runs, std::string why) {
  if (task->cancel_requested) co_return;  // each is ended by that
  const std::string off = std::string(kNotStarted) + why;
  for (const RunId& id : runs) task->runs.at(id).off = off;
  co_await say(task, off);
  RunEnd end;
  end.state = RunState::rejected;
  end.reason = off;
  co_await end_runs_for_sure(task, task->select([&](const RunRow& row, const LiveRun& run) {
    return std::ranges::count(runs, row.id) > 0 && !is_final(row.state) && !run.sent && !run.delivering;
  }),
                             end);
  for (const RunId& id : runs) nursery_.spawn(call_off_run(task, id));
}

// Until the node has it; asked again when the node is back.
Async<void> Engine::call_off_run(Task task, RunId id) {
  const LiveRun& run = task->runs.at(id);
  for (int tries = 0; !is_final(task->board.find(id)->state); ++tries) {
    if (run.delivering || ports_.fleet == nullptr) co_return;  // the delivery comes here when it is through
    const auto done = co_await ports_.fleet->call_off_run(id, run.off);
    if (done || done.error().code() != ErrorCode::not_found) co_return;
    if (!run.sent_now || tries >= kCallOffTries) {
      RunEnd end;
      end.state = RunState::rejected;
      end.reason = run.off;
      co_return co_await end_runs_for_sure(task, {id}, end);
    }
    co_await ports_.clock.sleep(kCallOffRetry);  // the order may be on the node's doorstep
  }
}

}  // namespace octo::brain
