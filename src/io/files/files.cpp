// SPDX-License-Identifier: MIT
#include "io/files/files.hpp"

#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>

#include "io/files/beneath.hpp"

namespace octo::files {

namespace fs = std::filesystem;

Result<void> write_all(int fd, std::string_view bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> sync_file_system(const Descriptor& open, std::string_view what) {
  if (::syncfs(open.get()) != 0) return failed("sync", what);
  return {};
}

Result<Descriptor> open_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
  if (fd >= 0) return Descriptor(static_cast<int>(fd));
  if (errno == ENOSYS)
    return fail(ErrorCode::unsupported,
                "this kernel has no openat2 (5.6 or newer has), without it paths cannot be kept inside");
  return failed("open", path);
}

Result<std::pair<Descriptor, std::string>> open_parent(int root, const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash);
  return std::pair(OCTO_TRY(open_beneath(root, folder, O_PATH | O_DIRECTORY)),
                   path.substr(slash == std::string::npos ? 0 : slash + 1));
}

Result<Bytes> load(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts{};
  if (!file.good() || ::fstat(file.get(), &facts) != 0) return failed("read", path);
  if (!S_ISREG(facts.st_mode)) return fail(ErrorCode::invalid_argument, "{} is no regular file", path);
  Bytes bytes;
  char part[64 * 1024];
  while (true) {
    const ssize_t count = ::read(file.get(), part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read", path);
    if (count == 0) return bytes;
    if (bytes.size() + static_cast<std::size_t>(count) > bytes_max)
      return fail(ErrorCode::too_large, "{} is over {} bytes", path, bytes_max);
    bytes.append(part, static_cast<std::size_t>(count));
  }
}

namespace {

// A synced temp file beside `path`, named after it; the caller renames or links it, and removes it. Errors
// name `path`: people know no other.
Result<std::string> write_beside(const std::string& path, BytesView bytes, unsigned mode) {
  static std::atomic<unsigned> counter{0};
  const std::string temp = fmt::format("{}.{}.{}.tmp", path, ::getpid(), ++counter);
  ::unlink(temp.c_str());
  const Descriptor file(::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!file.good()) return failed("make", path);
  auto written = write_all(file.get(), bytes, path);
  if (written && ::fchmod(file.get(), mode) != 0) written = failed("set the mode of", path);
  if (written && ::fsync(file.get()) != 0) written = failed("sync", path);
  if (written) return temp;
  ::unlink(temp.c_str());
  return Failure(written.error());
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<void> save(const std::string& path, BytesView bytes, unsigned mode) {
  const std::string temp = OCTO_TRY(write_beside(path, bytes, mode));
  if (::rename(temp.c_str(), path.c_str()) != 0) {
    const auto failure = failed("replace", path);
    ::unlink(temp.c_str());
    return failure;
  }
  return sync_folder(folder_of(path));
}

Result<void> save_new(const std::string& path, BytesView bytes, unsigned mode) {
  const std::string temp = OCTO_TRY(write_beside(path, bytes, mode));
  const int linked = ::link(temp.c_str(), path.c_str());
  const int number = errno;
  ::unlink(temp.c_str());
  errno = number;
  if (linked != 0) return failed("make", path);
  return sync_folder(folder_of(path));
}

Result<void> remove_temps(const std::string& folder, Others others) {
  for (const std::string& name : OCTO_TRY(list(folder))) {
    // <name>.<pid>.<number>.tmp
    const std::vector<std::string> parts = split(name, '.');
    if (parts.size() < 4 || parts.back() != "tmp" || !parse_number(parts[parts.size() - 2])) continue;
    const auto pid = parse_number(parts[parts.size() - 3]);
    if (!pid || *pid <= 0) continue;
    // We have made none yet: one of ours is of a process that had our number.
    const bool gone = others == Others::never || *pid == ::getpid() ||
                      (::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH);
    if (gone && ::unlink(join(folder, name).c_str()) != 0 && errno != ENOENT) return failed("remove", name);
  }
  return {};
}

Result<void> make_folders(const std::string& path, unsigned mode) {
  if (path.empty() || path == "/" || path == ".") return {};
  if (::mkdir(path.c_str(), mode) == 0) return sync_folder(folder_of(path));
  if (errno == EEXIST) {
    struct stat facts{};
    if (::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) return {};
    return fail(ErrorCode::conflict, "{} is there and is no folder", path);
  }
  if (errno != ENOENT) return failed("make folder", path);
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  OCTO_TRY(make_folders(folder_of(trimmed), mode));
  if (::mkdir(trimmed.c_str(), mode) != 0 && errno != EEXIST) return failed("make folder", trimmed);
  return sync_folder(folder_of(trimmed));
}

Result<void> sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.good() || ::fsync(folder.get()) != 0) return failed("sync folder", path);
  return {};
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);  // libstdc++ unlinks by descriptor and follows no symlink
  if (error) return fail(ErrorCode::unavailable, "remove {}: {}", path, error.message());
  return {};
}

