// SPDX-License-Identifier: MIT
// Shared by the room's own files.
#pragma once
#include <google/protobuf/stubs/logging.h>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "wire/octopoda.pb.h"

namespace octo::wire {

inline constexpr std::size_t kProblemTextMax =
    8 * 1024;  // of a sentence: half of what a frame of text may hold

void put_problem(pb::Problem* to, const Error& error);
Error take_problem(const pb::Problem& from);

// Protobuf tells stderr of itself what it thinks of a peer's bytes: whoever sends junk would fill our log.
inline bool read(google::protobuf::MessageLite& message, BytesView bytes) {
  [[maybe_unused]] static const auto before = google::protobuf::SetLogHandler(nullptr);
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace octo::wire
