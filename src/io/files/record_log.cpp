// SPDX-License-Identifier: MIT
#include "io/files/record_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "io/files/files.hpp"

namespace octo::files {

namespace {

constexpr std::size_t kHeadBytes = 8;

Failure failed(std::string_view step, const std::string& path) {
  const int number = errno;
  const bool full = number == ENOSPC || number == EDQUOT;
  return fail(full ? ErrorCode::storage_full : ErrorCode::internal, "{} {}: {}", step, path,
              std::strerror(number));
}

}  // namespace

RecordLog::RecordLog(RecordLog&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      unsound_(other.unsound_),
      placed_(other.placed_),
      damage_(std::move(other.damage_)) {}

RecordLog& RecordLog::operator=(RecordLog&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(unsound_, other.unsound_);
  std::swap(placed_, other.placed_);
  std::swap(damage_, other.damage_);
  return *this;
}

RecordLog::~RecordLog() {
  if (fd_ >= 0) ::close(fd_);
}

Result<RecordLog> RecordLog::open(const std::string& path,
                                  const std::function<Result<void>(std::uint64_t, BytesView)>& each) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open", path);
  RecordLog log(path, fd);
  OCTO_TRY(log.scan(each));
  // Written by a process that was killed before it synced: whoever reads it now takes it for durable.
  if (log.size_ > 0) OCTO_TRY(log.sync());
  return log;
}

Result<RecordLog> RecordLog::view(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open", path);
  RecordLog log(path, fd);
  log.unsound_ = true;
  return log;
}

Result<void> RecordLog::scan(const std::function<Result<void>(std::uint64_t, BytesView)>& each) {
  struct stat facts{};
  if (::fstat(fd_, &facts) != 0) return failed("look at", path_);
  const auto end = static_cast<std::uint64_t>(facts.st_size);
  while (size_ < end) {
    auto next = read(size_);
    if (next) {
      OCTO_TRY(each(size_, next->record));
      size_ = next->next;
      continue;
    }
    if (next.error().code() != ErrorCode::corrupt) return Failure(next.error());
    char head[kHeadBytes];
    const bool has_head =
        ::pread(fd_, head, sizeof head, static_cast<off_t>(size_)) == static_cast<ssize_t>(sizeof head);
    const std::uint64_t claimed = has_head ? get_unsigned<std::uint32_t>(BytesView(head, 4)) : 0;
    const bool empty = claimed == 0 && OCTO_TRY(zeros_to(end));
    if (has_head && !empty && claimed <= record_bytes_max && size_ + kHeadBytes + claimed < end)
      OCTO_TRY(set_aside(end));
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return failed("cut the torn tail of", path_);
    return {};
  }
  return {};
}

// Whether the file holds nothing from the last good record on: a tail that got its length and not its bytes.
Result<bool> RecordLog::zeros_to(std::uint64_t end) const {
  char part[4096];
  for (std::uint64_t at = size_; at < end;) {
    const ssize_t got = ::pread(fd_, part, sizeof part, static_cast<off_t>(at));
    if (got < 0) return failed("read", path_);
    if (got == 0) return true;
    if (std::any_of(part, part + got, [](char byte) { return byte != 0; })) return false;
    at += static_cast<std::uint64_t>(got);
  }
  return true;
}

Result<void> RecordLog::set_aside(std::uint64_t end) {
  const std::string kept = path_ + ".damaged";
  const int into = ::open(kept.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (into < 0) return failed("set a damaged part aside at", kept);
  const auto all = [&]() -> Result<void> {
    char part[64 * 1024];
    for (std::uint64_t at = size_; at < end;) {
      const ssize_t got = ::pread(fd_, part, sizeof part, static_cast<off_t>(at));
      if (got < 0) return failed("read", path_);
      if (got == 0) break;
      for (ssize_t done = 0; done < got;) {
        const ssize_t wrote = ::write(into, part + done, static_cast<std::size_t>(got - done));
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return failed("set a damaged part aside at", kept);
        done += wrote;
      }
      at += static_cast<std::uint64_t>(got);
    }
    if (::fsync(into) != 0) return failed("sync", kept);
    return sync_folder(path_.substr(0, path_.rfind('/')));
  };
  const auto done = all();
  ::close(into);
  OCTO_TRY(done);
  damage_ =
      fmt::format("{}: damaged record at offset {}; what is there and behind it, {} bytes, is kept as {}",
                  path_, size_, end - size_, kept);
  return {};
}

Failure RecordLog::unsound() const {
  return fail(
      ErrorCode::internal,
      "{}: a sync failed and what it was to keep may be lost; nothing more is taken until it is opened "
      "again, on a sound disk",
      path_);
}

Failure RecordLog::damaged(std::uint64_t offset) const {
  return fail(ErrorCode::corrupt, "{}: damaged record at offset {}", path_, offset);
}

Result<std::uint64_t> RecordLog::append(BytesView record) {
  const Bytes one[] = {Bytes(record)};
  return OCTO_TRY(append_all(one)).front();
}

Result<std::vector<std::uint64_t>> RecordLog::append_all(std::span<const Bytes> records) {
  if (unsound_) return unsound();
  std::size_t bytes = 0;
  for (const Bytes& record : records) {
    if (record.empty()) return fail(ErrorCode::invalid_argument, "an empty record for {}", path_);
    if (record.size() > record_bytes_max)
      return fail(ErrorCode::too_large, "record of {} bytes for {}", record.size(), path_);
    bytes += kHeadBytes + record.size();
  }
  Bytes whole;
  whole.reserve(bytes);
  std::vector<std::uint64_t> offsets;
  offsets.reserve(records.size());
  for (const Bytes& record : records) {
    offsets.push_back(size_ + whole.size());
    put_u32(whole, static_cast<std::uint32_t>(record.size()));
    put_u32(whole, crc32c(record));
    whole += record;
  }
  std::size_t done = 0;
  while (done < whole.size()) {
    const ssize_t wrote =
        ::pwrite(fd_, whole.data() + done, whole.size() - done, static_cast<off_t>(size_ + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      auto failure = failed("append to", path_);
      (void)::ftruncate(fd_, static_cast<off_t>(size_));  // a torn tail is cut at the next open as well
      return failure;
    }
    done += static_cast<std::size_t>(wrote);
  }
  size_ += whole.size();
  return offsets;
}

// Never tried again after a failure: the kernel counts the lost pages as clean, so the next sync would say
// ok.
Result<void> RecordLog::sync() {
  if (unsound_) return unsound();
  if (::fdatasync(fd_) != 0) {
    unsound_ = true;
    return failed("sync", path_);
  }
  // Whoever made the file may have died before its name was durable.
  if (!placed_) OCTO_TRY(sync_folder(path_.substr(0, path_.rfind('/'))));
  placed_ = true;
  return {};
}

Result<RecordLog::Read> RecordLog::read(std::uint64_t offset) const {
  char head[kHeadBytes];
  const ssize_t got = ::pread(fd_, head, sizeof head, static_cast<off_t>(offset));
  if (got < 0) return failed("read", path_);
  if (got != static_cast<ssize_t>(sizeof head)) return damaged(offset);
  const auto bytes = get_unsigned<std::uint32_t>(BytesView(head, 4));
  if (bytes == 0 || bytes > record_bytes_max)
    return damaged(offset);  // none is empty: zeros are what a hole reads as
  Read result;
  result.record.resize(bytes);
  result.next = offset + kHeadBytes + bytes;
  const ssize_t body = ::pread(fd_, result.record.data(), bytes, static_cast<off_t>(offset + kHeadBytes));
  if (body < 0) return failed("read", path_);
  if (body != static_cast<ssize_t>(bytes) ||
      crc32c(result.record) != get_unsigned<std::uint32_t>(BytesView(head + 4, 4))) {
    return damaged(offset);
  }
  return result;
}

Result<void> RecordLog::read_on(std::uint64_t offset,
                                const std::function<Result<Next>(std::uint64_t, BytesView)>& each) const {
  constexpr std::size_t kBlock = 64 * 1024;
  Bytes block;
  std::size_t at = 0;  // where in the block the record at `offset` begins
  const auto fill = [&](std::size_t bytes) -> Result<void> {
    if (block.size() - at >= bytes) return {};
    block.erase(0, std::exchange(at, 0));
    const std::size_t had = block.size();
    block.resize(std::max(had + kBlock, bytes));
    const ssize_t got =
        ::pread(fd_, block.data() + had, block.size() - had, static_cast<off_t>(offset + had));
    block.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return failed("read", path_);
    if (block.size() < bytes) return damaged(offset);
    return {};
  };
  while (true) {
    OCTO_TRY(fill(kHeadBytes));
    const auto bytes = get_unsigned<std::uint32_t>(BytesView(block).substr(at, 4));
    const auto sum = get_unsigned<std::uint32_t>(BytesView(block).substr(at + 4, 4));
    if (bytes == 0 || bytes > record_bytes_max) return damaged(offset);
    OCTO_TRY(fill(kHeadBytes + bytes));
    const BytesView record = BytesView(block).substr(at + kHeadBytes, bytes);
    if (crc32c(record) != sum) return damaged(offset);
    if (OCTO_TRY(each(offset, record)) == Next::stop) return {};
    at += kHeadBytes + bytes;
    offset += kHeadBytes + bytes;
  }
}

}  // namespace octo::files
