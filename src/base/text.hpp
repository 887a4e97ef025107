// SPDX-License-Identifier: MIT
// Small words about text that every room needs; pure.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace octo {

// A strong text type: `struct TaskTag; using TaskId = Text<TaskTag>`. Made unchecked; rooms that accept input
// check first.
template <class Tag>
class Text {
 public:
  Text() = default;
  explicit Text(std::string value) : value_(std::move(value)) {}
  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend auto operator<=>(const Text&, const Text&) = default;

 private:
  std::string value_;
};

// Overwrites all that it has room for, also where nobody reads it any more, and leaves it empty.
void wipe(std::string& text) noexcept;

// Passwords, tokens, keys. Prints as *** and must be asked for its value. Its bytes are overwritten when it
// goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) { wipe(value); }
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { wipe(other.value_); }
  Secret& operator=(const Secret& other) {
    if (this != &other) *this = Secret(other);
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    value_.swap(other.value_);
    wipe(other.value_);
    return *this;
  }
  ~Secret() { wipe(value_); }
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
bool is_utf8(std::string_view text);
// Decimal, whole text, in range; nothing else.
std::optional<std::int64_t> parse_number(std::string_view text);
Result<Sha256> parse_sha256(std::string_view hex);
std::string print_base64(BytesView bytes);
std::optional<Bytes> parse_base64(std::string_view text);
// What the reader probably meant: the candidate within edit distance 2 (or a third of its length), else
// nothing.
std::optional<std::string> find_nearest(std::string_view word, std::span<const std::string> candidates);
// For messages: control characters escaped, quotes around, cut after 120 bytes.
std::string quote(std::string_view text);
// CRC-32C (Castagnoli), as our record formats use it.
std::uint32_t crc32c(BytesView bytes, std::uint32_t seed = 0);

}  // namespace octo

template <class Tag>
struct fmt::formatter<octo::Text<Tag>> : fmt::formatter<std::string_view> {
  auto format(const octo::Text<Tag>& text, format_context& context) const {
    return fmt::formatter<std::string_view>::format(text.str(), context);
  }
};
template <>
struct fmt::formatter<octo::Secret> : fmt::formatter<std::string_view> {
  auto format(const octo::Secret&, format_context& context) const {
    return fmt::formatter<std::string_view>::format("***", context);
  }
};
template <class Tag>
struct std::hash<octo::Text<Tag>> {
  std::size_t operator()(const octo::Text<Tag>& text) const { return std::hash<std::string>{}(text.str()); }
};
