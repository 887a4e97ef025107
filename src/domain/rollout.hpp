// SPDX-License-Identifier: MIT
// How a task goes over its nodes: all at once or some at a time, how often again, and when it gives up. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "domain/task.hpp"

namespace octo {

// What becomes of targets that are offline when the task is accepted. queue: they run once they are back,
// until the delivery deadline. skip: they end as `expired` at once. fail: nothing begins anywhere.
enum class OfflineRule : std::uint8_t { queue, skip, fail };
std::string_view name_of(OfflineRule rule);
std::optional<OfflineRule> find_offline_rule(std::string_view name);

// "5" nodes, or "20%" of them.
struct Share {
  std::uint32_t value = 0;
  bool percent = false;
  // Of so many, rounded down.
  std::size_t of(std::size_t count) const;
  friend bool operator==(const Share&, const Share&) = default;
};
std::string print(const Share& share);
Result<Share> parse_share(std::string_view text);

inline constexpr std::uint32_t kRetriesMax = 100;  // more is a loop that belongs into the command

struct Rollout {
  OfflineRule on_offline = OfflineRule::queue;
  std::optional<Share> batch;     // so many nodes at a time, one at least; nothing: all
  std::optional<Share> max_fail;  // when more nodes than this did not succeed, no further one begins
  std::uint32_t retries = 0;      // of a run that failed or timed out, as a run of its own
  friend bool operator==(const Rollout&, const Rollout&) = default;
};

// What may begin now, as the board stands.
struct Advance {
  std::vector<RunId> begin;    // of those that are `accepted`
  std::vector<RunId> give_up;  // never to begin; why says the reason
  std::string why;
};
Advance advance(const Rollout& rollout, const TaskBoard& board);

// The next attempt of a run that ended so; nothing when it is not to be tried again.
std::optional<RunId> next_attempt(const Rollout& rollout, const RunId& id, RunState ended);

}  // namespace octo
