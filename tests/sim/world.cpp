// SPDX-License-Identifier: MIT
#include "world.hpp"

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

WallTime VirtualClock::wall() const {
  return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) + now_.time_since_epoch();
}

Async<void> VirtualClock::sleep_until(Instant when) {
  Event due(executor_);
  const auto place = timers_.emplace(std::pair(std::max(when, now_), order_++), &due).first;
  struct Remove {
    std::map<std::pair<Instant, std::uint64_t>, Event*>& timers;
    std::pair<Instant, std::uint64_t> key;
    ~Remove() { timers.erase(key); }
  };
  const Remove remove{timers_, place->first};
  // advance() has come to our time once it is behind or at the key and we were woken.
  while (timers_.contains(remove.key)) co_await due.wait();
}

bool VirtualClock::advance() {
  if (timers_.empty()) return false;
  const auto [key, event] = *timers_.begin();
  now_ = std::max(now_, key.first);
  timers_.erase(timers_.begin());
  event->set();
  return true;
}

void Trace::add(std::string_view what) {
  const auto at = clock_.now().time_since_epoch();
  fmt::format_to(std::back_inserter(text_), "{:>12.6f} {}\n", static_cast<double>(at.count()) / 1e9, what);
}

}  // namespace octo::sim
