// SPDX-License-Identifier: MIT
#include "octl/nearest.hpp"

#include <algorithm>
#include <vector>

namespace octo::octl {

namespace {

// Optimal string alignment: insert, delete, replace, swap neighbours.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::vector<std::size_t>> rows(left.size() + 1, std::vector<std::size_t>(right.size() + 1));
  for (std::size_t i = 0; i <= left.size(); ++i) {
    for (std::size_t j = 0; j <= right.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = rows[i - 1][j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[left.size()][right.size()];
}

}  // namespace

std::optional<std::string> find_meant(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kWordMax = 64;  // no word of ours is longer
  if (word.size() > kWordMax) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t far = distance(word, candidate);
    const std::size_t allowed =
        std::max<std::size_t>(std::min<std::size_t>(2, candidate.size() / 2), candidate.size() / 3);
    if (far > allowed || (best && far >= best_distance)) continue;
    best = candidate;
    best_distance = far;
  }
  return best;
}

}  // namespace octo::octl
