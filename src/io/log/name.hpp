// SPDX-License-Identifier: MIT
// Names of log files: <prefix>_YYYY_MM_DD.log, then <prefix>_YYYY_MM_DD_2.log and so on. Private to the room.
#pragma once
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace octo::log {

std::string day_of(std::time_t time);  // "2026_01_31", local time

struct FileName {
  std::string name;
  std::string day;
  int part = 1;
};
// Nothing for a name that is none of ours.
std::optional<FileName> parse_name(std::string_view name, std::string_view prefix);
bool comes_before(const FileName& left, const FileName& right);
// Those of a folder, the oldest first.
std::vector<FileName> list_files(const std::string& folder, const std::string& prefix);

}  // namespace octo::log
