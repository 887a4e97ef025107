// SPDX-License-Identifier: MIT
#include "runner/folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "base/text.hpp"

namespace octo::runner {

namespace {

std::expected<Bytes, Exit> load_file(int folder, const char* name, std::size_t bytes_max) {
  const int fd = ::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct stat facts{};
  if (fd < 0 || ::fstat(fd, &facts) != 0 || facts.st_size > static_cast<off_t>(bytes_max))
    return std::unexpected(Exit::intent);
  Bytes bytes(static_cast<std::size_t>(facts.st_size), '\0');
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  if (got != facts.st_size) return std::unexpected(Exit::intent);
  return bytes;
}

Span clock_span(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Instant now() { return Instant(clock_span(CLOCK_BOOTTIME)); }
WallTime wall_now() { return WallTime(clock_span(CLOCK_REALTIME)); }

std::string boot_id() {
  char text[64];
  const int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? 0 : ::read(fd, text, sizeof text);
  if (fd >= 0) ::close(fd);
  return std::string(trim(std::string_view(text, got > 0 ? static_cast<std::size_t>(got) : 0)));
}

std::expected<Folder, Exit> Folder::open(const std::string& path) {
  Folder folder(path);
  folder.fd_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder.fd_ < 0) return std::unexpected(Exit::intent);
  const auto bytes = load_file(folder.fd_, kIntentFile, kFrameBytesMax + kFrameHeadBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto intent = decode_intent(*bytes);
  if (!intent) return std::unexpected(Exit::intent);
  folder.intent_ = std::move(*intent);
  return folder;
}

Folder::Folder(Folder&& other) noexcept
    : path_(std::move(other.path_)),
      intent_(std::move(other.intent_)),
      fd_(std::exchange(other.fd_, -1)),
      record_(std::exchange(other.record_, -1)),
      fifo_(std::exchange(other.fifo_, -1)) {}

Folder::~Folder() {
  for (const int fd : {fd_, record_, fifo_}) {
    if (fd >= 0) ::close(fd);
  }
}

bool Folder::lock() {
  record_ = ::openat(fd_, kRecordFile, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return record_ >= 0 && ::fcntl(record_, F_SETLK, &whole) == 0;
}

void Folder::unlock() {
  ::close(record_);
  record_ = -1;
}

std::expected<std::string, Exit> Folder::write_script() {
  if (!intent_.script) return std::string();
  const std::string inside = std::string(kScriptFolder) + "/" + intent_.script_name;
  if (::mkdirat(fd_, kScriptFolder, 0700) != 0 && errno != EEXIST) return std::unexpected(Exit::storage);
  const int fd = ::openat(fd_, inside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0700);
  if (fd < 0) return std::unexpected(Exit::storage);
  const ssize_t wrote = ::write(fd, intent_.text.data(), intent_.text.size());
  const bool given = give(fd) && (!intent_.user || ::fchmodat(fd_, kScriptFolder, 0711, 0) == 0);
  // Closed before the fork: a file that somebody has open for writing cannot be executed.
  if (::close(fd) != 0 || !given || wrote != static_cast<ssize_t>(intent_.text.size()))
    return std::unexpected(Exit::storage);
  return path_ + "/" + inside;
}

void Folder::make_note() {
  if (!intent_.script && !intent_.user) return;
  const int fd = ::openat(fd_, kNoteFile, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  (void)give(fd);
  ::close(fd);
}

bool Folder::give(int fd) const {
  return !intent_.user || ::fchown(fd, intent_.user->uid, intent_.user->gid) == 0;
}

std::expected<void, Exit> Folder::claim() {
  const int fd = ::openat(fd_, kClaimFile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return std::unexpected(errno == EEXIST ? Exit::claim_lost : Exit::storage);
  const Bytes bytes =
      encode(Claim{.by = Claim::By::runner, .pid = ::getpid(), .boot = boot_id(), .at = now()});
  const int runs = ::openat(fd_, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool durable = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
                       ::fdatasync(fd) == 0 && ::fsync(fd_) == 0 && runs >= 0 && ::fsync(runs) == 0;
  ::close(fd);
  if (runs >= 0) ::close(runs);
  if (durable) return {};
  // Nothing is started: left behind, it would speak for a start that nobody can tell the end of.
  ::unlinkat(fd_, kClaimFile, 0);
  return std::unexpected(Exit::storage);
}

std::optional<Bytes> Folder::load(const char* name) const {
  auto bytes = load_file(fd_, name, kFrameBytesMax);
  return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
}

bool Folder::append(BytesView frame) {
  const ssize_t wrote = ::write(record_, frame.data(), frame.size());
  if (wrote == static_cast<ssize_t>(frame.size())) return true;
  // A part of it with another frame behind would be a damaged record, and its end would not count.
  struct stat facts{};
  if (wrote > 0 && ::fstat(record_, &facts) == 0) (void)!::ftruncate(record_, facts.st_size - wrote);
  return false;
}

bool Folder::sync() { return ::fdatasync(record_) == 0; }

void Folder::wake(Wake wake) {
  if (fifo_ < 0) fifo_ = ::openat(fd_, "../wake", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fifo_ < 0) return;
  const Bytes message = wake_message(wake, intent_.run);
  if (::write(fifo_, message.data(), message.size()) < 0 && errno == EPIPE) {
    ::close(fifo_);
    fifo_ = -1;
  }
}

}  // namespace octo::runner
