// SPDX-License-Identifier: MIT
#include "api/names.hpp"

#include <algorithm>

#include "api/values.hpp"

namespace octo::api {

template <>
inline constexpr std::string_view kRecordName<NameEntry> = "NameEntry";
void describe(auto& io, Of<NameEntry> auto& entry) {
  io.required("key", entry.key);
  io.optional("type", entry.type);
  io.required("value", entry.value);
  io.optional("description", entry.description);
  io.optional("ttl", entry.ttl_ms);
}
template <>
inline constexpr std::string_view kRecordName<NameEntries> = "NameEntries";
void describe(auto& io, Of<NameEntries> auto& entries) {
  io.required("entries", entries.entries);
  io.optional("next", entries.next);
}
template <>
inline constexpr std::string_view kRecordName<NameSummary> = "NameSummary";
void describe(auto& io, Of<NameSummary> auto& summary) {
  io.required("names", summary.names);
  io.required("queries", summary.queries);
  io.required("misses", summary.misses);
  io.required("registrations", summary.registrations);
  io.required("up_seconds", summary.up_seconds);
}

namespace {
constexpr std::string_view kMatches[] = {"all", "prefix", "suffix", "contain", "equal"};
}

std::string_view name_of(NameMatch match) { return kMatches[static_cast<std::size_t>(match)]; }
std::optional<NameMatch> find_name_match(std::string_view name) {
  const auto* const found = std::ranges::find(kMatches, name);
  if (found == std::end(kMatches)) return std::nullopt;
  return static_cast<NameMatch>(found - kMatches);
}

std::string encode(const NameEntry& record) { return encode_as(record); }
std::string encode(const NameEntries& record) { return encode_as(record); }
std::string encode(const NameSummary& record) { return encode_as(record); }
Result<NameEntry> decode_name_entry(std::string_view json) { return decode_as<NameEntry>(json); }
Result<NameEntries> decode_name_entries(std::string_view json) { return decode_as<NameEntries>(json); }
Result<NameSummary> decode_name_summary(std::string_view json) { return decode_as<NameSummary>(json); }

}  // namespace octo::api
