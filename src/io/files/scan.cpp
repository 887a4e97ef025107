// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "domain/limits.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/beneath.hpp"
#include "io/files/files.hpp"

namespace octo::files {

namespace {

class Scanner {
 public:
  explicit Scanner(const Scan& scan) : scan_(scan) {}

  Result<Manifest> run() {
    Descriptor root(::open(scan_.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root.good()) return failed("open", scan_.root);
    OCTO_TRY(folder(std::move(root), ""));
    std::ranges::sort(manifest_.entries, {}, &ManifestEntry::path);
    OCTO_TRY(check(manifest_));
    return std::move(manifest_);
  }

 private:
  Result<void> folder(Descriptor at, const std::string& path) {
    DIR* entries = ::fdopendir(::dup(at.get()));
    if (entries == nullptr) return failed("list", path);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(entries)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(entries);
    for (const std::string& name : names) {
      const std::string inside = path.empty() ? name : path + "/" + name;
      if (scan_.wanted && !scan_.wanted(inside)) continue;
      OCTO_TRY(one(at.get(), name, inside));
    }
    return {};
  }

  Result<void> one(int parent, const std::string& name, const std::string& path) {
    if (manifest_.entries.size() >= limits::manifest_entries_max) {
      return fail(ErrorCode::too_large, "more than {} files below {}", limits::manifest_entries_max,
                  scan_.root);
    }
    if (lower(name) == ".git") return fail(ErrorCode::forbidden, "{}: a .git does not travel", quote(path));
    struct stat facts{};
    if (::fstatat(parent, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return failed("read", path);
    ManifestEntry entry;
    entry.path = path;
    entry.mode = facts.st_mode & 07777;
    if (S_ISLNK(facts.st_mode)) {
      entry.kind = ManifestEntry::Kind::symlink;
      entry.mode = 0777;
      char target[limits::path_bytes_max + 1];
      const ssize_t size = ::readlinkat(parent, name.c_str(), target, sizeof target);
      if (size < 0) return failed("read symlink", path);
      entry.link.assign(target, static_cast<std::size_t>(size));
      manifest_.entries.push_back(std::move(entry));
      return {};
    }
    if ((entry.mode & ~0777U) != 0 && !S_ISDIR(facts.st_mode)) {
      return fail(ErrorCode::forbidden, "{}: setuid, setgid and sticky bits do not travel", quote(path));
    }
    entry.mode &= 0777;
    if (S_ISDIR(facts.st_mode)) {
      entry.kind = ManifestEntry::Kind::folder;
      manifest_.entries.push_back(std::move(entry));
      Descriptor below(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
      if (!below.good()) return failed("open", path);
      return folder(std::move(below), path);
    }
    if (!S_ISREG(facts.st_mode))
      return fail(ErrorCode::forbidden, "{} is no file, folder or symlink", quote(path));
    const Descriptor file(::openat(parent, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.good()) return failed("open", path);
    OCTO_TRY(cut(file.get(), entry));
    manifest_.entries.push_back(std::move(entry));
    return {};
  }

  Result<void> cut(int file, ManifestEntry& entry) {
    buffer_.clear();
    bool ended = false;
    while (true) {
      while (!ended && buffer_.size() < limits::chunk_bytes_max) {
        const std::size_t had = buffer_.size();
        buffer_.resize(2 * limits::chunk_bytes_max);
        const ssize_t count = ::read(file, buffer_.data() + had, buffer_.size() - had);
        buffer_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (count < 0 && errno != EINTR) return failed("read", entry.path);
        ended = count == 0;
      }
      if (buffer_.empty()) return {};
      const BytesView bytes = BytesView(buffer_).substr(0, next_cut(buffer_));
      entry.chunks.push_back({crypto::sha256(bytes), static_cast<std::uint32_t>(bytes.size())});
      if (scan_.sink) OCTO_TRY(scan_.sink(entry.chunks.back(), bytes));
      buffer_.erase(0, bytes.size());
    }
  }

  const Scan& scan_;
  Manifest manifest_;
  Bytes buffer_;
};

}  // namespace

Result<Manifest> scan(const Scan& scan) { return Scanner(scan).run(); }

}  // namespace octo::files
