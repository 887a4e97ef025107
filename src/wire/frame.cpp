// SPDX-License-Identifier: MIT
#include "wire/frame.hpp"

#include <array>

#include "wire/limits.hpp"

namespace octo::wire {

namespace {

enum class On : std::uint8_t { session, stream };

struct TypeRule {
  std::string_view name;
  On on;
  std::size_t payload_bytes_max;
};

constexpr std::size_t kTextBytesMax = 16 * 1024;  // a code and a sentence

constexpr std::array<TypeRule, 11> kTypes = {{
    {"", On::session, 0},  // there is no type 0
    {"hello", On::session, limits::hello_bytes_max},
    {"welcome", On::session, limits::hello_bytes_max},
    {"refuse", On::session, kTextBytesMax},
    {"ping", On::session, 128},
    {"pong", On::session, 128},
    {"message", On::stream, limits::payload_bytes_max},
    {"credit", On::stream, 4},
    {"finish", On::stream, 0},
    {"reset", On::stream, kTextBytesMax},
    {"goodbye", On::session, kTextBytesMax},
}};

}  // namespace

std::string_view name_of(FrameType type) { return kTypes[static_cast<std::size_t>(type)].name; }

Bytes encode(const Header& header) {
  Bytes out;
  put_u32(out, header.payload_bytes);
  put_u8(out, static_cast<std::uint8_t>(header.type));
  put_u8(out, 0);
  put_u16(out, 0);
  put_u32(out, header.stream);
  return out;
}

Result<Header> decode_header(BytesView bytes) {
  Header header;
  header.payload_bytes = get_unsigned<std::uint32_t>(bytes);
  const auto type = get_unsigned<std::uint8_t>(bytes.substr(4));
  const auto rest = get_unsigned<std::uint32_t>(bytes.substr(4)) & 0x00ffffffU;
  header.stream = get_unsigned<std::uint32_t>(bytes.substr(8));
  if (type == 0 || type >= kTypes.size())
    return fail(ErrorCode::invalid_argument, "frame of unknown type {}", type);
  const TypeRule& rule = kTypes[type];
  if (rest != 0) return fail(ErrorCode::invalid_argument, "{} frame with unknown flags", rule.name);
  if ((rule.on == On::stream) != (header.stream != 0)) {
    return fail(ErrorCode::invalid_argument, "{} frame on stream {}", rule.name, header.stream);
  }
  if (header.payload_bytes > rule.payload_bytes_max) {
    return fail(ErrorCode::too_large, "{} frame of {} bytes, {} at most", rule.name, header.payload_bytes,
                rule.payload_bytes_max);
  }
  header.type = static_cast<FrameType>(type);
  return header;
}

}  // namespace octo::wire
