// SPDX-License-Identifier: MIT
// Event wakes whoever waits on it now; it remembers nothing. Wait in a loop around the fact you wait for.
#pragma once
#include "async/async.hpp"

namespace octo {

// Woken in the order of their waits, soon, never inside set(). On one loop, like all else here.
class Event {
 public:
  explicit Event(const Executor& executor);
  // Wakes whoever still waits.
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set();
  Async<void> wait();

 private:
  class Loop;
  struct Waiter;

  Loop& loop_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace octo
