// SPDX-License-Identifier: MIT
// Times and sizes as people write them; pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace octo::octl {

// "500ms", "10s", "5m", "2h", "1d"; "0" is zero.
std::optional<Span> parse_span(std::string_view text);
// As parse_span, and a bare number is seconds.
std::optional<Span> parse_delay(std::string_view text);
// "1048576", "512K", "64M" or "64MiB", "2G", "1T": powers of 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace octo::octl
