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
// (forbidden) what git would not version or not take, and .gitignore does not exclude: a repository inside,
// or a name like git~1.
Result<std::vector<std::string>> changed_paths(git_repository* repository, git_index* index,
                                               const std::string& folder);
// Whether the path is really not as in the index.
bool differs(git_index* index, const std::string& folder, const std::string& path);

// The index holds a version, and the folder mostly too: files whose bytes are those of the index get their
// facts into it, so that they need not be read the next time. Only a saving: where it fails, they are read.
void learn_facts(git_repository* repository, git_index* index, const std::string& folder);

}  // namespace octo::vcs
