// SPDX-License-Identifier: MIT
// Log lines to stderr, to files that roll by day and size, or both. spdlog stays behind this header.
// A line is one sentence; who returns an error does not log it.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace octo::log {

enum class Level { debug, info, warning, error };

struct To {
  std::string folder;          // empty: no file
  std::string prefix = "log";  // <folder>/<prefix>_YYYY_MM_DD.log
  int keep_days = 3;           // older files go at start and at every day's change
  bool terminal = false;       // also to stderr
  std::string program;
};
Result<void> open(const To& to);  // until then lines go to stderr
void set_level(Level level);
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace octo::log
