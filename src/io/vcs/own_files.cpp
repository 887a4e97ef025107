// SPDX-License-Identifier: MIT
#include "io/vcs/own_files.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace octo::vcs {

namespace {

constexpr std::size_t kAttributesLineMax = 2048;  // git's ATTR_MAX_LINE_LENGTH

std::optional<std::string> judge_attributes(BytesView content) {
  std::size_t number = 0;
  for (const std::string& line : split(content, '\n')) {
    ++number;
    if (line.size() > kAttributesLineMax)
      return fmt::format("line {} has {} bytes, and git reads {} at most", number, line.size(),
                         kAttributesLineMax);
  }
  return std::nullopt;
}

bool leads_up(std::string_view name) {
  std::string parts(name);
  std::ranges::replace(parts, '\\', '/');
  const auto all = split(parts, '/');
  return std::ranges::find(all, "..") != all.end();
}

bool holds_line_end(std::string_view url) {
  const std::string seen = lower(url);
  return seen.find_first_of("\r\n") != std::string::npos || seen.contains("%0a") || seen.contains("%0d");
}

// "../../:x" and "..//x" take the place of a host when they are resolved.
bool escapes_its_root(std::string_view url) {
  bool up = false;
  const auto skip = [&](std::string_view step) {
    for (const char separator : {'/', '\\'}) {
      if (!url.starts_with(std::string(step) + separator)) continue;
      url.remove_prefix(step.size() + 1);
      return true;
    }
    return false;
  };
  while (true) {
    if (skip("..")) up = true;
    else if (!skip(".")) break;
  }
  return up && !url.empty() && (url.front() == ':' || url.front() == '/' || url.front() == '\\');
}

// What git hands to curl must name a host.
bool lacks_host(std::string_view url) {
  bool to_curl = false;
  for (const std::string_view scheme : {"http", "https", "ftp", "ftps"}) {
    if (url.starts_with(std::string(scheme) + "::")) {
      url.remove_prefix(scheme.size() + 2);
      to_curl = true;
      break;
    }
    to_curl = to_curl || url.starts_with(std::string(scheme) + "://");
  }
  if (!to_curl) return false;
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return true;
  std::string_view host = url.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  const std::size_t at = host.rfind('@');
  if (at != std::string_view::npos) host.remove_prefix(at + 1);
  return host.empty() || host.front() == ':';
}

std::optional<std::string> judge_value(std::string_view key, std::string_view value) {
  if (key == "update" && value.starts_with('!')) return "update is a command";
  if (key == "path" && value.starts_with('-')) return "path looks like an option";
  if (key != "url") return std::nullopt;
  if (value.starts_with('-')) return "url looks like an option";
  if (holds_line_end(value)) return "url holds a line's end";
  if (escapes_its_root(value) || lacks_host(value)) return "url is none that git takes";
  return std::nullopt;
}

// git's configuration language, as far as it matters here: a line at a time, continued by a '\' at its end.
class Lines {
 public:
  explicit Lines(BytesView text) : left_(text) {}
  bool more() const { return !left_.empty(); }
  char take() {
    const char c = left_.front();
    left_.remove_prefix(1);
    if (c != '\r' || left_.empty() || left_.front() != '\n') return c;
    left_.remove_prefix(1);
    return '\n';
  }
  char peek() const { return left_.empty() ? '\n' : left_.front(); }

 private:
  BytesView left_;
};

// After the '[': the quoted name in it, or nothing.
std::string read_section(Lines& lines) {
  std::string name;
  bool quoted = false;
  while (lines.more()) {
    char c = lines.take();
    if (c == '\n' || (c == ']' && !quoted)) break;
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted) {
      if (c == '\\' && lines.more()) c = lines.take();
      name += c;
    }
  }
  return name;
}

// After the '=': without quotes, comments and the blanks at both ends.
std::string read_value(Lines& lines) {
  std::string value;
  std::size_t kept = 0;  // up to here nothing is trimmed
  bool quoted = false;
  while (lines.more()) {
    char c = lines.take();
    if (c == '\n') break;
    if (!quoted && (c == '#' || c == ';')) {
      while (lines.more() && lines.take() != '\n') {
      }
      break;
    }
    if (c == '"') {
      quoted = !quoted;
      continue;
    }
    const bool blank = !quoted && (c == ' ' || c == '\t');
    if (blank && value.empty()) continue;
    if (c == '\\' && lines.more()) {
      c = lines.take();
      if (c == '\n') continue;
      if (c == 'n') c = '\n';
      if (c == 't') c = '\t';
      if (c == 'b') c = '\b';
    }
    value += c;
    if (!blank) kept = value.size();
  }
  value.resize(kept);
  return value;
}

std::optional<std::string> judge_modules(BytesView content) {
  if (content.starts_with("\xef\xbb\xbf")) content.remove_prefix(3);
  Lines lines(content);
  std::string key;
  while (lines.more()) {
    const char c = lines.take();
    if (c == '[') {
      const std::string name = read_section(lines);
      if (leads_up(name)) return fmt::format("the name {} leads out of .git/modules", quote(name));
      key.clear();
    } else if (c == '=') {
      const std::string value = read_value(lines);
      if (auto reason = judge_value(lower(trim(key)), value)) return reason;
      key.clear();
    } else if (c == '\n') {
      key.clear();
    } else if (c == '#' || c == ';') {
      while (lines.more() && lines.peek() != '\n') (void)lines.take();
    } else {
      key += c;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> fsck_refuses(std::string_view name, BytesView content) {
  if (name == ".gitattributes") return judge_attributes(content);
  if (name == ".gitmodules") return judge_modules(content);
  return std::nullopt;
}

}  // namespace octo::vcs
