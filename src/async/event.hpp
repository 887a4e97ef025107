// SPDX-License-Identifier: MIT
// Event wakes whoever waits on it now; it remembers nothing. Wait in a loop around the fact you wait for.
#pragma once
#include <boost/asio/steady_timer.hpp>

#include "async/async.hpp"

namespace octo {

class Event {
 public:
  explicit Event(Executor executor);
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set();
  Async<void> wait();

 private:
  // A timer that never expires: the cheapest cancellable wait Asio has. It is not a clock.
  asio::steady_timer waiters_;
};

}  // namespace octo
