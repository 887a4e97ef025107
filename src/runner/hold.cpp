// SPDX-License-Identifier: MIT
#include "runner/hold.hpp"

#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "runner/folder.hpp"

namespace octo::runner {

namespace {

// A timer wakes tens of microseconds late, and more without the priority.
constexpr Span kSpin = 100us;
constexpr Span kSpinUnprivileged = 500us;
// In which the program has begun wherever a processor can be had; then it loses the priority. Taken back
// before, it would wait in line right then.
constexpr timespec kBegun{.tv_sec = 0, .tv_nsec = 300'000};
constexpr int kExecMilliseconds = 20;
constexpr int kFirst = 1;  // of the child; its runner comes before it

bool set_priority(pid_t of, int policy, int priority) {
  const sched_param how{.sched_priority = priority};
  return ::sched_setscheduler(of, policy, &how) == 0;
}

// Without it the kernel takes a program's right to another user or to capabilities away while we hold it.
bool may_trace() {
  __user_cap_header_struct version{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  return ::syscall(SYS_capget, &version, sets) == 0 && (sets[0].effective & (1U << CAP_SYS_PTRACE)) != 0;
}

}  // namespace

void hurry_up() { (void)set_priority(0, SCHED_FIFO | SCHED_RESET_ON_FORK, kFirst); }

Hold::Hold(const Child& child) : child_(child) {
  (void)::mlockall(MCL_CURRENT);
  privileged_ = set_priority(0, SCHED_FIFO, kFirst + 1);
  traced_ =
      may_trace() && ::ptrace(PTRACE_SEIZE, child.pid, nullptr, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) == 0;
  if (!traced_) state_ = State::held;
  else if (::write(child.go, "", 1) != 1) state_ = State::dead;
}

Hold::~Hold() {
  if (released_) return;
  if (state_ != State::dead) ::kill(child_.pid, SIGKILL);
  give_back_priority();
}

void Hold::give_back_priority() {
  (void)set_priority(0, SCHED_OTHER, 0);
  if (!released_ || set_priority(child_.pid, SCHED_OTHER, 0)) return;
  // Who has the priority by a limit alone may not clear the flag as well; it changes nothing any more.
  (void)set_priority(child_.pid, SCHED_OTHER | SCHED_RESET_ON_FORK, 0);
}

Hold::State Hold::look() {
  int status = 0;
  if (state_ == State::dead || ::waitpid(child_.pid, &status, WNOHANG) != child_.pid) return state_;
  if (!WIFSTOPPED(status)) return state_ = State::dead;
  if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) return state_ = State::held;
  // A signal for it, or the end of one: as if we were not there.
  const int number = status >> 16 == 0 ? WSTOPSIG(status) : 0;
  (void)::ptrace(PTRACE_CONT, child_.pid, nullptr, number);
  return state_;
}

Instant Hold::due(Instant at) const { return at - (privileged_ ? kSpin : kSpinUnprivileged); }

std::optional<Instant> Hold::release(Instant at, Instant latest) {
  Instant passed = now();
  while (passed < at) passed = now();
  if (passed > latest) return std::nullopt;
  released_ =
      traced_ ? ::ptrace(PTRACE_DETACH, child_.pid, nullptr, nullptr) == 0 : ::write(child_.go, "", 1) == 1;
  if (!released_) return std::nullopt;
  // It lets go of its end by exec, or by dying. One that hangs in exec has no need of the priority.
  pollfd begun{child_.ready, 0, 0};
  if (!traced_) (void)::poll(&begun, 1, kExecMilliseconds);
  else if (privileged_) ::clock_nanosleep(CLOCK_MONOTONIC, 0, &kBegun, nullptr);
  give_back_priority();
  return passed;
}

}  // namespace octo::runner
