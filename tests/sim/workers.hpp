// SPDX-License-Identifier: MIT
// One thread for blocking work, with the time that disks take. Jobs never get lost: waiting coroutines use
// what they own.
#pragma once
#include <deque>

#include "async/nursery.hpp"
#include "async/workers.hpp"
#include "world.hpp"

namespace octo::sim {

class SimWorkers final : public Workers {
 public:
  SimWorkers(Clock& clock, SeededRandom random, Executor executor)
      : clock_(clock), random_(random), nursery_(std::move(executor)) {}
  void submit(std::move_only_function<void()> job) override;
  void set_slow(double times) { slow_ = times; }
  // From now on jobs take no time.
  void hurry();
  Async<void> stop();

 private:
  Async<void> work();
  void work_off();

  Clock& clock_;
  SeededRandom random_;
  Nursery nursery_;
  std::deque<std::move_only_function<void()>> jobs_;
  double slow_ = 1;
  bool working_ = false;
  bool hurried_ = false;
};

}  // namespace octo::sim
