// SPDX-License-Identifier: MIT
// Spool: what a command wrote, on disk, bounded: of each stream the first head_bytes and at least the last
// tail_bytes, in checksummed pieces. Never blocks on a full disk and never grows in memory: what cannot be
// kept is counted.
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "runner/format.hpp"

namespace octo::runner {

class Spool {
 public:
  // One file holds so much of the tail's output, of 15 MiB a MiB …
  static constexpr std::uint64_t kSegmentsOfTail = 15;
  // … and in bytes of file so many times that: tiny pieces have big heads.
  static constexpr std::uint64_t kFileBytesOfOutput = 4;

  // `folder`: descriptor of the run's folder, outlives the spool. `run`: for its pieces of stdout and stderr.
  Spool(int folder, std::uint64_t head_bytes, std::uint64_t tail_bytes);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Where to read the next bytes of any stream into: kPieceBytesMax of room.
  char* room() { return buffer_.get() + kFrameHeadBytes + kPieceHeadBytes; }
  // Takes the first `count` bytes of room().
  void append(std::uint8_t stream, std::size_t count);
  // The rest of a stream that was not looked at: counted, not kept.
  void skip(std::uint8_t stream, std::uint64_t count) { streams_[stream].written += count; }
  // Makes all that is kept durable. "" or what went wrong with the kept output, for people.
  std::string finish();
  std::uint64_t written(std::uint8_t stream) const { return streams_[stream].written; }

 private:
  struct Segment {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;  // of output
    std::uint64_t file_bytes = 0;
  };
  struct Stream {
    std::uint64_t written = 0;
    int fd = -1;  // of the newest segment
    std::uint64_t next_segment = 0;
    std::uint64_t head_left = 0;  // of the head, while its segment is open
    std::deque<Segment> segments;
  };
  std::size_t put(std::uint8_t stream, char* bytes, std::size_t count);
  bool open_segment(std::uint8_t stream);
  void trim(Stream& stream, std::uint8_t number);
  void lost(std::uint64_t count, int error);

  int folder_;
  std::uint64_t tail_bytes_;
  std::uint64_t segment_bytes_;
  std::uint64_t sequence_ = 0;
  std::uint64_t lost_bytes_ = 0;
  int lost_error_ = 0;
  bool new_files_ = false;
  Stream streams_[4];
  std::unique_ptr<char[]> buffer_;
};

}  // namespace octo::runner
