// SPDX-License-Identifier: MIT
#include "base/time.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace octo {

std::string print_wall(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::optional<WallTime> parse_wall(std::string_view text) {
  if (text.size() != 24 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text[19] != '.' || text[23] != 'Z') {
    return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t size) {
    return parse_number(text.substr(at, size)).value_or(-1);
  };
  const std::int64_t fields[] = {number(0, 4),  number(5, 2),  number(8, 2), number(11, 2),
                                 number(14, 2), number(17, 2), number(20, 3)};
  for (const std::int64_t field : fields) {
    if (field < 0) return std::nullopt;
  }
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(fields[0])),
                                         std::chrono::month(static_cast<unsigned>(fields[1])),
                                         std::chrono::day(static_cast<unsigned>(fields[2])));
  if (!date.ok() || fields[3] > 23 || fields[4] > 59 || fields[5] > 60) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(fields[3]) +
         std::chrono::minutes(fields[4]) + std::chrono::seconds(fields[5]) +
         std::chrono::milliseconds(fields[6]);
}

std::string print_span(Span span) {
  if (span < Span::zero()) return "-" + print_span(-span);
  const double seconds = std::chrono::duration<double>(span).count();
  if (span < 1us) return fmt::format("{}ns", span.count());
  if (span < 1ms) return fmt::format("{:.3g}µs", seconds * 1e6);
  if (span < 1s) return fmt::format("{:.3g}ms", seconds * 1e3);
  if (span < 1min) return fmt::format("{:.2f}s", seconds);
  const auto whole = std::chrono::floor<std::chrono::seconds>(span);
  const auto hours = std::chrono::floor<std::chrono::hours>(whole);
  const auto minutes = std::chrono::floor<std::chrono::minutes>(whole - hours);
  const auto rest = whole - hours - minutes;
  if (hours.count() == 0) return fmt::format("{}m{}s", minutes.count(), rest.count());
  if (hours.count() < 48) return fmt::format("{}h{}m{}s", hours.count(), minutes.count(), rest.count());
  return fmt::format("{}d{}h{}m", hours.count() / 24, hours.count() % 24, minutes.count());
}

}  // namespace octo
