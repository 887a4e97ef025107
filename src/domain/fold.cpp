// SPDX-License-Identifier: MIT
#include "domain/fold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>

namespace octo {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "pi-24" → "pi-", "24". At most 9 digits count as a number; longer ones are part of the stem.
struct Parts {
  std::string stem;
  std::string digits;
};

Parts parts_of(const std::string& name) {
  std::size_t begin = name.size();
  while (begin > 0 && is_digit(name[begin - 1]) && name.size() - begin < 9) --begin;
  return {name.substr(0, begin), name.substr(begin)};
}

std::string fold_numbers(const std::string& stem, std::size_t width,
                         const std::vector<std::uint32_t>& numbers) {
  std::vector<std::string> ranges;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    ranges.push_back(last == i ? fmt::format("{:0{}}", numbers[i], width)
                               : fmt::format("{:0{}}-{:0{}}", numbers[i], width, numbers[last], width));
    i = last + 1;
  }
  if (ranges.size() == 1 && numbers.size() == 1) return stem + ranges[0];
  return fmt::format("{}[{}]", stem, fmt::join(ranges, ","));
}

}  // namespace

bool natural_less(std::string_view left, std::string_view right) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < left.size() && j < right.size()) {
    if (is_digit(left[i]) && is_digit(right[j])) {
      const auto number = [](std::string_view text, std::size_t& at) {
        const std::size_t begin = at;
        while (at < text.size() && is_digit(text[at])) ++at;
        std::string_view digits = text.substr(begin, at - begin);
        digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
        return digits;
      };
      const std::string_view a = number(left, i);
      const std::string_view b = number(right, j);
      if (a.size() != b.size()) return a.size() < b.size();
      if (a != b) return a < b;
    } else {
      if (left[i] != right[j]) return left[i] < right[j];
      ++i;
      ++j;
    }
  }
  if (left.size() - i != right.size() - j) return left.size() - i < right.size() - j;
  return left < right;  // equal but for leading zeros
}

std::string fold_names(std::vector<std::string> names) {
  std::sort(names.begin(), names.end(), natural_less);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  // Same stem and same width fold together; a number without leading zeros has width 0, whatever its length.
  std::map<std::pair<std::string, std::size_t>, std::vector<std::uint32_t>> groups;
  std::vector<std::pair<std::string, std::size_t>> order;
  std::vector<std::string> folded;
  for (const std::string& name : names) {
    const Parts parts = parts_of(name);
    const bool padded = parts.digits.size() > 1 && parts.digits[0] == '0';
    std::pair<std::string, std::size_t> key(parts.stem, parts.digits.empty() ? 0
                                                        : padded             ? parts.digits.size()
                                                                             : 1);
    // "08", "09", "10": 10 belongs to the padded ones when they are of its width.
    if (!parts.digits.empty() && !padded && groups.contains({parts.stem, parts.digits.size()}))
      key.second = parts.digits.size();
    if (parts.digits.empty()) key.first = name + '\0';
    if (!groups.contains(key)) order.push_back(key);
    auto& numbers = groups[key];
    if (!parts.digits.empty()) numbers.push_back(static_cast<std::uint32_t>(std::stoul(parts.digits)));
  }
  for (const auto& key : order) {
    const auto& numbers = groups[key];
    folded.push_back(numbers.empty() ? key.first.substr(0, key.first.size() - 1)
                                     : fold_numbers(key.first, key.second, numbers));
  }
  return fmt::format("{}", fmt::join(folded, ","));
}

}  // namespace octo
