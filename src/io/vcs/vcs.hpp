// SPDX-License-Identifier: MIT
// Versions are git: plain repositories that stock git reads. libgit2 stays behind this header; blocking, call
// from Workers. System and user git settings are out of its path; objects and refs are fsynced.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace octo::vcs {

struct Commit {
  std::string id;         // 40 hexadecimal digits
  std::string message;    // without our trailers
  std::string operation;  // trailer Octopoda-Operation, or ""
  WallTime made;
};

class Repository {
 public:
  // Opens or makes `<folder>/.git`. Refuses (forbidden) a .git that is no real directory or has
  // core.worktree, and (corrupt, naming it) a subfolder with a broken .git, which libgit2 would skip without
  // a word.
  static Result<std::unique_ptr<Repository>> open(const std::string& folder);
  ~Repository();

  // Everything below the folder that .gitignore does not exclude: additions, changes, removals; modes and
  // symlinks kept. Commits even when nothing changed. When the newest commit has the same operation, answers
  // it and makes no second.
  struct CommitWords {
    std::string message;
    std::string operation;
    WallTime now;
  };
  Result<Commit> commit(const CommitWords& words);
  // Newest first along first parents.
  Result<std::vector<Commit>> log(std::uint64_t offset, std::uint64_t limit) const;
  Result<std::uint64_t> count() const;
  Result<std::optional<Commit>> newest() const;
  // Makes the folder look like `id` (untracked and ignored files stay, tracked ones that it lacks go), and
  // commits that as a new version on top. Files changed since the newest version are kept first as a version
  // of their own ("before reset: …").
  Result<Commit> reset(const std::string& id, const CommitWords& words);
  Result<bool> modified() const;

 private:
  struct Impl;
  explicit Repository(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace octo::vcs
