// SPDX-License-Identifier: MIT
// What place() does in its last step, as a durable list; private to the room.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace octo::files {

struct SwitchStep {
  enum class Kind : std::uint8_t { remove = 1, folder = 2, move = 3 };
  Kind kind = Kind::remove;
  std::string path;          // in the root
  std::uint32_t mode = 0;    // of a folder; of a removal: only_a_folder, or 0
  std::uint32_t staged = 0;  // of a move: its name in <staging>/new
};
// A step may be taken again after a crash. One that makes room for a file must not remove the file then.
inline constexpr std::uint32_t only_a_folder = 1;
inline constexpr std::size_t switch_record_max = 64 * 1024 * 1024;  // a hundred thousand long paths

std::string switch_record(const std::string& staging);  // path
std::string staged_folder(const std::string& staging);  // path
std::string next_manifest(const std::string& staging);  // path; becomes the owned one when the switch is done
std::string next_note(const std::string& staging);      // path; becomes switch_note() with it
Bytes encode(const std::vector<SwitchStep>& steps);

}  // namespace octo::files
