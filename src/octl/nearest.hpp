// SPDX-License-Identifier: MIT
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace octo::octl {

// What was probably meant by a word of the command line. Like find_nearest of base, but two neighbours that
// changed places are one mistake, as fingers make it: "gte" is "get".
std::optional<std::string> find_meant(std::string_view word, std::span<const std::string> candidates);

}  // namespace octo::octl
