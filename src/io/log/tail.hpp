// SPDX-License-Identifier: MIT
// The last lines of the log files that log::open() writes, and what is added to them. Blocking: call from
// Workers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace octo::log {

class Tail {
 public:
  static constexpr std::size_t bytes_at_once = 64 * 1024;  // what next() holds in memory, and one line's most

  struct From {
    std::string folder, prefix;  // of log::To
    std::uint64_t lines = 30;    // from so many before the end
    std::optional<std::uint32_t>
        days_before;  // none older than so many days before today; nothing: as old as is kept
    std::time_t now = 0;
  };
  // not_found when the folder is not there.
  static Result<Tail> open(const From& from);

  // Lines in order, without their ends; none when all that is written has been read: ask again later. A line
  // that is being written is not a line yet. A longer one comes in pieces.
  Result<std::vector<std::string>> next();

 private:
  Tail(std::string folder, std::string prefix) : folder_(std::move(folder)), prefix_(std::move(prefix)) {}
  Result<void> seek(const From& from);
  Result<bool> step();  // to the file behind this one, if there is one

  std::string folder_, prefix_;
  std::string file_;  // name; "" before the first
  std::uint64_t offset_ = 0;
};

}  // namespace octo::log
