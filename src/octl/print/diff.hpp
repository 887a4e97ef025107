// SPDX-License-Identifier: MIT
// What tells two texts apart, line by line. Pure.
#pragma once
#include <string>

namespace octo::octl {

struct DiffOf {
  std::string from_name, from;
  std::string to_name, to;
};
// A unified diff with three lines around each change; empty for equal texts. Bounded: texts that differ too
// much for a search are shown as one change, and of a long diff the rest is counted.
std::string unified_diff(const DiffOf& texts);

inline constexpr std::size_t kDiffCellsMax = 4'000'000;  // 16 MB and some milliseconds: 2,000 changed lines
inline constexpr std::size_t kDiffLinesMax = 1000;       // more nobody reads on a screen

}  // namespace octo::octl
