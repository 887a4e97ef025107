// SPDX-License-Identifier: MIT
// Clock estimator: from round trips to an offset with a bound that holds whatever the asymmetry of the path.
// Pure.
//
// A sample is (sent, received) on our clock and (seen, answered) on the peer's. The true offset lies within
// half the round trip of the sample's midpoint, whatever way the delay was split; so the sample of the
// smallest round trip is best (RFC 5905 §10's clock filter, with 64 samples instead of 8), and its age widens
// the bound by the worst drift.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "domain/node.hpp"

namespace octo {

struct ClockSample {
  Instant sent;           // our clock
  std::int64_t seen = 0;  // peer's clock, nanoseconds
  std::int64_t answered = 0;
  Instant received;
};

class ClockEstimator {
 public:
  static constexpr std::size_t kSamples = 64;
  static constexpr std::int64_t kDriftPpm = 100;  // worst quartz we promise for

  // False when the sample contradicts itself (received before sent, negative round trip) and was ignored.
  bool add(const ClockSample& sample);
  // peer clock = our Instant (as nanoseconds since its epoch) + offset ± bound, at `now`.
  std::optional<ClockReading> at(Instant now) const;
  // Smallest round trip of the samples kept.
  std::optional<Span> round_trip() const;
  void reset() { count_ = next_ = 0; }

 private:
  std::array<ClockSample, kSamples> samples_{};
  std::size_t count_ = 0;
  std::size_t next_ = 0;
};

}  // namespace octo
