// SPDX-License-Identifier: MIT
// One path of the folder into the index, as it is at one moment, while whoever writes it goes on. Private to
// the room.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "base/result.hpp"

struct git_index;
struct git_oid;
struct git_repository;

namespace octo::vcs {

// Of a regular file or a symlink.
std::uint32_t mode_of(const struct stat& facts);
// A path that is gone, or is no file or symlink, leaves the index.
Result<void> stage(git_repository* repository, git_index* index, const std::string& folder,
                   const std::string& path);

// Puts into the index that a path has these bytes and facts.
Result<void> add(git_index* index, const std::string& path, const git_oid& id, const struct stat& facts);

}  // namespace octo::vcs
