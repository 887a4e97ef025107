// SPDX-License-Identifier: MIT
// The names in a node set, one term at a time, before anything is known about nodes; and how a fault in a
// word is shown. Used by node_set.cpp.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"

namespace octo {

inline constexpr std::string_view kNodeSetOperators = ",!&^";

struct NumberRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t step = 1;
  std::size_t width = 1;
  std::size_t count() const { return (last - first) / step + 1; }
  std::size_t digits_max() const {
    return std::max(width, fmt::formatted_size("{}", first + (count() - 1) * step));
  }
};

// "r[1-2]n[1-3]*": literals and brackets in turn, a literal first and last.
struct NameTerm {
  std::vector<std::string> literals = {""};
  std::vector<std::vector<NumberRange>> brackets;
  std::size_t names = 1;  // that it stands for, at most limits::targets_max
  bool is_pattern = false;
};

// Reads the term that begins at `at` and moves `at` to the operator behind it, or the end.
Result<NameTerm> read_name_term(std::string_view word, std::size_t& at);

// `*` stands for any characters, `?` for one. Adds to `steps` what it looked at: at most the product of the
// two lengths.
bool matches_pattern(std::string_view pattern, std::string_view text, std::uint64_t& steps);

// The word, or of a long one what is around the place, for messages; cut between characters, unlike quote().
std::string excerpt(std::string_view word, std::size_t at = 0);
std::size_t next_character(std::string_view text, std::size_t at);
// "'pi[1-9', character 3: <what>".
Failure fail_at(std::string_view word, std::size_t at, ErrorCode code, std::string_view what);
template <class... Args>
Failure wrong(std::string_view word, std::size_t at, fmt::format_string<Args...> format, Args&&... args) {
  return fail_at(word, at, ErrorCode::invalid_argument, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace octo
