// SPDX-License-Identifier: MIT
#include "oracle.hpp"

#include <algorithm>

#include "api/records.hpp"
#include "base/text.hpp"

namespace octo::sim {

namespace {

// "Nothing runs late": the Brain's deadline begins once a task is stored, and a node takes its time to start.
constexpr Span kLateMost = 1s;
constexpr Span kAgreeMost = 30s + 2 * 20s;  // to be armed, and the longest leads one after another

// A tree that is killed is gone by then.
constexpr Span kKilledWithin = 1s;

std::string print(const RunId& run) { return fmt::format("{} on {}", local_name(run), run.node); }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// "17 bytes of output were not kept: …", as a runner's end says it.
std::uint64_t declared_lost(std::string_view reason) {
  const std::size_t words = reason.find(" bytes of output were not kept");
  if (words == reason.npos) return 0;
  const std::size_t before = reason.rfind(' ', words - 1);
  const auto number =
      reason.substr(before == reason.npos ? 0 : before + 1, words - (before == reason.npos ? 0 : before + 1));
  return static_cast<std::uint64_t>(parse_number(number).value_or(0));
}

}  // namespace

void Oracle::fault(std::string what) {
  trace_.add("VIOLATION " + what);
  faults_.push_back(std::move(what));
}

void Oracle::made(const TaskId& id, const TaskPlan& plan, Instant now) {
  Task& task = tasks_[id];
  task.plan = &plan;
  task.posted = now;
}

void Oracle::acknowledged(const TaskId& id, const TaskPlan& plan) {
  tasks_[id].acknowledged = true;
  const auto [known, fresh] = by_key_.emplace(plan.key, id);
  if (!fresh && known->second != id)
    fault(fmt::format("{} was answered with task {}, and now with {}", plan.key, known->second, id));
}

void Oracle::cancel_acknowledged(const TaskId& id, Instant now) {
  if (!tasks_[id].cancelled) tasks_[id].cancelled = now;
}

void Oracle::final_state(const RunId& run, RunState state) {
  const auto [known, fresh] = final_.emplace(run, state);
  if (fresh || known->second == state) return;
  if (known->second == RunState::unknown && were_unknown_.insert(run).second) {
    known->second = state;
    return;
  }
  if (state == RunState::unknown && were_unknown_.contains(run)) return;  // an old event, read again
  fault(
      fmt::format("{} was {} and is {} now", print(run), octo::name_of(known->second), octo::name_of(state)));
}

void Oracle::told(const TaskId& id, std::uint64_t next, const TaskEvent& event) {
  if (event.number != next) fault(fmt::format("task {}: event {} follows {}", id, event.number, next - 1));
  const std::string text = api::encode(event);
  auto& [known, after] = tasks_[id].told[event.number];
  // What was not synced may be told anew after a power cut, under the same numbers.
  if (!known.empty() && known != text && after == brain_.power_cuts())
    fault(fmt::format("task {}: event {} was {} and is {} now", id, event.number, known, text));
  known = text;
  after = brain_.power_cuts();
  if (event.kind != TaskEvent::Kind::state || !is_final(event.run.state)) return;
  // An old event may be heard of later than what replaced it; judge_events() looks at the order.
  const auto replaced = final_.find(event.run.id);
  const bool old = replaced != final_.end() && replaced->second != RunState::unknown;
  if (event.run.state == RunState::unknown && old) were_unknown_.insert(event.run.id);
  else final_state(event.run.id, event.run.state);
}

void Oracle::answered(const Known& before, const std::vector<RunRow>& rows) {
  for (const RunRow& row : rows) {
    const auto known = before.find(row.id);
    if (is_final(row.state)) final_state(row.id, row.state);
    else if (known != before.end())
      fault(fmt::format("{} was {} and is {} now", print(row.id), octo::name_of(known->second),
                        octo::name_of(row.state)));
    if (known != before.end() && known->second != RunState::unknown && row.state == RunState::unknown)
      fault(fmt::format("{} was {} and is unknown again", print(row.id), octo::name_of(known->second)));
  }
}

void Oracle::judge(const Witness& witness) {
  std::map<std::string, std::size_t> stored_by_key;
  for (const auto& [id, task] : tasks_) {
    if (task.acknowledged && !task.stored) fault(fmt::format("task {} was acknowledged and is gone", id));
    if (!task.stored) continue;
    if (++stored_by_key[task.plan->key] == 2)
      fault(fmt::format("{} made two tasks, one of them {}", task.plan->key, id));
    judge_events(id, task);
    judge_together(id, task, witness);
    judge_meeting(id, task, witness);
    judge_ties(id, task, witness);
    for (const RunRow& row : task.stored->runs) judge_run(task, row, witness);
    const bool finished =
        std::ranges::all_of(task.stored->runs, [](const auto& row) { return is_final(row.state); });
    if (finished && !task.stored->outcome) fault(fmt::format("task {} is over and has no outcome", id));
    if (task.stored->runs.size() != task.plan->nodes.size())
      fault(fmt::format("task {} has {} runs", id, task.stored->runs.size()));
  }
  for (const auto& [run, starts] : witness.starts) {
    const auto task = tasks_.find(run.task);
    if (task == tasks_.end() || !task->second.stored)
      fault(fmt::format("{} runs, and no task knows it", print(run)));
  }
}

void Oracle::judge_run(const Task& task, const RunRow& row, const Witness& witness) {
  const auto found = witness.starts.find(row.id);
  const auto starts = found == witness.starts.end() ? std::vector<Witness::Start>() : found->second;
  judge_starts(task, row, starts);
  judge_output(task, row, starts);
}

void Oracle::judge_starts(const Task& task, const RunRow& row, const std::vector<Witness::Start>& starts) {
  const bool alive = std::ranges::any_of(starts, [](const auto& start) { return start.alive; });
  if (!is_final(row.state) && (row.state != RunState::running || !alive))
    fault(fmt::format("{} is {} for ever", print(row.id), octo::name_of(row.state)));
  if (!is_final(row.state) && task.cancelled) fault(fmt::format("{} goes on after cancel", print(row.id)));
  if (starts.size() > 1)
    fault(fmt::format("{} was started {} times, on {} and {}", print(row.id), starts.size(),
                      starts[0].machine, starts[1].machine));
  const bool never =
      row.state == RunState::expired || row.state == RunState::rejected ||
      (row.state == RunState::cancelled &&
       (contains(row.end.reason, "never started") || contains(row.end.reason, "before it was started")));
  const bool sure = row.state == RunState::succeeded || row.state == RunState::failed ||
                    row.state == RunState::timed_out || row.state == RunState::cancelled;
  if (never && !starts.empty())
    fault(fmt::format("{} is {} ({}) and was started", print(row.id), octo::name_of(row.state),
                      row.end.reason));
  if (!never && sure && starts.empty())
    fault(fmt::format("{} is {} and was never started", print(row.id), octo::name_of(row.state)));
  if (is_final(row.state) && row.state != RunState::unknown && alive)
    fault(fmt::format("{} is {} and still runs", print(row.id), octo::name_of(row.state)));
  for (const auto& start : starts) {
    if (row.state == RunState::interrupted && !start.orphaned)
      fault(fmt::format("{} is interrupted, and its runner lived", print(row.id)));
    const Span limit = task.plan->limit;
    const Span took = std::min(start.ended, trace_.now()) - start.at;
    if (limit > Span::zero() && !start.orphaned && took > limit + limits::kill_grace + kKilledWithin)
      fault(
          fmt::format("{} ran for {}, its limit was {}", print(row.id), print_span(took), print_span(limit)));
  }
  // Between two lives of the Brain the wall clock is all there is: once it was set back, a deadline may last
  // longer. Those that start together agree anew when somebody is slow.
  const Span agreeing = task.plan->together ? task.plan->together->delay + kAgreeMost : Span::zero();
  for (const auto& start : starts) {
    const Span late = start.at - (task.posted + task.plan->deadline + agreeing);
    if (late > kLateMost && !wall_stepped_back_)
      fault(fmt::format("{} was started {} after its deadline", print(row.id), print_span(late)));
  }
}

void Oracle::judge_output(const Task& task, const RunRow& row, const std::vector<Witness::Start>& starts) {
  OutputMark stored;
  std::uint64_t missing = 0;  // in gaps
  // What a node could not keep is declared once the run has ended; how much a power cut took nobody knows.
  const bool ended = row.state == RunState::succeeded || row.state == RunState::failed ||
                     row.state == RunState::timed_out || row.state == RunState::cancelled;
  const std::uint64_t declared = declared_lost(row.end.reason);
  // By a sync that failed: what a power cut has taken of it nobody knows.
  const bool damaged = contains(row.end.reason, "the kept output may be damaged");
  for (const TaskEvent& event : task.events) {
    if (event.kind != TaskEvent::Kind::output || event.run.id != row.id) continue;
    std::uint64_t& mark = stored.of(event.output.stream);
    const std::uint64_t at = event.output.offset;
    if (at < mark) fault(fmt::format("{}: output at {} follows {}", print(row.id), at, mark));
    // A gap declares what the node has dropped, which is never of the head or the tail that it keeps.
    const std::uint64_t written = starts.size() != 1                         ? 0
                                  : event.output.stream == OutputStream::out ? starts.front().out
                                                                             : starts.front().err;
    if (at > mark && ended && declared == 0 && !damaged && (mark < kHeadKept || at + kTailKept > written))
      fault(
          fmt::format("{}: output at {} follows {}, and nothing was dropped there", print(row.id), at, mark));
    missing += at - std::min(at, mark);
    mark = at;
    for (const char c : event.output.bytes) {
      if (c != output_at(row.id, event.output.stream, mark++)) {
        fault(fmt::format("{}: another byte at {} than was written", print(row.id), mark - 1));
        break;
      }
    }
    mark = event.output.offset + event.output.bytes.size();
  }
  if (starts.size() != 1) return;
  const Witness::Start& truth = starts.front();
  if (stored.out > truth.out || stored.err > truth.err)
    return fault(fmt::format("{}: more output than was written", print(row.id)));
  if (!ended) return;
  if (row.end.out_bytes != truth.out || row.end.err_bytes != truth.err)
    fault(fmt::format("{}: {} and {} bytes declared, {} and {} written", print(row.id), row.end.out_bytes,
                      row.end.err_bytes, truth.out, truth.err));
  if (contains(row.end.reason, "its output is not kept")) return;
  if (damaged) return;
  missing += truth.out - stored.out + truth.err - stored.err;
  // The end of what was written is kept by every node, so what is not stored has to be declared lost, …
  if (declared == 0 && (stored.out != truth.out || stored.err != truth.err))
    fault(fmt::format("{}: {} and {} bytes stored, {} and {} written", print(row.id), stored.out, stored.err,
                      truth.out, truth.err));
  // … to the byte, where nothing was dropped besides.
  const bool whole = std::max(truth.out, truth.err) <= kHeadKept + kTailKept;
  if (whole && missing != declared)
    fault(fmt::format("{}: {} bytes are missing, {} declared lost", print(row.id), missing, declared));
}

void Oracle::judge_events(const TaskId& id, const Task& task) {
  std::map<RunId, RunState> last;
  bool done = false;
  for (const TaskEvent& event : task.events) {
    if (done) fault(fmt::format("task {}: event {} comes after done", id, event.number));
    done = done || event.kind == TaskEvent::Kind::done;
    if (event.kind != TaskEvent::Kind::state) continue;
    RunState& before = last.emplace(event.run.id, RunState::accepted).first->second;
    if (is_final(before) && before != event.run.state && before != RunState::unknown)
      fault(fmt::format("{}: told as {} after {}", print(event.run.id), octo::name_of(event.run.state),
                        octo::name_of(before)));
    before = event.run.state;
  }
  if (done != task.stored->outcome.has_value())
    fault(fmt::format("task {}: {} an outcome, {} done", id, done ? "without" : "with",
                      done ? "told as" : "not"));
  for (const RunRow& row : task.stored->runs) {
    const auto told = last.find(row.id);
    const bool late = contains(row.end.reason, "told after the task was over");
    if (is_final(row.state) && !late && (told == last.end() || told->second != row.state))
      fault(fmt::format("{} is {}, and listeners are not told", print(row.id), octo::name_of(row.state)));
  }
}

}  // namespace octo::sim
