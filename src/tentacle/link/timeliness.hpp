// SPDX-License-Identifier: MIT
// Whether an order may still be started. The Brain stamps it with its boot clock; how old it is by now
// follows from what this session's pings have measured of that clock. Pure.
#pragma once
#include <optional>

#include "domain/node.hpp"
#include "wire/messages.hpp"

namespace octo::tentacle {

enum class Timeliness : std::uint8_t {
  in_time,
  late,      // or so near to it that the clock cannot tell
  not_known  // ask again with a reading of the Brain's clock
};

// `session_begun`: before the Brain could have sent anything on the session that brought the order.
inline Timeliness judge(const wire::StartRun& order, Instant now, Instant session_begun,
                        const std::optional<ClockReading>& brain_clock) {
  if (order.start_within <= Span::zero()) return Timeliness::late;
  // No order is older than what it came on. Nearly all are judged here, and need no reading.
  if (!order.sent || now - session_begun <= order.start_within) return Timeliness::in_time;
  if (!brain_clock) return Timeliness::not_known;
  const Span age_most = now + brain_clock->offset + brain_clock->bound - *order.sent;
  return age_most <= order.start_within ? Timeliness::in_time : Timeliness::late;
}

}  // namespace octo::tentacle
