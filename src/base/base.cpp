// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include "base/error.hpp"
#include "base/expects.hpp"

namespace octo {

void expectation_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "octopoda: bug: expected %s at %s:%d\n", condition, file, line);
  std::abort();
}

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::unauthenticated: return "unauthenticated";
    case ErrorCode::forbidden: return "forbidden";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::too_large: return "too_large";
    case ErrorCode::unprocessable: return "unprocessable";
    case ErrorCode::exhausted: return "exhausted";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::timed_out: return "timed_out";
    case ErrorCode::storage_full: return "storage_full";
    case ErrorCode::corrupt: return "corrupt";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

std::optional<ErrorCode> find_error_code(std::string_view name) {
  for (const ErrorCode code : kErrorCodes) {
    if (name_of(code) == name) return code;
  }
  return std::nullopt;
}

int http_status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return 400;
    case ErrorCode::unauthenticated: return 401;
    case ErrorCode::forbidden: return 403;
    case ErrorCode::not_found: return 404;
    case ErrorCode::conflict: return 409;
    case ErrorCode::too_large: return 413;
    case ErrorCode::unprocessable: return 422;
    case ErrorCode::exhausted: return 429;
    case ErrorCode::cancelled: return 499;
    case ErrorCode::unsupported: return 501;
    case ErrorCode::unavailable: return 503;
    case ErrorCode::timed_out: return 504;
    case ErrorCode::storage_full: return 507;
    case ErrorCode::corrupt: return 500;
    case ErrorCode::internal: return 500;
  }
  return 500;
}

}  // namespace octo
