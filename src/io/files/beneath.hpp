// SPDX-License-Identifier: MIT
// An open file descriptor, and paths that the kernel keeps beneath a root.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "base/time.hpp"

namespace octo::files {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool good() const { return fd_ >= 0; }

 private:
  int fd_;
};

// The failure of the system call just made.
inline Failure failed(std::string_view step, std::string_view path) {
  const int number = errno;
  ErrorCode code = ErrorCode::unavailable;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::storage_full;
  if (number == ENOENT || number == ENOTDIR) code = ErrorCode::not_found;
  if (number == EEXIST || number == ENOTEMPTY) code = ErrorCode::conflict;
  if (number == EACCES || number == EPERM || number == ELOOP || number == EXDEV) code = ErrorCode::forbidden;
  return fail(code, "{} {}: {}", step, path, std::strerror(number));
}

// What something on a file system is.
struct Facts {
  enum class Kind : std::uint8_t { file, folder, symlink, other };
  Kind kind = Kind::other;
  std::uint64_t bytes = 0;
  WallTime changed;   // its content, as the file system says
  unsigned mode = 0;  // permission bits
  unsigned user = 0, group = 0;
};
Result<std::optional<Facts>> look(const std::string& path);  // nothing: absent. Follows no symlink at the end
Result<Facts> look(const Descriptor& open);

// Beneath `root`, through no symlink. Absent too: what lies behind a file or a symlink.
Result<std::optional<Facts>> look_beneath(int root, const std::string& path);

Result<void> write_all(int fd, std::string_view bytes, std::string_view path);
// More files than this are made durable with their whole file system at once (syncfs), which takes one wait
// for the disk instead of one each; fewer one by one, so that they need not wait for what others have
// written.
inline constexpr std::size_t synced_alone_max = 64;
// `open` is of before the writing: errors since then are reported (by Linux 5.8 and newer).
Result<void> sync_file_system(const Descriptor& open, std::string_view what);
// Beneath `root`, through no symlink: openat2. `flags` as open(2).
Result<Descriptor> open_beneath(int root, const std::string& path, int flags);
// The folder that holds `path`, and the last segment.
Result<std::pair<Descriptor, std::string>> open_parent(int root, const std::string& path);

}  // namespace octo::files
