// SPDX-License-Identifier: MIT
// What spec/time.md promises of runs that start together, and of those that wait for each other.
#include <algorithm>

#include "base/text.hpp"
#include "oracle.hpp"

namespace octo::sim {

namespace {

using Kind = Witness::Incident::Kind;

// So much time a Brain that is back needs to tell a node that is back too.
constexpr Span kTellWithin = 100ms;
// Of a group whose members are late: what the quartzes drift apart meanwhile, as parts of it.
constexpr std::int64_t kDriftParts = 2000;

std::string print(const RunId& run) { return fmt::format("{} on {}", local_name(run), run.node); }

// A group as it really fared.
struct Group {
  Group(const Witness& what, const TaskId& id, const brain::StoredTask& stored, bool is_tied)
      : witness(what), task(id), tied(is_tied) {
    for (const RunRow& row : stored.runs) {
      if (row.end.reason.find("is skipped as asked") != std::string::npos) continue;
      if (const Witness::Start* start = start_of(row.id)) started.emplace_back(&row, start);
      else idle.push_back(&row);
    }
  }
  const Witness::Start* start_of(const RunId& run) const {
    const auto found = witness.starts.find(run);
    return found == witness.starts.end() || found->second.empty() ? nullptr : &found->second.front();
  }
  Witness::Told told(const RunId& run) const {
    const auto found = witness.told.find(run);
    return found == witness.told.end() ? Witness::Told() : found->second;
  }
  bool happened(const RunId& run, std::initializer_list<Kind> kinds, Instant from, Instant until) const {
    return std::ranges::any_of(witness.incidents, [&](const Witness::Incident& incident) {
      const bool its =
          incident.who == run.node.str() && (incident.run.empty() || incident.run == local_name(run));
      return its && std::ranges::count(kinds, incident.kind) > 0 && incident.from <= until &&
             incident.until >= from;
    });
  }
  bool agent_died(const std::string& machine, Instant from, Instant until) const {
    const auto [first, last] = witness.agent_deaths.equal_range(machine);
    return std::any_of(first, last,
                       [&](const auto& death) { return death.second >= from && death.second <= until; });
  }
  // When the Brain that died had the node again, in time to tell it. "With a decision stored it tells all
  // again as soon as all are back, and nobody before" (spec/time.md): a node that cannot keep which Brain it
  // obeys breaks off, and is not back.
  std::vector<Instant> back(const RunId& run, Instant died, Instant due) const {
    std::vector<Instant> found;
    const auto [first, last] = witness.sessions.equal_range(run.node);
    for (auto session = first; session != last; ++session) {
      const Instant at = session->second;
      const bool in_time = at > died && at < due - kTellWithin;
      if (in_time && !happened(run, {Kind::disk}, at, at + kTellWithin)) found.push_back(at);
    }
    return found;
  }
  std::optional<Instant> brain_died(Instant from, Instant until) const {
    for (const Witness::Incident& incident : witness.incidents) {
      if (incident.who.empty() && incident.from >= from && incident.from <= until) return incident.from;
    }
    return std::nullopt;
  }

