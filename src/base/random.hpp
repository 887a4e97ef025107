// SPDX-License-Identifier: MIT
// Randomness as an argument: io/crypto has the real one, simulations a seeded one.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace octo {

class Random {
 public:
  virtual ~Random() = default;
  virtual Bytes bytes(std::size_t count) = 0;

  std::uint64_t number() { return get_unsigned<std::uint64_t>(bytes(8)); }
  // In [0, 1).
  double fraction() { return static_cast<double>(number() >> 11) * 0x1.0p-53; }
};

}  // namespace octo
