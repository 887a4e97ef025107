// SPDX-License-Identifier: MIT
#include "io/vcs/stage.hpp"

#include <fcntl.h>
#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "domain/manifest.hpp"
#include "io/vcs/impl.hpp"
#include "io/vcs/own_files.hpp"

namespace octo::vcs {

namespace {

constexpr int kTries = 8;  // of a file that becomes shorter while it is read

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct StreamFree {
  void operator()(git_odb_stream* stream) const { git_odb_stream_free(stream); }
};

Failure unreadable(const std::string& path) {
  return fail(ErrorCode::unavailable, "read {}: {}", path, std::strerror(errno));
}

// The first `bytes` of the file, however long it has become since; nothing when it has become shorter.
Result<std::optional<git_oid>> write_blob(git_odb* odb, int file, off_t bytes, const std::string& path) {
  const std::string step = "store " + path;
  git_odb_stream* opened = nullptr;
  OCTO_TRY(attempt(step, [&] { return git_odb_open_wstream(&opened, odb, bytes, GIT_OBJECT_BLOB); }));
  const std::unique_ptr<git_odb_stream, StreamFree> stream(opened);
  char part[64 * 1024];
  for (off_t at = 0; at < bytes;) {
    const auto most = std::min<off_t>(sizeof part, bytes - at);
    const ssize_t count = ::pread(file, part, static_cast<std::size_t>(most), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path);
    if (count == 0) return std::nullopt;
    OCTO_TRY(
        attempt(step, [&] { return git_odb_stream_write(opened, part, static_cast<std::size_t>(count)); }));
    at += count;
  }
  git_oid id;
  OCTO_TRY(attempt(step, [&] { return git_odb_stream_finalize_write(&id, opened); }));
  return id;
}

Result<void> leave(git_index* index, const std::string& path) {
  return attempt("take " + path + " out", [&] {
    const int code = git_index_remove_bypath(index, path.c_str());
    return code == GIT_ENOTFOUND ? 0 : code;
  });
}

Result<void> stage_symlink(git_repository* repository, git_index* index, const std::string& whole,
                           const std::string& path, const struct stat& facts) {
  std::string target(static_cast<std::size_t>(facts.st_size) + 1, '\0');
  const ssize_t size = ::readlink(whole.c_str(), target.data(), target.size());
  if (size < 0) return errno == ENOENT ? leave(index, path) : Result<void>(unreadable(path));
  git_oid id;
  OCTO_TRY(attempt("store " + path, [&] {
    return git_blob_create_from_buffer(&id, repository, target.data(), static_cast<std::size_t>(size));
  }));
  return add(index, path, id, facts);
}

struct OwnFile {
  const std::string& whole;
  const std::string& path;
  std::string_view taken_for;
};

// A file that git reads for itself: what is judged is what is stored.
Result<void> stage_own(git_repository* repository, git_index* index, int file, const OwnFile& own) {
  const auto refused = [&](std::string_view why) {
    return fail(
        ErrorCode::forbidden,
        "{}: git takes it for its {}, and fsck would complain of it for ever: {}; change it, or list it "
        "in .gitignore",
        own.whole, own.taken_for, why);
  };
  struct stat facts{};
  if (::fstat(file, &facts) != 0) return unreadable(own.path);
  if (facts.st_size > static_cast<off_t>(own_file_bytes_max))
    return refused(fmt::format("it has more than {} bytes", own_file_bytes_max));
  Bytes content(static_cast<std::size_t>(facts.st_size), '\0');
  const ssize_t got = ::pread(file, content.data(), content.size(), 0);
  if (got < 0) return unreadable(own.path);
  content.resize(static_cast<std::size_t>(got));
  if (const auto reason = fsck_refuses(own.taken_for, content)) return refused(*reason);
  git_oid id;
  OCTO_TRY(attempt("store " + own.path, [&] {
    return git_blob_create_from_buffer(&id, repository, content.data(), content.size());
  }));
  return add(index, own.path, id, facts);
}

}  // namespace

Result<void> add(git_index* index, const std::string& path, const git_oid& id, const struct stat& facts) {
  git_index_entry entry{};
  // As they were before the bytes were read: what changes from then on is a change.
  entry.ctime = {static_cast<std::int32_t>(facts.st_ctim.tv_sec),
                 static_cast<std::uint32_t>(facts.st_ctim.tv_nsec)};
  entry.mtime = {static_cast<std::int32_t>(facts.st_mtim.tv_sec),
                 static_cast<std::uint32_t>(facts.st_mtim.tv_nsec)};
  entry.dev = static_cast<std::uint32_t>(facts.st_dev);
  entry.ino = static_cast<std::uint32_t>(facts.st_ino);
  entry.uid = facts.st_uid;
  entry.gid = facts.st_gid;
  entry.file_size = static_cast<std::uint32_t>(facts.st_size);
  entry.mode = mode_of(facts);
  entry.id = id;
  entry.path = path.c_str();
  return attempt("add " + path, [&] { return git_index_add(index, &entry); });
}

std::uint32_t mode_of(const struct stat& facts) {
  if (S_ISLNK(facts.st_mode)) return GIT_FILEMODE_LINK;
  return (facts.st_mode & S_IXUSR) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
}

Result<void> stage(git_repository* repository, git_index* index, const std::string& folder,
                   const std::string& path) {
  const std::string whole = folder + "/" + path;
  struct stat facts{};
  if (::lstat(whole.c_str(), &facts) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? leave(index, path) : Result<void>(unreadable(path));
  }
  if (S_ISLNK(facts.st_mode)) return stage_symlink(repository, index, whole, path, facts);
  if (!S_ISREG(facts.st_mode)) return leave(index, path);
  const OpenFile file(whole);
  if (file.get() < 0) return errno == ENOENT ? leave(index, path) : Result<void>(unreadable(path));
  if (const std::string_view own = git_reads(path); !own.empty())
    return stage_own(repository, index, file.get(), {whole, path, own});
  Odb odb;
  OCTO_TRY(attempt("open the store", [&] { return git_repository_odb(odb.out(), repository); }));
  for (int tried = 0; tried < kTries; ++tried) {
    if (::fstat(file.get(), &facts) != 0) return unreadable(path);
    if (!S_ISREG(facts.st_mode)) return leave(index, path);
    if (const auto id = OCTO_TRY(write_blob(odb.get(), file.get(), facts.st_size, path)))
      return add(index, path, *id, facts);
  }
  return fail(ErrorCode::conflict,
              "{} is cut shorter all the time; stop who writes it, or list it in .gitignore", path);
}

}  // namespace octo::vcs
