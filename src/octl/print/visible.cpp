// SPDX-License-Identifier: MIT
#include "octl/print/visible.hpp"

#include <utility>

#include <fmt/format.h>

namespace octo::octl {

CodePoint next_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {.value = lead, .valid = true};
  const std::size_t bytes = lead >= 0xc2 && lead < 0xe0   ? 2
                            : (lead & 0xf0) == 0xe0       ? 3
                            : lead >= 0xf0 && lead < 0xf5 ? 4
                                                          : 0;
  if (bytes == 0) return {};
  char32_t value = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if (i == text.size()) return {.cut = true};
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3fU);
  }
  const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  if (overlong || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {};
  return {.value = value, .bytes = bytes, .valid = true};
}

bool steers(char32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
         point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

namespace {

enum class Lines { pass, written };

std::string print(std::string_view text, Lines lines) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = next_code_point(text);
    if (!point.valid) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(text[0]));
    } else if (lines == Lines::pass && (point.value == '\n' || point.value == '\t')) {
      out += text[0];
    } else if (lines == Lines::pass && text.starts_with("\r\n")) {
      // the line feed follows
    } else if (steers(point.value)) {
      if (point.value == '\n') out += "\\n";
      else if (point.value == '\t') out += "\\t";
      else if (point.value == '\r') out += "\\r";
      else if (point.value < 0x100)
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", std::uint32_t{point.value});
      else fmt::format_to(std::back_inserter(out), "\\u{:04x}", std::uint32_t{point.value});
    } else {
      out += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

}  // namespace

std::string Visible::feed(BytesView piece) {
  held_ += piece;
  std::size_t keep = 0;
  if (held_.ends_with('\r')) keep = 1;
  for (std::size_t tail = 1; keep == 0 && tail <= 3 && tail <= held_.size(); ++tail) {
    if (next_code_point(std::string_view(held_).substr(held_.size() - tail)).cut) keep = tail;
  }
  std::string out = visible(std::string_view(held_).substr(0, held_.size() - keep));
  held_.erase(0, held_.size() - keep);
  return out;
}

std::string Visible::finish() { return visible(std::exchange(held_, {})); }

std::string visible(std::string_view text) { return print(text, Lines::pass); }
std::string visible_line(std::string_view text) { return print(text, Lines::written); }

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<std::uint8_t>(c) & 0xc0) != 0x80 ? 1 : 0;
  return width;
}

}  // namespace octo::octl
