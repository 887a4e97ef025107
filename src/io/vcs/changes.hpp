// SPDX-License-Identifier: MIT
// What has changed in a folder since its index was written. Files may be written, made and removed while we
// look: where libgit2's own comparison gives up, a file is changed, or gone. Private to the room.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"

struct git_index;
struct git_repository;

namespace octo::vcs {

// Paths whose facts differ from the index (maybe not their bytes), that it lacks, or that are gone. Refuses
// (forbidden) a repository inside, which git would not version, if .gitignore does not exclude it.
Result<std::vector<std::string>> changed_paths(git_repository* repository, git_index* index,
                                               const std::string& folder);
// Whether the path is really not as in the index.
bool differs(git_index* index, const std::string& folder, const std::string& path);

}  // namespace octo::vcs
