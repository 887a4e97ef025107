// SPDX-License-Identifier: MIT
// Raw bytes. std::string, because every library we hand them to (Protobuf, SQLite, OpenSSL, JSON) speaks
// char.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace octo {

using Bytes = std::string;
using BytesView = std::string_view;

// Big-endian, as in every format of ours.
inline void put_u8(Bytes& out, std::uint8_t value) { out.push_back(static_cast<char>(value)); }
inline void put_u16(Bytes& out, std::uint16_t value) {
  for (int shift = 8; shift >= 0; shift -= 8) put_u8(out, static_cast<std::uint8_t>(value >> shift));
}
inline void put_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) put_u8(out, static_cast<std::uint8_t>(value >> shift));
}
inline void put_u64(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) put_u8(out, static_cast<std::uint8_t>(value >> shift));
}
// The caller has checked that the bytes are there.
template <class Unsigned>
Unsigned get_unsigned(BytesView bytes) {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    value =
        static_cast<Unsigned>((static_cast<std::uint64_t>(value) << 8) | static_cast<std::uint8_t>(bytes[i]));
  }
  return value;
}

// A SHA-256 value; prints as 64 lower-case hexadecimal digits.
struct Sha256 {
  std::array<std::uint8_t, 32> bytes{};
  friend auto operator<=>(const Sha256&, const Sha256&) = default;
};
std::string print_hex(BytesView bytes);
std::string print_hex(const Sha256& hash);

}  // namespace octo
