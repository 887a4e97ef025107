// SPDX-License-Identifier: MIT
// Clock estimator: from round trips to an offset, with a bound that holds whatever the asymmetry of the path.
// Pure; spec/time.md explains it to others.
//
// A sample is (sent, received) on our clock and (seen, answered) on the peer's. Nothing arrives before it is
// sent, so the true offset lies between answered - received and seen - sent, however the delay was split.
// Two things are made of the samples kept:
// - the *bound*: where these intervals overlap, each widened by its age times what two bad quartzes drift
//   apart. Only that no clock is worse than kDriftPpm is assumed.
// - the *offset*: the middle of where they overlap when each is carried to now with the drift that was fitted
//   over the minima of the past minutes. A guess, but never outside the bound.
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
  static constexpr std::size_t kMinima = 64;
  static constexpr Span kMinimumEvery = 10s;      // the least round trip of so long is one point of the fit
  static constexpr std::int64_t kDriftPpm = 100;  // worst quartz we promise for

  // False when the sample contradicts itself (received before sent, negative round trip) and was ignored. One
  // that contradicts those before it makes them forgotten: a clock was not what we take it for (a machine
  // that slept).
  bool add(const ClockSample& sample);
  // peer clock = our Instant (as nanoseconds since its epoch) + offset ± bound, at `when`; that may be in the
  // future.
  std::optional<ClockReading> at(Instant when) const;
  // Smallest round trip of the samples kept.
  std::optional<Span> round_trip() const;
  // How fast the peer's clock gains on ours, parts per billion; nothing before there is enough to fit.
  std::optional<std::int64_t> drift_ppb() const;
  std::size_t samples_taken() const { return taken_; }
  void reset() { count_ = next_ = minima_count_ = minima_next_ = 0; }

 private:
  // At some instants within `reach` of `at` the offset is no less than low and no more than high.
  struct Interval {
    Instant at;
    Span reach{};
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::int64_t width() const { return high - low; }
  };
  static std::optional<Interval> meet(const ClockEstimator& of, Instant when, double drift, double slack);
  void add_minimum(const Interval& interval);

  std::array<Interval, kSamples> samples_{};
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  std::array<Interval, kMinima> minima_{};
  std::size_t minima_count_ = 0;
  std::size_t minima_next_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace octo