Result<std::vector<std::string>> list(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) {
    const bool absent = error == std::errc::no_such_file_or_directory;
    return fail(absent ? ErrorCode::not_found : ErrorCode::unavailable, "list {}: {}", folder,
                error.message());
  }
  std::ranges::sort(names);
  return names;
}

namespace {

Facts facts_of(const struct stat& found) {
  Facts facts;
  if (S_ISREG(found.st_mode)) facts.kind = Facts::Kind::file;
  if (S_ISDIR(found.st_mode)) facts.kind = Facts::Kind::folder;
  if (S_ISLNK(found.st_mode)) facts.kind = Facts::Kind::symlink;
  facts.bytes = static_cast<std::uint64_t>(found.st_size);
  const auto since =
      std::chrono::seconds(found.st_mtim.tv_sec) + std::chrono::nanoseconds(found.st_mtim.tv_nsec);
  facts.changed = WallTime(std::chrono::duration_cast<WallTime::duration>(since));
  facts.mode = found.st_mode & 07777;
  facts.user = found.st_uid;
  facts.group = found.st_gid;
  return facts;
}

}  // namespace

Result<std::optional<Facts>> look(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0) return facts_of(found);
  if (errno == ENOENT) return std::nullopt;
  return failed("look at", path);
}

Result<Facts> look(const Descriptor& open) {
  struct stat found{};
  if (::fstat(open.get(), &found) == 0) return facts_of(found);
  return failed("look at", "an open file");
}

Result<std::optional<Facts>> look_beneath(int root, const std::string& path) {
  const auto parent = open_parent(root, path);
  struct stat found{};
  if (!parent) {
    const ErrorCode code = parent.error().code();
    if (code == ErrorCode::not_found || code == ErrorCode::forbidden) return std::nullopt;
    return Failure(parent.error());
  }
  if (::fstatat(parent->first.get(), parent->second.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0)
    return facts_of(found);
  if (errno == ENOENT) return std::nullopt;
  return failed("look at", path);
}

Result<std::uint64_t> size(const std::string& path) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return failed("look at", path);
  return static_cast<std::uint64_t>(facts.st_size);
}

bool exists(const std::string& path) {
  struct stat facts{};
  return ::lstat(path.c_str(), &facts) == 0;
}

std::string join(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return fmt::format("{}{}{}", folder, folder.ends_with('/') ? "" : "/", name);
}

std::string absolute(std::string_view path) {
  std::string whole = fs::absolute(fs::path(path)).lexically_normal().string();
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  return whole;
}

Result<FolderLock> FolderLock::take(const std::string& folder) {
  OCTO_TRY(make_folders(folder));
  const std::string path = join(folder, "lock");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed("open", path);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail(ErrorCode::conflict, "folder {} is in use by another process", folder);
  }
  return FolderLock(fd);
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace octo::files
