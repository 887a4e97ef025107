// SPDX-License-Identifier: MIT
// Frame: the unit of the link. 12-byte header, big-endian: payload length u32, type u8, flags u8 (0),
// reserved u16 (0), stream u32; then the payload. See spec/wire.md. A header is judged before one byte of
// payload is taken.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace octo::wire {

inline constexpr std::size_t kHeaderBytes = 12;

enum class FrameType : std::uint8_t {
  hello = 1,     // node → Brain, first frame (Protobuf Hello), stream 0
  welcome = 2,   // Brain → node, answer (Protobuf Welcome), stream 0
  refuse = 3,    // Brain → node instead of welcome (Protobuf Problem), then close; stream 0
  ping = 4,      // (Protobuf Ping), stream 0
  pong = 5,      // (Protobuf Pong), stream 0
  message = 6,   // one whole message of a stream; the first one opens it
  credit = 7,    // payload u32: that many more bytes of message frames, headers included, may be sent on it
  finish = 8,    // sender will send no more on this stream; empty
  reset = 9,     // (Protobuf Problem) the stream is gone, why
  goodbye = 10,  // (Protobuf Problem) the session ends on purpose, why; stream 0
};

// Node-opened streams are odd, Brain-opened ones even; 0 is the session itself.
using StreamId = std::uint32_t;

struct Header {
  std::uint32_t payload_bytes = 0;
  FrameType type = FrameType::message;
  StreamId stream = 0;
  friend bool operator==(const Header&, const Header&) = default;
};

Bytes encode(const Header& header);
// Needs kHeaderBytes. invalid_argument for an unknown type, flags or reserved bytes, or a stream where none
// may be (or the reverse); too_large over the limit of its type.
Result<Header> decode_header(BytesView bytes);
std::string_view name_of(FrameType type);

}  // namespace octo::wire
