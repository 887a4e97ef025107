// SPDX-License-Identifier: MIT
#include "io/http/message.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace octo::http {

namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A JSON string. The whole of the JSON that this room writes is an error's.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : is_utf8(text) ? text : std::string_view("an error that is not UTF-8")) {
    if (c == '"' || c == '\\') out += fmt::format("\\{}", c);
    else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", c);
    else out.push_back(c);
  }
  return out + '"';
}

}  // namespace

Reply problem_reply(int status, const Error& error) {
  std::string title(name_of(error.code()));
  std::ranges::replace(title, '_', ' ');
  return {status,
          {{"content-type", "application/problem+json"}},
          fmt::format(
              R"({{"type":"urn:octopoda:error:{0}","title":"{1}","status":{2},"detail":{3},"code":"{0}"}})",
              name_of(error.code()), title, status, quoted(error.message())),
          nullptr};
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || digit_of(text[i + 1]) < 0 || digit_of(text[i + 2]) < 0) return std::nullopt;
    out.push_back(static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2])));
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                            c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) out.push_back(c);
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace octo::http