  const Witness& witness;
  const TaskId task;
  const bool tied;  // each run to its agent
  std::vector<std::pair<const RunRow*, const Witness::Start*>> started;
  std::vector<const RunRow*> idle;
};

// The window of spec/time.md's "what is not promised", as strictly as it can be judged: of each run that did
// not start there has to be a reason, and each reason begins only when the faults before it would have ended
// in "none":
// - an operator cancelled the task before the instant, or before its machine, busy just then, came to it;
// - its node, its runner, or the agent that it is tied to, died or slept after it had promised to start.
//   (Before, the Brain does not hear the promise, and calls off the others in time.) "A run that is tied
//   ends, as by a cancel, when the agent that started it is gone" (spec/run-record.md): the agent of the
//   machine that promised, which may be another one under the node's name;
// - the Brain died after the decision and before the run had heard of it, and did not have the node again in
//   time to tell it;
// - it was called off, or never told, and none of those that started could be called off: to each the link,
//   its agent or the Brain failed between its hearing `go` and its start.
bool may_be_idle(const Group& group, const RunId& run) {
  const Witness::Told told = group.told(run);
  const Instant decided = group.witness.decided.at(group.task).first;
  // The instant by the latest of their clocks, of which its own may be one: the skew that they accept apart.
  Instant due = told.due;
  for (const auto& [row, start] : group.started) due = std::max({due, group.told(row->id).due, start->at});
  if (const auto cancel = group.witness.cancels.find(group.task);
      cancel != group.witness.cancels.end() && cancel->second <= due + kBusyMost)
    return true;
  if (told.going && group.happened(run, {Kind::death, Kind::stall}, *told.going, due)) return true;
  if (told.going && group.tied && group.agent_died(told.machine, *told.going, due + kBusyMost)) return true;
  if (const auto died = group.brain_died(decided, due); died && (!told.go || *told.go > *died)) {
    if (group.back(run, *died, due).empty()) return true;
  }
  return std::ranges::all_of(group.started, [&](const auto& one) {
    const auto& [row, start] = one;
    const Instant go = group.told(row->id).go.value_or(start->at);
    return group.happened(row->id, {Kind::link, Kind::death}, go, start->at) ||
           group.brain_died(go, start->at);
  });
}

// The Brain had the node again in time after its restart.
bool was_back(const Group& group, const RunId& run, Instant died) {
  const Witness::Told told = group.told(run);
  return told.yes && !group.happened(run, {Kind::link, Kind::death, Kind::stall}, *told.yes, told.due) &&
         std::ranges::any_of(group.back(run, died, told.due),
                             [&](Instant at) { return !group.brain_died(at, told.due); });
}

// As long as one of them is away, nobody is told.
bool had_to_be_told(const Group& group, const RunId& run, const std::vector<RunRow>& all) {
  const Witness::Told told = group.told(run);
  if (!told.yes || told.off || (told.go && *told.go <= told.due)) return false;
  const auto died = group.brain_died(group.witness.decided.at(group.task).first, told.due);
  const auto cancel = group.witness.cancels.find(group.task);
  if (!died || (cancel != group.witness.cancels.end() && cancel->second <= told.due)) return false;
  return std::ranges::all_of(all, [&](const RunRow& row) { return was_back(group, row.id, *died); });
}

// The one it was started with, if it is known.
std::optional<StartMark> mark_of(const RunRow& row) { return row.end.start ? row.end.start : row.start; }

}  // namespace

void Oracle::judge_together(const TaskId& id, const Task& task, const Witness& witness) {
  if (!task.plan->together || task.plan->nodes.size() < 2) return;
  const Group group(witness, id, *task.stored, task.plan->tie);
  const auto decision = witness.decided.find(id);
  const bool decided = decision != witness.decided.end() && decision->second.first != Instant{};
  for (const RunRow& row : task.stored->runs) {
    const Witness::Told told = group.told(row.id);
    if (told.go && (!decided || *told.go < decision->second.first))
      fault(fmt::format("{} was told to go, and that was not decided yet", print(row.id)));
    if (!told.broken.empty())
      fault(fmt::format("{} had said yes, and does not keep to it: {}", print(row.id), told.broken));
  }
  for (const auto& [row, start] : group.started) {
    const Witness::Told told = group.told(row->id);
    if (!told.go || *told.go > start->at)
      fault(fmt::format("{} started, and nobody had told it", print(row->id)));
    if (told.off && *told.off < start->at)
      fault(fmt::format("{} was called off, and started {} later", print(row->id),
                        print_span(start->at - *told.off)));
  }
  ++(group.started.empty() ? groups_.none : group.idle.empty() ? groups_.whole : groups_.part);
  if (!decided) return;
  for (const RunRow* row : group.idle) {
    if (!group.started.empty() && !may_be_idle(group, row->id))
      fault(fmt::format("{} is {} ({}), and {} started", print(row->id), octo::name_of(row->state),
                        row->end.reason, print(group.started.front().first->id)));
  }
  for (const RunRow& row : task.stored->runs) {
    if (task.plan->tie) break;  // the next Brain ends it
    if (had_to_be_told(group, row.id, task.stored->runs))
      fault(
          fmt::format("{} was decided to start, and the Brain that is back does not tell it", print(row.id)));
  }
  judge_marks(task, decision->second.brain, group.started);
}

// What is told of the starts holds on the Brain's clock, and the clocks were as near as was asked for.
void Oracle::judge_marks(const Task& task, const Quartz& brain,
                         const std::vector<std::pair<const RunRow*, const Witness::Start*>>& started) {
  std::vector<StartMark> marks;
  std::vector<Instant> true_ones, instants;
  Span latest{};
  for (const auto& [row, start] : started) {
    const auto mark = mark_of(*row);
    const bool sure = row->state == RunState::succeeded || row->state == RunState::failed ||
                      row->state == RunState::timed_out || row->state == RunState::cancelled;
    if (sure && !mark) fault(fmt::format("{}: when it started is not told", print(row->id)));
    if (!mark) continue;
    const Instant truth = brain.at(start->at);
    const Span off = truth > mark->at ? truth - mark->at : mark->at - truth;
    if (off > mark->bound)
      fault(fmt::format("{}: its start is off by {} ns, {} late, ±{} ns were told", print(row->id),
                        (truth - mark->at).count(), print_span(mark->late), mark->bound.count()));
    marks.push_back(*mark);
    true_ones.push_back(truth);
    instants.push_back(truth - mark->late);
    latest = std::max(latest, mark->late);
  }
  if (marks.size() < 2) return;
  const auto spread = [](const std::vector<Instant>& of) {
    const auto [first, last] = std::ranges::minmax(of);
    return last - first;
  };
  const Skew told = skew_of(marks);
  const Span truth = spread(true_ones);
  const Span off = truth > told.skew ? truth - told.skew : told.skew - truth;
  if (off > told.bound)
    fault(fmt::format("{}: a skew of {} ±{} was told, it was {}", task.plan->key, print_span(told.skew),
                      print_span(told.bound), print_span(truth)));
  const Span apart = spread(instants);
  if (apart > task.plan->together->max_skew + latest / kDriftParts)
    fault(fmt::format("{}: by their clocks they started {} apart, {} were asked for", task.plan->key,
                      print_span(apart), print_span(task.plan->together->max_skew)));
}

void Oracle::judge_meeting(const TaskId& id, const Task& task, const Witness& witness) {
  const auto found = witness.barriers.find({id, kMeeting});
  if (found == witness.barriers.end()) return;
  const Witness::Barrier& barrier = found->second;
  std::optional<Instant> opened;
  for (const auto& [run, at] : barrier.passed) {
    opened = std::min(opened.value_or(at), at);
    for (const RunRow& row : task.stored->runs) {
      const auto came = barrier.came.find(row.id);
      if (came == barrier.came.end() || came->second > at)
        fault(fmt::format("{} passed the barrier, and {} had not come", print(run), row.id.node));
    }
  }
  for (const RunId& run : barrier.held_up)
    fault(fmt::format("{} had to wait at a barrier that was open", print(run)));
  for (const auto& refusal : barrier.refused) judge_refusal(task, refusal, opened, witness);
  // Once all have come, or are over, nobody waits any more.
  const bool all = std::ranges::all_of(task.stored->runs, [&](const RunRow& row) {
    return is_final(row.state) || barrier.came.contains(row.id);
  });
  for (const RunId& run : barrier.waits) {
    const auto starts = witness.starts.find(run);
    // On another machine of that name, whose agent is gone, there is nobody to be asked.
    const bool alive = starts != witness.starts.end() &&
                       std::ranges::any_of(starts->second, [&](const Witness::Start& start) {
                         return start.alive && start.machine == run.node.str();
                       });
    // Of one that was given up nobody is waited for, and its node may not be back yet.
    const bool given_up = std::ranges::any_of(task.stored->runs, [&](const RunRow& row) {
      return row.id == run && row.state == RunState::unknown;
    });
    if (all && alive && !given_up) fault(fmt::format("{} waits at the barrier for ever", print(run)));
  }
}

// Who is told that somebody will not come is told the truth; and once open, a barrier is open.
void Oracle::judge_refusal(const Task& task, const Witness::Barrier::Refusal& refusal,
                           std::optional<Instant> opened, const Witness& witness) {
  // Of a run that its agent or the Brain takes for over nothing is promised.
  if (refusal.why.find("that goes on") != std::string::npos) return;
  const Instant said = witness.barriers.at({refusal.run.task, kMeeting}).said(refusal);
  if (opened && said >= *opened)
    fault(fmt::format("{} is refused at a barrier that is open: {}", print(refusal.run), refusal.why));
  for (const RunRow& row : task.stored->runs) {
    const bool ended = refusal.why.find(fmt::format(": {} has ended", row.id.node)) != std::string::npos;
    const bool lost = refusal.why.find(fmt::format(": {} is lost", row.id.node)) != std::string::npos;
    const auto starts = witness.starts.find(row.id);
    const bool lives =
        starts != witness.starts.end() && std::ranges::any_of(starts->second, [&](const auto& start) {
          return start.at <= said && start.ended > said && !start.orphaned;
        });
    // Of one that was given up as unknown nobody knows; its end may come later.
    const bool given_up =
        refusal.why.find(fmt::format("({})", name_of(RunState::unknown))) != std::string::npos;
    if (ended && lives && !given_up)
      fault(fmt::format("{} is told that {} has ended ({}: {}), which runs", print(refusal.run), row.id.node,
                        name_of(row.state), row.end.reason));
    const auto [first, last] = witness.sessions.equal_range(row.id.node);
    const bool heard = std::any_of(first, last, [&](const auto& session) {
      return session.second <= said && session.second > said - limits::offline_after + 1s;
    });
    if (lost && heard)
      fault(fmt::format("{} is told that {} is lost, and the Brain has just heard of it: {}",
                        print(refusal.run), row.id.node, refusal.why));
  }
}

}  // namespace octo::sim
