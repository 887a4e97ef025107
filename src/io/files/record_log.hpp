// SPDX-License-Identifier: MIT
// RecordLog: an append-only file of checksummed records. Blocking: call from Workers.
//
// A record is u32 length, u32 CRC-32C of the payload, payload (big-endian), never empty. Torn-tail rule: an
// incomplete or damaged record that reaches to the end of the file, or zeros up to there, were never synced
// and are cut when the log is opened. A damaged record with others behind it is what a loss of power leaves
// of several that were not synced, for pages reach a disk in any order, and what a failing disk makes of good
// ones. Nobody can tell which; so all from there on is moved to `<path>.damaged`, and the log ends before it.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace octo::files {

class RecordLog {
 public:
  static constexpr std::size_t record_bytes_max =
      8 * 1024 * 1024;  // far above any record of ours; a longer one is damage

  // Makes the file when absent; its name is durable after the first sync(). `each` sees every record there
  // is, with its offset; all of them are durable when it answers ok.
  static Result<RecordLog> open(
      const std::string& path,
      const std::function<Result<void>(std::uint64_t offset, BytesView record)>& each);
  // For reading where open() has seen the records before: looks at nothing, takes nothing.
  static Result<RecordLog> view(const std::string& path);
  RecordLog(RecordLog&& other) noexcept;
  RecordLog& operator=(RecordLog&& other) noexcept;
  ~RecordLog();

  // The record's offset. On failure nothing of it stays. Durable only after sync(); once that has failed
  // nothing is taken any more.
  Result<std::uint64_t> append(BytesView record);
  // Several in one write, with the offset of each.
  Result<std::vector<std::uint64_t>> append_all(std::span<const Bytes> records);
  Result<void> sync();
  struct Read {
    Bytes record;
    std::uint64_t next = 0;  // offset of the record behind it
  };
  Result<Read> read(std::uint64_t offset) const;
  // One record after another, many of them with one look at the disk, until `each` has enough: Next::stop.
  enum class Next : std::uint8_t { more, stop };
  Result<void> read_on(std::uint64_t offset,
                       const std::function<Result<Next>(std::uint64_t offset, BytesView record)>& each) const;
  std::uint64_t size() const { return size_; }
  // What open() found damaged and moved away, in a sentence.
  const std::optional<std::string>& damage() const { return damage_; }

 private:
  RecordLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Result<void> scan(const std::function<Result<void>(std::uint64_t, BytesView)>& each);
  Result<bool> zeros_to(std::uint64_t end) const;
  Result<void> set_aside(std::uint64_t end);
  Failure unsound() const;
  Failure damaged(std::uint64_t offset) const;

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  bool unsound_ = false;
  bool placed_ = false;  // its name is durable
  std::optional<std::string> damage_;
};

}  // namespace octo::files
