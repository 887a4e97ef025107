// SPDX-License-Identifier: MIT
// Line: one direction of a poor link. Packets go in with the time they came, and come out when they are due,
// if ever. Knows neither clocks nor devices; the same seed and the same packets give the same fate to each.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "base/bytes.hpp"

namespace octo::relay {

using Time = std::chrono::steady_clock::time_point;
using Span = std::chrono::nanoseconds;

// What may be wrong with a direction; nothing, unless said.
struct Weather {
  Span delay{};
  Span extra{};                   // added to `delay`, so that a test can tilt a link whatever its profile
  Span jitter{};                  // up to so much more, evenly; packets stay in their order
  double loss = 0;                // share of packets, 0…1
  double reorder = 0;             // share of packets that those behind overtake
  double rate = 0;                // bits per second; 0: no limit
  std::size_t queue = 64 * 1024;  // bytes that wait for the rate; more are dropped
  bool cut = false;
};

struct Counters {
  std::uint64_t taken = 0, delivered = 0, bytes = 0;         // bytes: of those delivered
  std::uint64_t lost = 0, cut = 0, full = 0, overtaken = 0;  // full: the queue was
};

class Line {
 public:
  // An overtaken packet is held so long: on an idle link TCP has taken it for lost and sent it again by then.
  static constexpr Span kHeldBack = std::chrono::milliseconds(40);
  static constexpr std::size_t kFlyingMax = 20'000;  // bounds memory without a rate

  explicit Line(std::uint64_t seed) : random_(seed) {}

  const Weather& weather() const { return weather_; }
  const Counters& counters() const { return counters_; }
  // A cut takes with it what is under way.
  void set(const Weather& weather) {
    weather_ = weather;
    if (!weather_.cut) return;
    counters_.cut += flying_.size();
    flying_.clear();
  }

  void put(Bytes packet, Time now) {
    ++counters_.taken;
    if (weather_.cut) {
      ++counters_.cut;
      return;
    }
    if (hits(weather_.loss)) {
      ++counters_.lost;
      return;
    }
    const std::optional<Time> sent = send(packet.size(), now);
    if (!sent || flying_.size() >= kFlyingMax) {
      ++counters_.full;
      return;
    }
    const auto jitter = std::chrono::duration_cast<Span>(weather_.jitter * fraction());
    last_ = std::max(last_, *sent + weather_.delay + weather_.extra + jitter);
    const bool late = hits(weather_.reorder);
    if (late) ++counters_.overtaken;
    flying_.emplace(late ? last_ + kHeldBack : last_, std::move(packet));
  }

  std::optional<Time> due() const {
    return flying_.empty() ? std::nullopt : std::optional(flying_.begin()->first);
  }
  // The next packet that has arrived by now.
  std::optional<Bytes> take(Time now) {
    if (flying_.empty() || flying_.begin()->first > now) return std::nullopt;
    Bytes packet = std::move(flying_.begin()->second);
    flying_.erase(flying_.begin());
    ++counters_.delivered;
    counters_.bytes += packet.size();
    return packet;
  }

 private:
  double fraction() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }
  bool hits(double share) { return share > 0 && fraction() < share; }

  // When the last bit of it is on the line; nothing when the queue before it is full.
  std::optional<Time> send(std::size_t bytes, Time now) {
    if (weather_.rate <= 0) return now;
    const auto takes = [this](std::size_t count) {
      return std::chrono::duration_cast<Span>(
          std::chrono::duration<double>(static_cast<double>(count) * 8 / weather_.rate));
    };
    const Time begin = std::max(now, busy_until_);
    if (begin - now > takes(weather_.queue)) return std::nullopt;
    busy_until_ = begin + takes(bytes);
    return busy_until_;
  }

  std::mt19937_64 random_;
  Weather weather_;
  Counters counters_;
  std::multimap<Time, Bytes> flying_;
  Time last_{};
  Time busy_until_{};
};

}  // namespace octo::relay
