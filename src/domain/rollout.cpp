// SPDX-License-Identifier: MIT
#include "domain/rollout.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace octo {

std::string_view name_of(OfflineRule rule) {
  switch (rule) {
    case OfflineRule::queue: return "queue";
    case OfflineRule::skip: return "skip";
    case OfflineRule::fail: return "fail";
  }
  return "queue";
}

std::optional<OfflineRule> find_offline_rule(std::string_view name) {
  for (const OfflineRule rule : {OfflineRule::queue, OfflineRule::skip, OfflineRule::fail}) {
    if (name_of(rule) == name) return rule;
  }
  return std::nullopt;
}

std::size_t Share::of(std::size_t count) const { return percent ? count * value / 100 : value; }

std::string print(const Share& share) { return fmt::format("{}{}", share.value, share.percent ? "%" : ""); }

Result<Share> parse_share(std::string_view text) {
  constexpr std::int64_t kNumberMax = 1'000'000;
  Share share;
  share.percent = text.ends_with('%');
  const auto number = parse_number(share.percent ? text.substr(0, text.size() - 1) : text);
  if (!number || *number < 0 || *number > (share.percent ? 100 : kNumberMax)) {
    return fail(ErrorCode::invalid_argument,
                "{}: expected a number of nodes like 5, or a part of them like 20%", quote(text));
  }
  share.value = static_cast<std::uint32_t>(*number);
  return share;
}

Advance advance(const Rollout& rollout, const TaskBoard& board) {
  std::size_t nodes = 0, active = 0, failed = 0;
  for (const auto& [state, count] : board.counts()) {
    nodes += count;
    if (state == RunState::accepted) continue;
    if (!is_final(state)) active += count;
    else if (state != RunState::succeeded) failed += count;
  }
  Advance next;
  const auto& waiting = board.waiting();
  if (waiting.empty()) return next;
  if (rollout.max_fail && failed > rollout.max_fail->of(nodes)) {
    next.give_up.assign(waiting.begin(), waiting.end());
    next.why = fmt::format("not started: {} of {} nodes did not succeed, {} may", failed, nodes,
                           print(*rollout.max_fail));
    return next;
  }
  const std::size_t at_once = rollout.batch ? std::max<std::size_t>(rollout.batch->of(nodes), 1) : nodes;
  for (const RunId& id : waiting) {
    if (active + next.begin.size() >= at_once) break;
    next.begin.push_back(id);
  }
  return next;
}

std::optional<RunId> next_attempt(const Rollout& rollout, const RunId& id, RunState ended) {
  if (ended != RunState::failed && ended != RunState::timed_out) return std::nullopt;
  if (id.attempt > rollout.retries) return std::nullopt;
  RunId next = id;
  ++next.attempt;
  return next;
}

}  // namespace octo
