// SPDX-License-Identifier: MIT
#include "runner/spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"

namespace octo::runner {

Spool::Spool(int folder, std::uint64_t head_bytes, std::uint64_t tail_bytes)
    : folder_(folder),
      tail_bytes_(tail_bytes),
      segment_bytes_(std::max<std::uint64_t>(tail_bytes / kSegmentsOfTail, 1)),
      buffer_(std::make_unique_for_overwrite<char[]>(kFrameHeadBytes + kPieceHeadBytes + kPieceBytesMax)) {
  for (Stream& stream : streams_) stream.head_left = head_bytes;
}

Spool::~Spool() {
  for (Stream& stream : streams_) {
    if (stream.fd >= 0) ::close(stream.fd);
  }
}

bool Spool::open_segment(std::uint8_t stream) {
  Stream& into = streams_[stream];
  const std::string name = segment_name(stream, into.next_segment);
  const int fd = ::openat(folder_, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  if (into.fd >= 0) ::close(into.fd);
  into.fd = fd;
  into.segments.push_back({.number = into.next_segment++});
  new_files_ = true;
  return true;
}

void Spool::append(std::uint8_t stream, std::size_t count) {
  char* bytes = room();
  // A piece lies in one segment; its head is written before its bytes, over what was put already.
  while (count > 0) {
    const std::size_t done = put(stream, bytes, count);
    streams_[stream].written += done;
    bytes += done;
    count -= done;
  }
}

// Keeps or loses the first bytes; answers how many.
std::size_t Spool::put(std::uint8_t stream, char* bytes, std::size_t count) {
  Stream& into = streams_[stream];
  if (into.fd < 0 && !open_segment(stream)) return lost(count, errno), count;
  const bool head = into.segments.back().number == 0;
  const Segment& last = into.segments.back();
  if (head ? into.head_left == 0
           : last.bytes >= segment_bytes_ || last.file_bytes >= segment_bytes_ * kFileBytesOfOutput) {
    if (!open_segment(stream)) return lost(count, errno), count;
    trim(into, stream);
    return put(stream, bytes, count);
  }
  if (head) count = std::min<std::size_t>(count, into.head_left);
  constexpr std::size_t kHeads = kFrameHeadBytes + kPieceHeadBytes;
  seal_piece(bytes - kHeads, {stream, sequence_, into.written, BytesView(bytes, count)});
  Segment& segment = into.segments.back();
  const ssize_t wrote =
      ::pwrite(into.fd, bytes - kHeads, kHeads + count, static_cast<off_t>(segment.file_bytes));
  if (wrote != static_cast<ssize_t>(kHeads + count)) {
    lost(count, wrote < 0 ? errno : ENOSPC);
    (void)!::ftruncate(into.fd, static_cast<off_t>(segment.file_bytes));
    return count;
  }
  ++sequence_;
  segment.file_bytes += kHeads + count;
  segment.bytes += count;
  if (head) into.head_left -= count;
  return count;
}

void Spool::trim(Stream& stream, std::uint8_t number) {
  std::uint64_t bytes = 0, file_bytes = 0;
  for (const Segment& segment : stream.segments) {
    if (segment.number == 0) continue;
    bytes += segment.bytes;
    file_bytes += segment.file_bytes;
  }
  // segments[0] is the head, segments[1] the oldest of the tail, and the newest one stays.
  while (stream.segments.size() > 2) {
    const Segment oldest = stream.segments[1];
    const bool enough = bytes - oldest.bytes >= tail_bytes_ || file_bytes > kFileBytesOfOutput * tail_bytes_;
    if (!enough) return;
    ::unlinkat(folder_, segment_name(number, oldest.number).c_str(), 0);
    stream.segments.erase(stream.segments.begin() + 1);
    bytes -= oldest.bytes;
    file_bytes -= oldest.file_bytes;
  }
}

void Spool::lost(std::uint64_t count, int error) {
  lost_bytes_ += count;
  lost_error_ = error;
}

std::string Spool::finish() {
  int error = 0;
  for (std::uint8_t number = 1; number <= 3; ++number) {
    Stream& stream = streams_[number];
    for (const Segment& segment : stream.segments) {
      if (segment.file_bytes == 0) continue;
      const bool newest = &segment == &stream.segments.back();
      const int fd =
          newest ? stream.fd
                 : ::openat(folder_, segment_name(number, segment.number).c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0 || ::fdatasync(fd) != 0) error = errno;
      if (!newest && fd >= 0) ::close(fd);
    }
  }
  if (new_files_ && ::fsync(folder_) != 0) error = errno;
  std::vector<std::string> reasons;
  if (lost_bytes_ > 0)
    reasons.push_back(
        fmt::format("{} bytes of output were not kept: {}", lost_bytes_, std::strerror(lost_error_)));
  if (error != 0)
    reasons.push_back(fmt::format("the kept output may be damaged: sync: {}", std::strerror(error)));
  return join(reasons, "; ");
}

}  // namespace octo::runner
