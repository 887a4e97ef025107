// SPDX-License-Identifier: MIT
#include "io/log/name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "base/text.hpp"

namespace octo::log {

std::string day_of(std::time_t time) {
  std::tm parts{};
  ::localtime_r(&time, &parts);
  return fmt::format("{:04}_{:02}_{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::optional<FileName> parse_name(std::string_view name, std::string_view prefix) {
  constexpr std::string_view kForm = "0000_00_00", kEnd = ".log";
  FileName file{std::string(name), "", 1};
  if (!name.starts_with(prefix) || !name.ends_with(kEnd)) return std::nullopt;
  name = name.substr(prefix.size(), name.size() - prefix.size() - kEnd.size());
  if (name.size() < 1 + kForm.size() || name[0] != '_') return std::nullopt;
  file.day = name.substr(1, kForm.size());
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = file.day[i] >= '0' && file.day[i] <= '9';
    if (kForm[i] == '0' ? !digit : file.day[i] != kForm[i]) return std::nullopt;
  }
  name.remove_prefix(1 + kForm.size());
  if (name.empty()) return file;
  const auto part = name[0] == '_' ? parse_number(name.substr(1)) : std::nullopt;
  if (!part || *part < 2 || *part > 1'000'000) return std::nullopt;
  file.part = static_cast<int>(*part);
  return file;
}

bool comes_before(const FileName& left, const FileName& right) {
  return std::tie(left.day, left.part) < std::tie(right.day, right.part);
}

std::vector<FileName> list_files(const std::string& folder, const std::string& prefix) {
  std::vector<FileName> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (auto file = parse_name(entry.path().filename().string(), prefix)) files.push_back(std::move(*file));
  }
  std::ranges::sort(files, comes_before);
  return files;
}

}  // namespace octo::log
