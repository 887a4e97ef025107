// SPDX-License-Identifier: MIT
// Time, chance and the record of what happened, all from one seed.
//
// The loop runs what is ready; then time jumps to the next timer. Nothing waits for real time.
#pragma once
#include <map>
#include <string>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "base/random.hpp"

namespace octo::sim {

// splitmix64: every seed a good stream of numbers.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  Bytes bytes(std::size_t count) override;
  std::uint64_t next();
  // In [0, end).
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(next() % end); }
  bool chance(double of_one) { return fraction() < of_one; }
  Span between(Span low, Span high) {
    return low + std::chrono::duration_cast<Span>((high - low) * fraction());
  }
  // Of a quartz, in parts per billion.
  std::int64_t drift();
  // A stream of its own: what one part of the world draws does not move the others.
  SeededRandom fork() { return SeededRandom(next()); }

 private:
  std::uint64_t state_;
};

class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(Executor executor) : executor_(std::move(executor)) {}
  Instant now() const override { return now_; }
  WallTime wall() const override;
  Async<void> sleep_until(Instant when) override;
  // Until then, or until the event is set; Instant::max() is never.
  Async<void> wait_until(Event& event, Instant when);
  // Jumps to the next timer and wakes whoever waits for it; false when nobody waits for any time.
  bool advance();

 private:
  struct Timer;
  Executor executor_;
  Instant now_{};
  std::uint64_t order_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, Event*> timers_;
};

// How a boot clock goes: what it showed once, and how much faster than the truth it is.
struct Quartz {
  static constexpr std::int64_t kWorstPpb = 100'000;  // none is sold that is worse
  Instant truth{};
  Instant shown{};
  std::int64_t drift_ppb = 0;

  Instant at(Instant when) const;
  // The true instant from which on it shows that.
  Instant first(Instant shows) const;
};

// One machine's clock: its wall time may be stepped, its boot clock begins when it boots.
class MachineClock final : public Clock {
 public:
  MachineClock(VirtualClock& clock, std::int64_t drift_ppb)
      : clock_(clock), quartz_{.drift_ppb = drift_ppb} {}
  Instant now() const override { return quartz_.at(clock_.now()); }
  WallTime wall() const override { return clock_.wall() + offset_; }
  Async<void> sleep_until(Instant when) override { return clock_.sleep_until(quartz_.first(when)); }
  // It shows that now.
  void boot(Span up) { quartz_ = {clock_.now(), Instant(up), quartz_.drift_ppb}; }
  const Quartz& quartz() const { return quartz_; }
  void step_wall(Span by) { offset_ += by; }
  Span offset() const { return offset_; }

 private:
  VirtualClock& clock_;
  Span offset_{};
  Quartz quartz_;
};

class Trace {
 public:
  explicit Trace(const Clock& clock) : clock_(clock), before_(std::exchange(newest_, this)) {}
  ~Trace() { newest_ = before_; }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  void add(std::string_view what);
  const std::string& text() const { return text_; }
  Instant now() const { return clock_.now(); }
  // Of the world that is being played; nullptr: none is.
  static Trace* newest() { return newest_; }

 private:
  static inline Trace* newest_ = nullptr;
  const Clock& clock_;
  Trace* before_;
  std::string text_;
};

// What every part of the world shares.
struct Surface {
  Executor executor;
  VirtualClock& clock;
  Trace& trace;
};

}  // namespace octo::sim
