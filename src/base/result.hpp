// SPDX-License-Identifier: MIT
// Result<T>: a value or an Error. OCTO_TRY(expr) in functions, OCTO_CO_TRY(expr) in coroutines: the value, or return.
#pragma once
#include <expected>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace octo {

using Failure = std::unexpected<Error>;

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using Base = std::expected<T, Error>;
  using Base::Base;
  Result() = default;

  // Adds the step that failed; the value passes through.
  Result with(std::string_view step) && {
    if (!this->has_value()) return Result(Failure(std::move(this->error()).with(step)));
    return std::move(*this);
  }
};

template <class... Args>
Failure fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(Error(code, fmt::format(format, std::forward<Args>(args)...)));
}
inline Failure fail(Error error) { return Failure(std::move(error)); }

}  // namespace octo

// Statement expressions, because the value has to come out of the middle of an expression (docs/adr/0002).
#define OCTO_TRY(expression)                                                                              \
  ({                                                                                                      \
    auto octo_result_ = (expression);                                                                     \
    if (!octo_result_.has_value()) [[unlikely]] return ::octo::Failure(std::move(octo_result_).error()); \
    ::octo::detail::take(std::move(octo_result_));                                                        \
  })
#define OCTO_CO_TRY(expression)                                                                              \
  ({                                                                                                         \
    auto octo_result_ = (expression);                                                                        \
    if (!octo_result_.has_value()) [[unlikely]] co_return ::octo::Failure(std::move(octo_result_).error()); \
    ::octo::detail::take(std::move(octo_result_));                                                           \
  })

namespace octo::detail {
template <class T>
T take(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
template <class T>
T take(std::expected<T, Error>&& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace octo::detail
