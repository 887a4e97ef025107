// SPDX-License-Identifier: MIT
// FastCDC (Xia et al., USENIX ATC 2016) with normalised chunking: cuts that depend on the content around them
// only, so that an insertion moves no cut but its neighbours.
#include <array>

#include "domain/limits.hpp"
#include "domain/manifest.hpp"

namespace octo {

namespace {

// Part of the format: other numbers would cut elsewhere and store everything anew. Drawn with splitmix64 from
// seed 0.
constexpr std::array<std::uint64_t, 256> make_gear() {
  std::array<std::uint64_t, 256> gear{};
  std::uint64_t state = 0;
  for (std::uint64_t& value : gear) {
    state += 0x9e3779b97f4a7c15ULL;
    std::uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    value = mixed ^ (mixed >> 31);
  }
  return gear;
}
constexpr auto kGear = make_gear();

// 18 and 14 bits set: two harder than the average of 2^16 before it, two easier behind it.
constexpr std::uint64_t kMaskBefore = 0x00d3590703530000ULL;
constexpr std::uint64_t kMaskBehind = 0x0001d90303530000ULL;

}  // namespace

std::size_t next_cut(BytesView bytes) {
  if (bytes.size() <= limits::chunk_bytes_min) return bytes.size();
  const std::size_t end = std::min(bytes.size(), limits::chunk_bytes_max);
  const std::size_t normal = std::min(end, limits::chunk_bytes_average);
  std::uint64_t hash = 0;
  std::size_t at = limits::chunk_bytes_min;
  for (; at < normal; ++at) {
    hash = (hash << 1) + kGear[static_cast<std::uint8_t>(bytes[at])];
    if ((hash & kMaskBefore) == 0) return at;
  }
  for (; at < end; ++at) {
    hash = (hash << 1) + kGear[static_cast<std::uint8_t>(bytes[at])];
    if ((hash & kMaskBehind) == 0) return at;
  }
  return end;
}

}  // namespace octo
