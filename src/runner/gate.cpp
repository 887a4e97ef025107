// SPDX-License-Identifier: MIT
#include "runner/gate.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <ctime>
#include <new>

#include "runner/folder.hpp"

namespace octo::runner {

namespace {

// What is left when the sleep ends is waited for by looking at the clock: a timer wakes tens of microseconds
// late, and more without the priority.
constexpr Span kSpin = 100us;
constexpr Span kSpinUnprivileged = 500us;
constexpr int kFirst = 1;  // of the child; its runner comes before it, to take the priority back

void sleep_until(Instant when) {
  const auto since_boot = when.time_since_epoch().count();
  const timespec time{since_boot / 1'000'000'000, since_boot % 1'000'000'000};
  while (now() < when && ::clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &time, nullptr) != 0) {
  }
}

}  // namespace

bool Gate::call_off() {
  int expected = waiting;
  return state.compare_exchange_strong(expected, called_off) || expected == called_off;
}

Gate* make_gate() {
  void* page = ::mmap(nullptr, sizeof(Gate), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? nullptr : new (page) Gate;
}

void prepare_to_pass() {
  (void)::mlockall(MCL_CURRENT);
  const sched_param first{.sched_priority = kFirst};
  (void)::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
}

Hurry::Hurry(pid_t child) : child_(child) {
  const sched_param before{.sched_priority = kFirst + 1};
  (void)::sched_setscheduler(0, SCHED_FIFO, &before);
}

Hurry::~Hurry() {
  const sched_param none{};
  (void)::sched_setscheduler(child_, SCHED_OTHER, &none);
  (void)::sched_setscheduler(0, SCHED_OTHER, &none);
}

bool pass(Gate& gate) {
  const bool privileged = (::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_FIFO;
  // Of the thread, and inherited by exec: set, and set back.
  (void)::prctl(PR_SET_TIMERSLACK, 1);
  sleep_until(gate.at - (privileged ? kSpin : kSpinUnprivileged));
  (void)::prctl(PR_SET_TIMERSLACK, 0);
  // Dies with its runner until here; the program does not.
  (void)::prctl(PR_SET_PDEATHSIG, 0);
  Instant passed = now();
  while (passed < gate.at) passed = now();
  if (passed > gate.latest) return false;
  int expected = Gate::waiting;
  gate.passed = passed;
  return gate.state.compare_exchange_strong(expected, Gate::started);
}

}  // namespace octo::runner
