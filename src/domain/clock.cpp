// SPDX-License-Identifier: MIT
#include "domain/clock.hpp"

namespace octo {

namespace {

std::int64_t nanoseconds(Instant instant) { return instant.time_since_epoch().count(); }

Span round_trip_of(const ClockSample& sample) {
  return sample.received - sample.sent - Span(sample.answered - sample.seen);
}

}  // namespace

bool ClockEstimator::add(const ClockSample& sample) {
  if (sample.received < sample.sent || sample.answered < sample.seen || round_trip_of(sample) < Span::zero())
    return false;
  samples_[next_] = sample;
  next_ = (next_ + 1) % kSamples;
  count_ = std::min(count_ + 1, kSamples);
  return true;
}

std::optional<ClockReading> ClockEstimator::at(Instant now) const {
  std::optional<ClockReading> best;
  for (std::size_t i = 0; i < count_; ++i) {
    const ClockSample& sample = samples_[i];
    const Span half = round_trip_of(sample) / 2;
    const Span age = now - sample.received;
    // Rounded up: a bound that is a nanosecond short is not a bound. Both clocks may drift, so twice the
    // worst of one.
    const Span drift = age * (2 * kDriftPpm) / 1'000'000 + Span(1);
    const Span bound = half + Span(1) + std::max(drift, Span(1));
    if (best && bound >= best->bound) continue;
    const std::int64_t ours =
        nanoseconds(sample.sent) + (nanoseconds(sample.received) - nanoseconds(sample.sent)) / 2;
    const std::int64_t theirs = sample.seen + (sample.answered - sample.seen) / 2;
    best = ClockReading{Span(theirs - ours), bound};
  }
  return best;
}

std::optional<Span> ClockEstimator::round_trip() const {
  std::optional<Span> least;
  for (std::size_t i = 0; i < count_; ++i) {
    const Span round_trip = round_trip_of(samples_[i]);
    if (!least || round_trip < *least) least = round_trip;
  }
  return least;
}

}  // namespace octo
