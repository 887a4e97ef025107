// SPDX-License-Identifier: MIT
// A run goes on whatever becomes of who asked for it, unless it is tied: then it ends with its caller's
// connection, with its Brain, and with its agent (spec/run-record.md).
#include <algorithm>

#include "base/text.hpp"
#include "oracle.hpp"

namespace octo::sim {

namespace {

using Kind = Witness::Incident::Kind;

constexpr Span kEndedWithin = limits::kill_grace + 1s;  // a stubborn program is killed
constexpr Span kFoundWithin = 5s;                       // that the Brain is gone

std::string print(const RunId& run) { return fmt::format("{} on {}", local_name(run), run.node); }

bool brain_died(const Witness& witness, Instant since) {
  return std::ranges::any_of(witness.incidents, [&](const Witness::Incident& incident) {
    return incident.who.empty() && incident.from >= since;
  });
}

// Something that may have parted the run from its agent, or its agent from the Brain.
bool was_parted(const Witness& witness, const RunId& run, Instant since) {
  return std::ranges::any_of(witness.incidents, [&](const Witness::Incident& incident) {
    return incident.who == run.node.str() && incident.until >= since;
  });
}

}  // namespace

void Oracle::judge_ties(const TaskId& id, const Task& task, const Witness& witness) {
  const bool tied = task.plan->tie;
  const bool parted = tied && (task.left || brain_died(witness, task.posted));
  const bool asked = witness.cancels.contains(id) || parted;
  for (const RunRow& row : task.stored->runs) {
    if (parted && !is_final(row.state)) fault(fmt::format("{} goes on without its caller", print(row.id)));
    // By a Brain whose reason ended with it, and had no room at the node.
    const auto told = witness.told.find(row.id);
    const bool unexplained = row.end.reason.contains("if a Brain before this one called it off, why is lost");
    const bool called_off = row.end.reason.starts_with("it had started when it was called off") ||
                            (unexplained && told != witness.told.end() && told->second.off);
    const bool excused = asked || called_off || (tied && was_parted(witness, row.id, task.posted));
    if (row.state == RunState::cancelled && !excused)
      fault(fmt::format("{} is cancelled ({}), and nobody asked for it", print(row.id), row.end.reason));
    const auto starts = witness.starts.find(row.id);
    if (!tied || starts == witness.starts.end()) continue;
    for (const Witness::Start& start : starts->second) judge_tied(row, start, witness);
  }
}

// As long as its runner lives.
void Oracle::judge_tied(const RunRow& row, const Witness::Start& start, const Witness& witness) {
  if (start.orphaned) return;
  const Instant ended = std::min(start.ended, trace_.now());
  const auto [first, last] = witness.agent_deaths.equal_range(start.machine);
  for (auto death = first; death != last; ++death) {
    if (death->second >= start.at && ended > death->second + kEndedWithin)
      fault(fmt::format("{} is tied, and outlives its agent by {}", print(row.id),
                        print_span(ended - death->second)));
  }
  const auto heard = witness.heard.find(start.machine);
  if (heard == witness.heard.end()) return;
  for (auto word = heard->second.begin(); word != heard->second.end(); ++word) {
    const Instant next = std::next(word) == heard->second.end() ? ended : *std::next(word);
    const Span silent = std::min(next, ended) - std::max(*word, start.at);
    if (next > start.at && silent > limits::offline_after + kFoundWithin + kEndedWithin)
      fault(fmt::format("{} is tied, and goes on {} without a word of the Brain", print(row.id),
                        print_span(silent)));
  }
}

}  // namespace octo::sim
