// SPDX-License-Identifier: MIT
// Lock files that nobody holds any more.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "io/vcs/vcs.hpp"

namespace octo::vcs {

namespace {

namespace fs = std::filesystem;

// libgit2 holds a lock for the moment of one write. One of stock git can be older (an editor waits for the
// message of a commit), but then that git is there to be seen.
constexpr auto kYoung = std::chrono::minutes(1);

std::vector<std::string> locks_of(const std::string& folder, Age age) {
  const std::string git = folder + "/.git/";
  std::vector<std::string> found;
  struct stat facts{};
  for (const char* name : {"index.lock", "HEAD.lock", "config.lock", "packed-refs.lock"}) {
    if (::lstat((git + name).c_str(), &facts) == 0) found.push_back(git + name);
  }
  std::error_code error;
  for (fs::recursive_directory_iterator entry(git + "refs", error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".lock") found.push_back(entry->path().string());
  }
  if (age == Age::old) return found;
  // Objects that were never finished: of libgit2, so most likely ours. They hinder nobody, but fill the disk.
  for (fs::directory_iterator entry(git + "objects", error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with("tmp_object_git2_"))
      found.push_back(entry->path().string());
  }
  return found;
}

// Nothing more of a process that vanishes while it is read; by iterators that would be an exception.
std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Who might hold a lock: a process that has it open, or a git that works in this folder. git closes its lock
// before it renames it, and waits for editors and hooks in between; so that none has it open says little.
class Processes {
 public:
  explicit Processes(const std::string& folder) {
    std::error_code error;
    whole_ = fs::canonical(folder, error).string();
  }

  bool may_hold(const struct stat& lock) const {
    std::error_code error;
    for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
      const fs::path& process = entry->path();
      if (process.filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
      if (has_open(process, lock) || is_git_in_folder(process)) return true;
    }
    return static_cast<bool>(error);  // without /proc nothing is sure
  }

 private:
  static bool has_open(const fs::path& process, const struct stat& lock) {
    std::error_code error;
    for (fs::directory_iterator entry(process / "fd", error), end; !error && entry != end;
         entry.increment(error)) {
      struct stat facts{};
      if (::stat(entry->path().c_str(), &facts) == 0 && facts.st_dev == lock.st_dev &&
          facts.st_ino == lock.st_ino) {
        return true;
      }
    }
    return false;
  }

  bool is_git_in_folder(const fs::path& process) const {
    if (!text_of(process / "comm").starts_with("git")) return false;
    std::error_code error;
    const std::string place = fs::read_symlink(process / "cwd", error).string();
    if (error == std::errc::no_such_file_or_directory || error == std::errc::no_such_process)
      return false;  // it has ended
    if (error || place == whole_ || place.starts_with(whole_ + "/")) return true;
    // --git-dir, GIT_DIR and their like.
    return text_of(process / "cmdline").find(whole_) != std::string::npos ||
           text_of(process / "environ").find(whole_) != std::string::npos;
  }

  std::string whole_;
};

bool is_young(const struct stat& lock) {
  const auto changed = std::chrono::system_clock::from_time_t(lock.st_ctim.tv_sec);
  return changed + kYoung > std::chrono::system_clock::now();  // one of the future, too
}

}  // namespace

Result<void> remove_stale_locks(const std::string& folder, Age age) {
  const auto locks = locks_of(folder, age);
  if (locks.empty()) return {};
  const Processes processes(folder);
  for (const std::string& path : locks) {
    struct stat facts{};
    if (::lstat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    if (age == Age::old && is_young(facts)) continue;
    // Of others' processes only root sees what they have open.
    if (::geteuid() != 0 && facts.st_uid != ::geteuid()) continue;
    if (processes.may_hold(facts)) continue;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return fail(ErrorCode::unavailable, "remove the stale lock {}: {}", path, std::strerror(errno));
  }
  return {};
}

}  // namespace octo::vcs
