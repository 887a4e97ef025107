// SPDX-License-Identifier: MIT
// Folding for people: equal outputs once, many names short.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octo {

// {"pi0","pi1","pi2","x"} → "pi[0-2],x"; widths are kept: {"pi01","pi02"} → "pi[01-02]". Natural order, each
// name once.
std::string fold_names(std::vector<std::string> names);
// Natural order: digits as numbers, so pi2 < pi10.
bool natural_less(std::string_view left, std::string_view right);

}  // namespace octo
