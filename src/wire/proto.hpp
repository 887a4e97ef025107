// SPDX-License-Identifier: MIT
// Shared by the room's own files.
#pragma once
#include "base/bytes.hpp"
#include "base/error.hpp"
#include "wire/octopoda.pb.h"

namespace octo::wire {

inline constexpr std::size_t kProblemTextMax =
    8 * 1024;  // of a sentence: half of what a frame of text may hold

void put_problem(pb::Problem* to, const Error& error);
Error take_problem(const pb::Problem& from);

// Whether the bytes are one.
bool read(google::protobuf::MessageLite& message, BytesView bytes);

}  // namespace octo::wire
