// SPDX-License-Identifier: MIT
// The nameserver's records and their JSON (spec/nameserver.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace octo::api {

struct NameEntry {
  std::string key;   // "brain.octlFace.request"
  std::string type;  // addr, num, str, array
  std::string value;
  std::string description;
  std::int64_t ttl_ms = 0;  // 0: the default; negative: for ever
};
struct NameEntries {
  std::vector<NameEntry> entries;
  std::string next;  // of a list: where the next page begins, or ""
};
// How /list compares a key with the text it is given.
enum class NameMatch : std::uint8_t { all, prefix, suffix, contain, equal };
std::string_view name_of(NameMatch match);
std::optional<NameMatch> find_name_match(std::string_view name);

struct NameSummary {
  std::uint64_t names = 0, queries = 0, misses = 0, registrations = 0;
  std::int64_t up_seconds = 0;
};

std::string encode(const NameEntry&);
Result<NameEntry> decode_name_entry(std::string_view);
std::string encode(const NameEntries&);
Result<NameEntries> decode_name_entries(std::string_view);
std::string encode(const NameSummary&);
Result<NameSummary> decode_name_summary(std::string_view);

}  // namespace octo::api
