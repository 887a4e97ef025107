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
  // As sleep_until(), for with_deadline, most of whose sleeps are cancelled: a cancelled one just ends early,
  // without an exception where the clock can. For a caller with throw_if_cancelled(false).
  virtual Async<void> doze_until(Instant when);

  Async<void> sleep(Span span) { return sleep_until(now() + span); }
};

class SystemClock final : public Clock {
 public:
  explicit SystemClock(Executor executor);
  Instant now() const override;
  WallTime wall() const override;
  Async<void> sleep_until(Instant when) override;
  Async<void> doze_until(Instant when) override;

 private:
  Executor executor_;
};

}  // namespace octo
