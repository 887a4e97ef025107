// SPDX-License-Identifier: MIT
#include "octl/quantity.hpp"

#include <array>
#include <limits>

#include "base/text.hpp"

namespace octo::octl {

std::optional<Span> parse_span(std::string_view text) {
  if (text == "0") return Span::zero();
  constexpr std::array<std::pair<std::string_view, Span>, 7> kUnits = {
      {{"us", 1us}, {"µs", 1us}, {"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}, {"d", 24h}}};
  for (const auto& [unit, span] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto count = parse_number(text.substr(0, text.size() - unit.size()));
    if (!count || *count < 0 || *count > Span::max() / span) return std::nullopt;
    return *count * span;
  }
  return std::nullopt;
}

std::optional<Span> parse_delay(std::string_view text) {
  const auto seconds = parse_number(text);
  if (!seconds) return parse_span(text);
  if (*seconds < 0 || *seconds > Span::max() / Span(1s)) return std::nullopt;
  return *seconds * Span(1s);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  if (text.ends_with("iB") && text.size() > 2 && kUnits.contains(text[text.size() - 3]))
    text.remove_suffix(2);
  std::uint64_t unit = 1;
  if (!text.empty() && kUnits.contains(text.back())) {
    unit <<= 10 * (kUnits.find(text.back()) + 1);
    text.remove_suffix(1);
  }
  const auto count = parse_number(text);
  const auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!count || *count < 0 || static_cast<std::uint64_t>(*count) > most / unit) return std::nullopt;
  return static_cast<std::uint64_t>(*count) * unit;
}

}  // namespace octo::octl
