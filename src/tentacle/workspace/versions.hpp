// SPDX-License-Identifier: MIT
// Versions of one nodeapp's folder: making one, going back to one, and finishing what a crash interrupted.
// Blocking; one caller per folder at a time. Private to the room.
#pragma once
#include <memory>
#include <string>

#include "io/vcs/vcs.hpp"

namespace octo::tentacle {

std::string staging_of(const std::string& folder);

// The repository, once nothing is half done any more: stale locks are gone, a switch of files that was begun
// is complete, and a reset that came as far has its version. `age`: see vcs::remove_stale_locks().
Result<std::unique_ptr<vcs::Repository>> open_finished(const std::string& folder, vcs::Age age);

Result<vcs::Commit> make_version(const std::string& folder, const vcs::Repository::CommitWords& words);

// Brings the files of the version `id` back, old or new, never half, and commits them on top. What was
// changed since the newest version is kept first as a version of its own. The operation in `words` is done
// once, however often it is asked for. Conflict: a file that no version holds is in the way.
Result<vcs::Commit> reset_to(const std::string& folder, const std::string& id,
                             const vcs::Repository::CommitWords& words);

}  // namespace octo::tentacle
