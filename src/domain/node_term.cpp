// SPDX-License-Identifier: MIT
#include "domain/node_term.hpp"

#include <algorithm>

#include "domain/limits.hpp"
#include "domain/node_set.hpp"

namespace octo {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_named(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '_' || c == '-';
}
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

Failure too_many(std::string_view word, std::size_t at) {
  return fail_at(word, at, ErrorCode::too_large,
                 fmt::format("a range of more than {} names", limits::targets_max));
}

class NameReader {
 public:
  NameReader(std::string_view word, std::size_t& at) : word_(word), at_(at) {}

  Result<NameTerm> read() {
    NameTerm term;
    begin_ = at_;
    if (std::string_view("._-").contains(word_[at_]))
      return wrong(word_, at_, "a node's name begins with a letter or a digit");
    while (at_ < word_.size() && !kNodeSetOperators.contains(word_[at_])) {
      const char c = word_[at_];
      if (c == '[') {
        OCTO_TRY(read_brackets(term));
        continue;
      }
      if (c == ']') return wrong(word_, at_, "this ']' closes nothing, write a range as in pi[1-9]");
      if (!is_named(c) && c != '*' && c != '?') {
        return wrong(word_, at_, "{} cannot stand in a node's name: letters, digits, '.', '_' and '-'",
                     quote(word_.substr(at_, next_character(word_, at_) - at_)));
      }
      term.is_pattern = term.is_pattern || c == '*' || c == '?';
      if (c != '*') OCTO_TRY(lengthen(1));
      if (c != '*' || !term.literals.back().ends_with('*')) term.literals.back().push_back(c);
      ++at_;
    }
    return term;
  }

 private:
  // Of the longest name that the term stands for: longer ones need not be spelt out to be refused.
  Result<void> lengthen(std::size_t characters) {
    length_ += characters;
    if (length_ <= limits::node_name_bytes_max) return {};
    return wrong(word_, begin_, "no node's name is longer than {} characters", limits::node_name_bytes_max);
  }

  Result<void> read_brackets(NameTerm& term) {
    const std::size_t open = at_++;
    std::vector<NumberRange> ranges;
    std::size_t count = 0;
    std::size_t digits = 0;
    while (true) {
      ranges.push_back(OCTO_TRY(read_range(open)));
      count += ranges.back().count();
      digits = std::max(digits, ranges.back().digits_max());
      if (count > limits::targets_max) return too_many(word_, open);
      if (at_ == word_.size()) return never_closed(open);
      const char c = word_[at_];
      if (c != ',' && c != ']') {
        return wrong(word_, at_, "',' or ']' belongs here, not {}",
                     quote(word_.substr(at_, next_character(word_, at_) - at_)));
      }
      ++at_;
      if (c == ']') break;
    }
    term.names *= count;
    if (term.names > limits::targets_max) return too_many(word_, open);
    OCTO_TRY(lengthen(digits));
    term.brackets.push_back(std::move(ranges));
    term.literals.emplace_back();
    return {};
  }

  Result<NumberRange> read_range(std::size_t open) {
    const std::size_t begin = at_;
    const std::string_view low = OCTO_TRY(read_digits(open));
    NumberRange range{value_of(low), value_of(low), 1, low.size()};
    if (at_ == word_.size() || word_[at_] != '-') return range;
    ++at_;
    const std::string_view high = OCTO_TRY(read_digits(open));
    range.last = value_of(high);
    if (range.last < range.first)
      return wrong(word_, begin, "{}-{} runs backwards, write {}-{}", low, high, high, low);
    // 08-10 and 08-100 say how wide their numbers are, 8-010 and 008-10 say two things.
    const bool padded = low.size() > 1 && low[0] == '0';
    if ((high.size() > 1 && high[0] == '0' && high.size() != low.size()) ||
        (padded && high.size() < low.size())) {
      return wrong(word_, begin, "{}-{} has two widths, write both ends with as many digits", low, high);
    }
    if (at_ == word_.size() || word_[at_] != '/') return range;
    const std::size_t step_at = ++at_;
    range.step = value_of(OCTO_TRY(read_digits(open)));
    if (range.step == 0) return wrong(word_, step_at, "a step of 0 never arrives, write 1 or more");
    return range;
  }

  Result<std::string_view> read_digits(std::size_t open) {
    const std::size_t begin = at_;
    while (at_ < word_.size() && is_digit(word_[at_])) ++at_;
    const std::string_view digits = word_.substr(begin, at_ - begin);
    if (digits.empty() && at_ == word_.size()) return never_closed(open);
    if (digits.empty()) return wrong(word_, at_, "a number belongs here, as in [1,3,5-7] or [0-10/2]");
    if (digits.size() > limits::number_digits_max)
      return wrong(word_, begin, "a number has {} digits at most", limits::number_digits_max);
    return digits;
  }

  Failure never_closed(std::size_t open) const {
    return wrong(word_, open, "this '[' is never closed, write a range as in pi[1-9]");
  }

  static std::uint32_t value_of(std::string_view digits) {
    return static_cast<std::uint32_t>(*parse_number(digits));
  }

  std::string_view word_;
  std::size_t& at_;
  std::size_t begin_ = 0;
  std::size_t length_ = 0;
};

}  // namespace

Result<NameTerm> read_name_term(std::string_view word, std::size_t& at) {
  return NameReader(word, at).read();
}

bool matches_pattern(std::string_view pattern, std::string_view text, std::uint64_t& steps) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t mark = 0;
  while (t < text.size()) {
    ++steps;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
      if (p == pattern.size()) return true;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t = next_character(text, t);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = mark = next_character(text, mark);
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string excerpt(std::string_view word, std::size_t at) {
  constexpr std::size_t kBefore = 60;
  constexpr std::size_t kBehind = 50;
  if (word.size() <= kBefore + kBehind) return quote(word);
  std::size_t begin = at > kBefore ? at - kBefore : 0;
  std::size_t end = std::min(word.size(), at + kBehind);
  while (begin > 0 && is_continuation(word[begin])) --begin;
  while (end < word.size() && is_continuation(word[end])) ++end;
  return fmt::format("{}{}{}", begin > 0 ? "…" : "", quote(word.substr(begin, end - begin)),
                     end < word.size() ? "…" : "");
}

std::size_t next_character(std::string_view text, std::size_t at) {
  do ++at;
  while (at < text.size() && is_continuation(text[at]));
  return at;
}

Failure fail_at(std::string_view word, std::size_t at, ErrorCode code, std::string_view what) {
  const auto before = std::ranges::count_if(word.substr(0, at), [](char c) { return !is_continuation(c); });
  return fail(code, "{}, character {}: {}", excerpt(word, at), before + 1, what);
}

}  // namespace octo
