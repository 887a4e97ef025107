// SPDX-License-Identifier: MIT
#include "world.hpp"

#include <optional>

#include "base/text.hpp"

namespace octo::sim {

std::uint64_t SeededRandom::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t value = state_;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

Bytes SeededRandom::bytes(std::size_t count) {
  Bytes out;
  while (out.size() < count) put_u64(out, next());
  out.resize(count);
  return out;
}

std::int64_t SeededRandom::drift() {
  return static_cast<std::int64_t>(below(2 * Quartz::kWorstPpb + 1)) - Quartz::kWorstPpb;
}

WallTime VirtualClock::wall() const {
  return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) + now_.time_since_epoch();
}

struct VirtualClock::Timer {
  Timer(VirtualClock& on, Event& event, Instant when) : clock(on), key(std::max(when, on.now_), on.order_++) {
    clock.timers_.emplace(key, &event);
  }
  ~Timer() { clock.timers_.erase(key); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  VirtualClock& clock;
  const std::pair<Instant, std::uint64_t> key;
};

Async<void> VirtualClock::sleep_until(Instant when) {
  Event due(executor_);
  const Timer timer(*this, due, when);
  // advance() has come to our time once it is behind or at the key and we were woken.
  while (timers_.contains(timer.key)) co_await due.wait();
}

Async<void> VirtualClock::wait_until(Event& event, Instant when) {
  std::optional<Timer> timer;
  if (when != Instant::max()) timer.emplace(*this, event, when);
  co_await event.wait();
}

bool VirtualClock::advance() {
  if (timers_.empty()) return false;
  const auto [key, event] = *timers_.begin();
  now_ = std::max(now_, key.first);
  timers_.erase(timers_.begin());
  event->set();
  return true;
}

Instant Quartz::at(Instant when) const {
  const Span since = when - truth;
  // Of whole seconds and of the rest: the product of days and ppb would not fit.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  const Span rest = since - seconds;
  return shown + since + Span(seconds.count() * drift_ppb + rest.count() * drift_ppb / 1'000'000'000);
}

Instant Quartz::first(Instant shows) const {
  if (shows == Instant::max()) return shows;
  const double since =
      static_cast<double>((shows - shown).count()) / (1 + static_cast<double>(drift_ppb) / 1e9);
  // From a little before, as far as a double may be off.
  Instant when = truth + Span(static_cast<std::int64_t>(since) - 4);
  while (at(when) < shows) when += Span(1);
  return when;
}

void Trace::add(std::string_view what) {
  const auto at = clock_.now().time_since_epoch();
  fmt::format_to(std::back_inserter(text_), "{:>12.6f} {}\n", static_cast<double>(at.count()) / 1e9, what);
}

}  // namespace octo::sim
