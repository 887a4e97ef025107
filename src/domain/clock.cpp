// SPDX-License-Identifier: MIT
#include "domain/clock.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>

namespace octo {

namespace {

constexpr double kWorstDrift = 2.0 * ClockEstimator::kDriftPpm / 1e6;  // both clocks may drift, and apart
// What a quartz's drift changes within the minutes of the fit, by temperature. Only the guess relies on it.
constexpr double kDriftWander = 1e-6;
constexpr std::size_t kFitPointsMin = 4;
constexpr Span kFitSpanMin = 30s;
constexpr double kFitFloor = 500;  // ns: no stamp of ours is better, so no point is worth more

std::int64_t nanoseconds(Instant instant) { return instant.time_since_epoch().count(); }

}  // namespace

bool ClockEstimator::add(const ClockSample& sample) {
  if (sample.received < sample.sent || sample.answered < sample.seen) return false;
  const Span reach = (sample.received - sample.sent) / 2;
  const Interval fresh{.at = sample.sent + reach,
                       .reach = reach + Span(1),
                       .low = sample.answered - nanoseconds(sample.received),
                       .high = sample.seen - nanoseconds(sample.sent)};
  if (fresh.width() < 0) return false;
  if (const auto known = meet(*this, fresh.at, 0, kWorstDrift);
      known && (known->low > fresh.high || known->high < fresh.low))
    reset();
  samples_[next_] = fresh;
  next_ = (next_ + 1) % kSamples;
  count_ = std::min(count_ + 1, kSamples);
  ++taken_;
  add_minimum(fresh);
  return true;
}

// Of each kMinimumEvery the narrowest.
void ClockEstimator::add_minimum(const Interval& interval) {
  Interval& newest = minima_[(minima_next_ + kMinima - 1) % kMinima];
  const auto slot = [](Instant at) { return at.time_since_epoch() / kMinimumEvery; };
  if (minima_count_ > 0 && slot(newest.at) == slot(interval.at)) {
    if (interval.width() < newest.width()) newest = interval;
    return;
  }
  minima_[minima_next_] = interval;
  minima_next_ = (minima_next_ + 1) % kMinima;
  minima_count_ = std::min(minima_count_ + 1, kMinima);
}

// Where all intervals overlap once they are carried to `when` with `drift`, and widened by `slack` times
// their age. Rounded outwards: a bound that is a nanosecond short is not a bound.
std::optional<ClockEstimator::Interval> ClockEstimator::meet(const ClockEstimator& of, Instant when,
                                                             double drift, double slack) {
  std::optional<Interval> overlap;
  const auto take = [&](const Interval& interval) {
    const auto age = static_cast<double>((when - interval.at).count());
    const auto carried = static_cast<std::int64_t>(age * drift);
    const auto wider = static_cast<std::int64_t>(
                           std::ceil((std::abs(age) + static_cast<double>(interval.reach.count())) * slack)) +
                       1;
    const std::int64_t low = interval.low + carried - wider;
    const std::int64_t high = interval.high + carried + wider;
    if (!overlap) overlap = Interval{when, {}, low, high};
    overlap->low = std::max(overlap->low, low);
    overlap->high = std::min(overlap->high, high);
  };
  for (std::size_t i = 0; i < of.count_; ++i) take(of.samples_[i]);
  for (std::size_t i = 0; i < of.minima_count_; ++i) take(of.minima_[i]);
  return overlap;
}

// A line through the minima by least squares; a point counts by how narrow its interval is.
std::optional<std::int64_t> ClockEstimator::drift_ppb() const {
  if (minima_count_ < kFitPointsMin) return std::nullopt;
  const auto points = std::span(minima_).first(minima_count_);
  const auto [first, last] = std::ranges::minmax(points, {}, &Interval::at);
  if (last.at - first.at < kFitSpanMin) return std::nullopt;
  const std::int64_t narrowest = std::ranges::min(points, {}, &Interval::width).width();
  double weight = 0, time = 0, offset = 0;
  const auto weight_of = [&](const Interval& point) {
    const double beyond = static_cast<double>(point.width() - narrowest) / 2 + kFitFloor;
    return 1 / (beyond * beyond);
  };
  // Sums around the first point, so that doubles keep their nanoseconds.
  const auto time_of = [&](const Interval& point) {
    return static_cast<double>((point.at - first.at).count());
  };
  const auto offset_of = [&](const Interval& point) {
    return static_cast<double>(point.low - first.low) / 2 + static_cast<double>(point.high - first.high) / 2;
  };
  for (const Interval& point : points) {
    weight += weight_of(point);
    time += weight_of(point) * time_of(point);
    offset += weight_of(point) * offset_of(point);
  }
  time /= weight;
  offset /= weight;
  double both = 0, square = 0;
  for (const Interval& point : points) {
    both += weight_of(point) * (time_of(point) - time) * (offset_of(point) - offset);
    square += weight_of(point) * (time_of(point) - time) * (time_of(point) - time);
  }
  if (square <= 0) return std::nullopt;
  return static_cast<std::int64_t>(std::clamp(both / square, -kWorstDrift, kWorstDrift) * 1e9);
}

std::optional<ClockReading> ClockEstimator::at(Instant when) const {
  const auto sure = meet(*this, when, 0, kWorstDrift);
  if (!sure) return std::nullopt;
  const double drift = static_cast<double>(drift_ppb().value_or(0)) / 1e9;
  const auto guess = meet(*this, when, drift, kDriftWander);
  const auto middle = [](const Interval& of) { return of.low + of.width() / 2; };
  // A fit that does not fit (jitter, a drift that changed) still cannot leave what is sure.
  const std::int64_t offset = std::clamp(middle(*guess), sure->low, std::max(sure->low, sure->high));
  return ClockReading{Span(offset),
                      Span(std::max({offset - sure->low, sure->high - offset, std::int64_t{1}}))};
}

std::optional<Span> ClockEstimator::round_trip() const {
  std::optional<Span> least;
  for (std::size_t i = 0; i < count_; ++i) {
    const Span round_trip(samples_[i].width());
    if (!least || round_trip < *least) least = round_trip;
  }
  return least;
}

}  // namespace octo
