// SPDX-License-Identifier: MIT
// Result<T>: a value or an Error. OCTO_TRY(expr) in functions, OCTO_CO_TRY(expr) in coroutines: the value, or
// return.
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
// The counter keeps nested ones apart.
#define OCTO_TRY(expression) OCTO_TRY_NAMED(expression, OCTO_JOIN(octo_result_, __COUNTER__), return)
#define OCTO_CO_TRY(expression) OCTO_TRY_NAMED(expression, OCTO_JOIN(octo_result_, __COUNTER__), co_return)
#define OCTO_TRY_NAMED(expression, name, leave)       \
  ({                                                  \
    auto name = (expression);                         \
    if (!name.has_value()) [[unlikely]]               \
      leave ::octo::Failure(std::move(name).error()); \
    ::octo::detail::take(std::move(name));            \
  })
#define OCTO_JOIN(left, right) OCTO_JOIN_AGAIN(left, right)
#define OCTO_JOIN_AGAIN(left, right) left##right

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
