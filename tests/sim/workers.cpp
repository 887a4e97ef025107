// SPDX-License-Identifier: MIT
#include "workers.hpp"

namespace octo::sim {

void SimWorkers::submit(std::move_only_function<void()> job) {
  jobs_.push_back(std::move(job));
  if (hurried_) return work_off();
  if (std::exchange(working_, true)) return;
  nursery_.spawn(work());
}

Async<void> SimWorkers::work() {
  while (!jobs_.empty()) {
    co_await clock_.sleep(std::chrono::duration_cast<Span>(random_.between(20us, 2ms) * slow_));
    if (jobs_.empty()) break;  // worked off meanwhile
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    job();
  }
  working_ = false;
}

void SimWorkers::work_off() {
  for (auto& job : std::exchange(jobs_, {})) job();
}

void SimWorkers::hurry() {
  hurried_ = true;
  work_off();
}

Async<void> SimWorkers::stop() {
  hurry();
  nursery_.cancel();
  co_await nursery_.join();
}

}  // namespace octo::sim
