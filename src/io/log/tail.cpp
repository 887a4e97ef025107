// SPDX-License-Identifier: MIT
#include "io/log/tail.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "base/text.hpp"
#include "io/log/name.hpp"

namespace octo::log {

namespace {

namespace fs = std::filesystem;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  bool is_open() const { return fd_ >= 0; }
  std::uint64_t size() const {
    const off_t end = ::lseek(fd_, 0, SEEK_END);
    return end < 0 ? 0 : static_cast<std::uint64_t>(end);
  }
  Result<std::string> read(std::uint64_t offset, std::size_t bytes) const {
    std::string text(bytes, '\0');
    const ssize_t got = ::pread(fd_, text.data(), bytes, static_cast<off_t>(offset));
    if (got < 0) return fail(ErrorCode::unavailable, "read a log file: {}", std::strerror(errno));
    text.resize(static_cast<std::size_t>(got));
    return text;
  }

 private:
  int fd_;
};

// Where the last `wanted` lines of the file begin; fewer are left in `wanted` when it has not so many.
Result<std::uint64_t> find_start(const OpenFile& file, std::uint64_t& wanted) {
  std::uint64_t at = file.size();
  bool last = true;  // the end of the last line begins no other
  while (at > 0) {
    const std::size_t bytes = std::min<std::uint64_t>(at, Tail::bytes_at_once);
    const std::string text = OCTO_TRY(file.read(at - bytes, bytes));
    for (std::size_t i = text.size(); i > 0; --i) {
      if (text[i - 1] != '\n') {
        last = false;
      } else if (std::exchange(last, false)) {
        continue;
      } else if (--wanted == 0) {
        return at - bytes + i;
      }
    }
    at -= bytes;
  }
  if (file.size() > 0) --wanted;
  return 0;
}

}  // namespace

Result<Tail> Tail::open(const From& from) {
  std::error_code error;
  if (!fs::is_directory(from.folder, error))
    return fail(ErrorCode::not_found, "there is no log folder {}", from.folder);
  Tail tail(from.folder, from.prefix);
  OCTO_TRY(tail.seek(from));
  return tail;
}

Result<void> Tail::seek(const From& from) {
  std::vector<FileName> files = list_files(folder_, prefix_);
  if (from.days_before) {
    const std::string oldest = day_of(from.now - static_cast<std::time_t>(*from.days_before) * 24 * 3600);
    std::erase_if(files, [&](const FileName& file) { return file.day < oldest; });
  }
  std::uint64_t wanted = from.lines;
  if (wanted == 0 && !files.empty()) {
    file_ = files.back().name;
    offset_ = OpenFile(folder_ + "/" + file_).size();
    return {};
  }
  for (auto file = files.rbegin(); file != files.rend() && wanted > 0; ++file) {
    const OpenFile open(folder_ + "/" + file->name);
    if (!open.is_open()) continue;  // it is old, and goes just now
    file_ = file->name;
    offset_ = OCTO_TRY(find_start(open, wanted));
  }
  return {};
}

Result<bool> Tail::step() {
  for (const FileName& file : list_files(folder_, prefix_)) {
    if (!file_.empty() && !comes_before(*parse_name(file_, prefix_), file)) continue;
    file_ = file.name;
    offset_ = 0;
    return true;
  }
  return false;
}

Result<std::vector<std::string>> Tail::next() {
  std::vector<std::string> lines;
  while (true) {
    if (const OpenFile file(folder_ + "/" + file_); !file_.empty() && file.is_open()) {
      const std::string text = OCTO_TRY(file.read(offset_, bytes_at_once));
      std::size_t begin = 0;
      for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
        lines.push_back(text.substr(begin, end - begin));
      if (begin == 0 && text.size() == bytes_at_once) {
        lines.push_back(text);
        begin = text.size();
      }
      offset_ += begin;
      if (!lines.empty()) return lines;
    }
    if (!OCTO_TRY(step())) return lines;
  }
}

}  // namespace octo::log
