// SPDX-License-Identifier: MIT
// The time between a run's acceptance and its start.
#pragma once
#include <sys/types.h>

#include "base/time.hpp"

namespace octo::runner {

// The agent, which started this process, as a descriptor that turns readable when it is gone; -1: it is gone
// already.
int watch_agent(pid_t agent);

inline constexpr const char* kOrphaned = "its agent ended, and it was tied to it";
inline constexpr const char* kOrphanedUnstarted =
    "its agent ended before it was started, and it was tied to it";

enum class Armed { due, cancelled, orphaned };
// Until `start` on the boot clock, SIGTERM, or the end of the agent (`agent`: -1 is never).
Armed wait_armed(Instant start, int agent);

}  // namespace octo::runner
