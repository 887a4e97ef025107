// SPDX-License-Identifier: MIT
// For tests of what takes minutes: a clock that goes so many times faster than the world's.
#pragma once
#include "async/clock.hpp"

namespace octo {

class FastClock final : public Clock {
 public:
  FastClock(const Executor& executor, int times) : clock_(executor), begun_(clock_.now()), times_(times) {}
  int times() const { return times_; }
  Instant now() const override { return begun_ + (clock_.now() - begun_) * times_; }
  WallTime wall() const override { return clock_.wall(); }
  Async<void> sleep_until(Instant when) override {
    return clock_.sleep_until(begun_ + (when - begun_) / times_);
  }

 private:
  SystemClock clock_;
  Instant begun_;
  int times_;
};

}  // namespace octo
