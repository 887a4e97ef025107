// SPDX-License-Identifier: MIT
// Reads what a run's command wrote, while it writes or later, in the order its runner saw it. Blocking: call
// from Workers.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "domain/order.hpp"
#include "runner/format.hpp"

namespace octo::tentacle {

class SpoolReader {
 public:
  explicit SpoolReader(std::string folder) : folder_(std::move(folder)) {}

  // Pieces beyond `from`, each at most 64 KiB, about `bytes_max` in all. Reading on from where the last read
  // ended is cheap. What cannot be read (dropped, damaged, not yet whole) is left out.
  std::vector<OutputPiece> read(const OutputMark& from, std::size_t bytes_max);

 private:
  // A place in one stream: all bytes before `mark` lie before `position` of `segment`.
  struct Cursor {
    std::uint64_t mark = 0;
    std::uint64_t segment = 0;
    std::uint64_t position = 0;
  };
  struct Next {
    std::uint64_t sequence = 0;
    OutputPiece piece;
    Cursor after;
  };
  std::optional<Next> peek(OutputStream stream, Cursor cursor,
                           const std::vector<std::uint64_t>& segments) const;

  std::string folder_;
  std::array<Cursor, 3> cursors_{};
};

// The names in a folder; none when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);

// How far each stream was written as the kept pieces tell.
OutputMark output_ends(const std::string& folder);

}  // namespace octo::tentacle
