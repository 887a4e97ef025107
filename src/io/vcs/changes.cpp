// SPDX-License-Identifier: MIT
#include "io/vcs/changes.hpp"

#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "domain/manifest.hpp"
#include "io/vcs/stage.hpp"

namespace octo::vcs {

namespace {

namespace fs = std::filesystem;

bool equal(const git_index_time& indexed, const struct timespec& found) {
  return indexed.seconds == static_cast<std::int32_t>(found.tv_sec) &&
         indexed.nanoseconds == static_cast<std::uint32_t>(found.tv_nsec);
}

class Walk {
 public:
  Walk(git_repository* repository, git_index* index, const std::string& root)
      : repository_(repository), index_(index), root_(root) {
    struct stat facts{};
    if (::lstat((root_ + "/.git/index").c_str(), &facts) == 0) written_ = facts.st_mtim;
  }

  Result<void> folder(const std::string& path) {
    std::error_code error;
    fs::directory_iterator entry(path.empty() ? root_ : root_ + "/" + path, error), end;
    std::vector<std::string> names;
    for (; !error && entry != end; entry.increment(error)) names.push_back(entry->path().filename().string());
    const bool gone = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    if (error && (!gone || path.empty()))
      return fail(ErrorCode::unavailable, "look through {}/{}: {}", root_, path, error.message());
    for (const std::string& name : names) {
      if (path.empty() && name == ".git") continue;
      OCTO_TRY(one(path.empty() ? name : path + "/" + name, name));
    }
    return {};
  }

  // What the index holds and the folder does not.
  void add_gone() {
    for (std::size_t i = 0; i < git_index_entrycount(index_); ++i) {
      const std::string path = git_index_get_byindex(index_, i)->path;
      if (!seen_.contains(path)) changed.push_back(path);
    }
  }

  std::vector<std::string> changed;

 private:
  Result<void> one(const std::string& path, const std::string& name) {
    if (name == ".git") {
      return fail(ErrorCode::forbidden,
                  "{}/{}: a repository inside a nodeapp cannot be versioned; list its folder in .gitignore",
                  root_, path);
    }
    struct stat facts{};
    if (::lstat((root_ + "/" + path).c_str(), &facts) != 0) return {};
    const bool is_folder = S_ISDIR(facts.st_mode);
    int ignored = 0;
    git_ignore_path_is_ignored(&ignored, repository_, (is_folder ? path + "/" : path).c_str());
    if (ignored != 0) return {};  // one that the index holds is found there
    OCTO_TRY(check_name(path, facts));
    if (is_folder) return folder(path);
    if (!S_ISREG(facts.st_mode) && !S_ISLNK(facts.st_mode)) return {};
    seen_.insert(path);
    if (!is_known(path, facts)) changed.push_back(path);
    return {};
  }

  Result<void> check_name(const std::string& path, const struct stat& facts) const {
    using Kind = ManifestEntry::Kind;
    const Kind kind = S_ISDIR(facts.st_mode)   ? Kind::folder
                      : S_ISLNK(facts.st_mode) ? Kind::symlink
                                               : Kind::file;
    const auto reason = git_refuses(path, kind);
    if (!reason) return {};
    return fail(ErrorCode::forbidden, "{}/{}: {}; rename it, or list it in .gitignore", root_, path, *reason);
  }

  bool is_known(const std::string& path, const struct stat& facts) const {
    const git_index_entry* entry = git_index_get_bypath(index_, path.c_str(), 0);
    // Changed in the moment the index was written, or after: its time says nothing.
    const bool racy = facts.st_mtim.tv_sec > written_.tv_sec ||
                      (facts.st_mtim.tv_sec == written_.tv_sec && facts.st_mtim.tv_nsec >= written_.tv_nsec);
    return entry != nullptr && !racy && entry->mode == mode_of(facts) && equal(entry->mtime, facts.st_mtim) &&
           equal(entry->ctime, facts.st_ctim) && entry->ino == static_cast<std::uint32_t>(facts.st_ino) &&
           entry->file_size == static_cast<std::uint32_t>(facts.st_size);
  }

  git_repository* repository_;
  git_index* index_;
  const std::string& root_;
  struct timespec written_{};
  std::set<std::string> seen_;
};

}  // namespace

Result<std::vector<std::string>> changed_paths(git_repository* repository, git_index* index,
                                               const std::string& folder) {
  Walk walk(repository, index, folder);
  OCTO_TRY(walk.folder(""));
  walk.add_gone();
  return std::move(walk.changed);
}

bool differs(git_index* index, const std::string& folder, const std::string& path) {
  const std::string whole = folder + "/" + path;
  const git_index_entry* entry = git_index_get_bypath(index, path.c_str(), 0);
  struct stat facts{};
  if (::lstat(whole.c_str(), &facts) != 0 || (!S_ISREG(facts.st_mode) && !S_ISLNK(facts.st_mode)))
    return entry != nullptr;
  if (entry == nullptr || entry->mode != mode_of(facts)) return true;
  git_oid id;
  if (S_ISLNK(facts.st_mode)) {
    std::string target(static_cast<std::size_t>(facts.st_size) + 1, '\0');
    const ssize_t size = ::readlink(whole.c_str(), target.data(), target.size());
    return size < 0 ||
           git_odb_hash(&id, target.data(), static_cast<std::size_t>(size), GIT_OBJECT_BLOB) != 0 ||
           git_oid_equal(&id, &entry->id) == 0;
  }
  // libgit2 writes size 0 for what it is not sure of.
  if (entry->file_size != 0 && entry->file_size != static_cast<std::uint32_t>(facts.st_size)) return true;
  return git_odb_hashfile(&id, whole.c_str(), GIT_OBJECT_BLOB) != 0 || git_oid_equal(&id, &entry->id) == 0;
}

void learn_facts(git_repository* repository, git_index* index, const std::string& folder) {
  const auto changed = changed_paths(repository, index, folder);
  if (!changed) return;
  for (const std::string& path : *changed) {
    struct stat facts{};
    const git_index_entry* entry = git_index_get_bypath(index, path.c_str(), 0);
    if (entry == nullptr || ::lstat((folder + "/" + path).c_str(), &facts) != 0) continue;
    const git_oid id = entry->id;
    if (!differs(index, folder, path)) (void)add(index, path, id, facts);
  }
}

}  // namespace octo::vcs
