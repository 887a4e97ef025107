// SPDX-License-Identifier: MIT
// One path of the folder into the index, as it is at one moment, while whoever writes it goes on. Private to
// the room.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct git_index;
struct git_repository;

namespace octo::vcs {

// The failure of the libgit2 call just made.
Failure failed(std::string_view step, int code);
// Of a regular file or a symlink.
std::uint32_t mode_of(const struct stat& facts);
// A path that is gone, or is no file or symlink, leaves the index.
Result<void> stage(git_repository* repository, git_index* index, const std::string& folder,
                   const std::string& path);

}  // namespace octo::vcs
