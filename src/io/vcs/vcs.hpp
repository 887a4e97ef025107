// SPDX-License-Identifier: MIT
// Versions are git: plain repositories that stock git reads. libgit2 stays behind this header; blocking, call
// from Workers. System and user git settings are out of its path; objects and refs are durable when a call
// returns. Nobody else of ours may be working in the same folder.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace octo::vcs {

struct Commit {
  std::string id;         // 40 hexadecimal digits
  std::string message;    // without our trailers
  std::string operation;  // trailer Octopoda-Operation, or ""
  WallTime made;
};

// A file or symlink of a version.
struct VersionedFile {
  enum class Kind : std::uint8_t { file, executable, symlink };
  std::string path;
  Kind kind = Kind::file;
  std::string blob;  // id of its bytes, of a symlink's target
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
  // it and makes no second. Refuses (forbidden) a path that stock git would not take or check out.
  struct CommitWords {
    std::string message;
    std::string operation;
    WallTime now;
  };
  Result<Commit> commit(const CommitWords& words);
  // The same, if anything differs from the newest version; nothing when nothing does.
  Result<std::optional<Commit>> commit_changes(const CommitWords& words);
  // A version on top that holds what `id` holds. The files in the folder are the caller's to bring: they
  // should be those of `id` by now.
  Result<Commit> commit_again(const std::string& id, const CommitWords& words);

  // Newest first along first parents.
  Result<std::vector<Commit>> log(std::uint64_t offset, std::uint64_t limit) const;
  Result<std::uint64_t> count() const;
  Result<std::optional<Commit>> newest() const;
  Result<bool> modified() const;

  // What the version `id` holds, by path; repositories inside (submodules) are left out. not_found.
  Result<std::vector<VersionedFile>> files(const std::string& id) const;
  // The bytes of a blob. One of more than 4 MiB comes in parts, and nobody but holds() tells whether they
  // still fit its id; a smaller one that does not is corrupt.
  Result<void> read(const std::string& blob, const std::function<Result<void>(BytesView)>& sink) const;
  // Whether the open regular file holds just the bytes of `blob`. It is read from its beginning.
  Result<bool> holds(int file, const std::string& blob) const;

 private:
  struct Impl;
  explicit Repository(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Lock files (index.lock, refs/heads/main.lock, …) of a git or an agent that was killed would let every later
// commit fail. Those go whose maker is gone for sure: no process has it open, and no git works in the folder.
// Whoever meets one that stays is told its path (conflict). `Age`: at the start of an agent any lock may be
// its forerunner's; later, one that was just made is left alone.
enum class Age : std::uint8_t { any, old };
Result<void> remove_stale_locks(const std::string& folder, Age age);

}  // namespace octo::vcs
