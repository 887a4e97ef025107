// SPDX-License-Identifier: MIT
#include "nameserver/rules.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/json.hpp"
#include "base/text.hpp"
#include "io/net/stream.hpp"

namespace octo::nameserver {

namespace {

bool is_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // from_chars reads "nan" and "inf" too; no JSON reader takes those for numbers.
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
}

bool is_array(std::string_view text) {
  auto document = api::JsonDocument::parse(text);
  return document && document->root().each_item([](const api::JsonReader&) {}) && !document->fault();
}

Result<void> check_value(const api::NameEntry& entry) {
  const auto wrong = [&](std::string_view expected) {
    return fail(ErrorCode::invalid_argument, "name {}: the value of type {} must be {}, not {}",
                quote(entry.key), entry.type, expected, quote(entry.value));
  };
  if (entry.type == "addr" && !net::parse_endpoint(entry.value)) return wrong("host:port");
  if (entry.type == "num" && !is_number(entry.value)) return wrong("a number");
  if (entry.type == "array" && !is_array(entry.value)) return wrong("a JSON array");
  return {};
}

}  // namespace

Result<void> check_entry(const api::NameEntry& entry) {
  if (entry.key.size() > kKeyBytesMax)
    return fail(ErrorCode::too_large, "a name of {} bytes, {} at most", entry.key.size(), kKeyBytesMax);
  const bool plain = std::ranges::all_of(entry.key, [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain || entry.key.find('.', 1) == std::string::npos || entry.key.front() == '.' ||
      entry.key.back() == '.') {
    return fail(ErrorCode::invalid_argument,
                "{} is no name: write <brain>.<what>, in printable ASCII without spaces", quote(entry.key));
  }
  const auto bounded = [&](std::string_view what, std::size_t bytes, std::size_t most) -> Result<void> {
    if (bytes <= most) return {};
    return fail(ErrorCode::too_large, "name {}: a {} of {} bytes, {} at most", quote(entry.key), what, bytes,
                most);
  };
  OCTO_TRY(bounded("value", entry.value.size(), kValueBytesMax));
  OCTO_TRY(bounded("description", entry.description.size(), kDescriptionBytesMax));
  constexpr std::string_view kTypes[] = {"", "str", "addr", "num", "array"};
  if (std::ranges::find(kTypes, entry.type) == std::end(kTypes)) {
    return fail(ErrorCode::invalid_argument, "name {}: type {} is none of addr, num, str, array",
                quote(entry.key), quote(entry.type));
  }
  if (entry.ttl_ms > kTtlMsMax) {
    return fail(ErrorCode::invalid_argument,
                "name {}: a ttl of {} ms, {} at most; a negative one means for ever", quote(entry.key),
                entry.ttl_ms, kTtlMsMax);
  }
  return check_value(entry);
}

std::optional<Span> life_of(const api::NameEntry& entry) {
  if (entry.ttl_ms < 0) return std::nullopt;
  return entry.ttl_ms == 0 ? kTtlDefault : std::chrono::milliseconds(entry.ttl_ms);
}

Result<void> check_writer(const std::optional<crypto::Identity>& writer, std::string_view key) {
  if (!writer)
    return fail(ErrorCode::unauthenticated,
                "names are written with the certificate of their Brain; none was shown");
  if (writer->role != crypto::Role::brain) {
    return fail(ErrorCode::forbidden, "names are written by Brains; this certificate is of {} {}",
                name_of(writer->role), quote(writer->name));
  }
  // The whole first word: neither "b" for "brain.x" nor "brain.x" for "brain.x.y".
  if (!key.contains('.') || key.substr(0, key.find('.')) != writer->name) {
    return fail(ErrorCode::forbidden, "Brain {} may write names that begin with \"{}.\", and not {}",
                quote(writer->name), writer->name, quote(key));
  }
  return {};
}

bool fits(api::NameMatch match, std::string_view text, std::string_view key) {
  switch (match) {
    case api::NameMatch::all: return true;
    case api::NameMatch::prefix: return key.starts_with(text);
    case api::NameMatch::suffix: return key.ends_with(text);
    case api::NameMatch::contain: return key.find(text) != std::string_view::npos;
    case api::NameMatch::equal: return key == text;
  }
  return false;
}

}  // namespace octo::nameserver
