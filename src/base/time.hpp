// SPDX-License-Identifier: MIT
// Time as a value. Nobody here asks what time it is: the Clock seam (async/clock.hpp) does.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace octo {

using namespace std::chrono_literals;

using Span = std::chrono::nanoseconds;

// CLOCK_BOOTTIME: monotonic, counts while the machine sleeps, never stepped. Comparable only within one boot.
struct BootClock {
  using duration = Span;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock, duration>;
  static constexpr bool is_steady = true;
};
using Instant = BootClock::time_point;

// UTC wall time: for display, records that people read, and certificates; never for deciding how long
// something took.
using WallTime = std::chrono::sys_time<Span>;

// "2026-01-31T12:00:00.123Z" (RFC 3339, milliseconds).
std::string print_wall(WallTime time);
std::optional<WallTime> parse_wall(std::string_view text);
// "2m42.48s", "3ms", "17µs": what a person reads, three significant units at most.
std::string print_span(Span span);

}  // namespace octo
