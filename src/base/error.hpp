// SPDX-License-Identifier: MIT
// What went wrong: one closed code for programs, one sentence for people. Context is added once per room on
// the way up.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace octo {

// Closed list; meaning and HTTP status of each are in spec/errors.md. The names are what travels.
enum class ErrorCode : std::uint8_t {
  invalid_argument = 1,
  unauthenticated,
  forbidden,
  not_found,
  conflict,
  too_large,
  unprocessable,
  exhausted,
  cancelled,
  unsupported,
  unavailable,
  timed_out,
  storage_full,
  corrupt,
  internal,
};

inline constexpr ErrorCode kErrorCodes[] = {
    ErrorCode::invalid_argument, ErrorCode::unauthenticated, ErrorCode::forbidden,     ErrorCode::not_found,
    ErrorCode::conflict,         ErrorCode::too_large,       ErrorCode::unprocessable, ErrorCode::exhausted,
    ErrorCode::cancelled,        ErrorCode::unsupported,     ErrorCode::unavailable,   ErrorCode::timed_out,
    ErrorCode::storage_full,     ErrorCode::corrupt,         ErrorCode::internal};

// "invalid_argument", …
std::string_view name_of(ErrorCode code);
std::optional<ErrorCode> find_error_code(std::string_view name);
// The one HTTP status of a code (RFC 9110; 499 for cancelled as web servers use it).
int http_status_of(ErrorCode code);

class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // "run command on pi3" + "connection reset" → "run command on pi3: connection reset".
  Error with(std::string_view step) && {
    message_.insert(0, fmt::format("{}: ", step));
    return std::move(*this);
  }
  Error with(std::string_view step) const& { return Error(*this).with(step); }

  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
};

}  // namespace octo
