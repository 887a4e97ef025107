// SPDX-License-Identifier: MIT
#include "octl/print/table.hpp"

#include <algorithm>
#include <array>

#include "octl/print/visible.hpp"

namespace octo::octl {

namespace {

std::string in_colour(std::string_view text, std::string_view code, Colour colour) {
  return colour == Colour::on ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

std::string paint_cell(const std::string& cell, Colour colour) {
  constexpr std::array<std::string_view, 3> kGood = {"online", "succeeded", "ok"};
  constexpr std::array<std::string_view, 9> kBad = {
      "offline", "failed", "rejected", "timed_out", "expired", "unknown", "interrupted", "lost", "cancelled"};
  constexpr std::array<std::string_view, 5> kMiddling = {"suspect", "running", "queued", "delivered",
                                                         "partial"};
  if (std::ranges::find(kGood, cell) != kGood.end()) return paint(cell, Mood::good, colour);
  if (std::ranges::find(kBad, cell) != kBad.end()) return paint(cell, Mood::bad, colour);
  if (std::ranges::find(kMiddling, cell) != kMiddling.end()) return paint(cell, Mood::middling, colour);
  return cell;
}

}  // namespace

std::string paint(std::string_view text, std::size_t n, Colour colour) {
  constexpr std::array<std::string_view, 6> kCodes = {"36", "35", "34", "33", "32", "96"};
  return in_colour(text, kCodes[n % kCodes.size()], colour);
}

std::string paint(std::string_view text, Mood mood, Colour colour) {
  switch (mood) {
    case Mood::good: return in_colour(text, "32", colour);
    case Mood::bad: return in_colour(text, "31", colour);
    case Mood::middling: return in_colour(text, "33", colour);
    case Mood::quiet: return in_colour(text, "2", colour);
  }
  return std::string(text);
}

std::string print(const Table& table, Colour colour) {
  std::vector<std::vector<std::string>> lines = {table.head};
  lines.insert(lines.end(), table.rows.begin(), table.rows.end());
  std::vector<std::size_t> widths(table.head.size(), 0);
  for (auto& line : lines) {
    line.resize(widths.size());
    for (std::size_t i = 0; i < line.size(); ++i) {
      line[i] = visible_line(line[i]);
      widths[i] = std::max(widths[i], width_of(line[i]));
    }
  }
  std::string out;
  for (std::size_t n = 0; !table.rows.empty() && n < lines.size(); ++n) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string& cell = lines[n][i];
      out += n == 0 ? paint(cell, Mood::quiet, colour) : paint_cell(cell, colour);
      if (i + 1 < widths.size()) out.append(widths[i] - width_of(cell) + 2, ' ');
    }
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
  }
  for (const std::string& line : table.foot) out += visible_line(line) + '\n';
  return out;
}

std::string print_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace octo::octl
