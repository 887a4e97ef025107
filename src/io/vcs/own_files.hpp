// SPDX-License-Identifier: MIT
// What git reads of a version for itself: fsck complains of some of it for ever. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace octo::vcs {

// Larger ones are refused unread; fsck takes more, and nobody writes more.
inline constexpr std::size_t own_file_bytes_max = 1024 * 1024;

// Why stock fsck would refuse this content of ".gitmodules" or ".gitattributes", or nothing. It judges no
// milder than fsck, and here and there more strictly.
std::optional<std::string> fsck_refuses(std::string_view name, BytesView content);

}  // namespace octo::vcs
