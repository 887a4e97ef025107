// SPDX-License-Identifier: MIT
// The only way to ask for the time or to wait for it. Simulations bring their own.
#pragma once
#include "async/async.hpp"
#include "base/time.hpp"

namespace octo {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
  virtual Async<void> sleep_until(Instant when) = 0;

  Async<void> sleep(Span span) { return sleep_until(now() + span); }
};

class SystemClock final : public Clock {
 public:
  explicit SystemClock(Executor executor);
  Instant now() const override;
  WallTime wall() const override;
  Async<void> sleep_until(Instant when) override;

 private:
  Executor executor_;
};

}  // namespace octo
