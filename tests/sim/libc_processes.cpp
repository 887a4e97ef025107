// SPDX-License-Identifier: MIT
// Calls that wait, signal, lock and tell the time, as the process at work sees them: a simulated one has its
// machine's clock, its own number, and pauses where it would block. Everybody else's go to the system.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <ctime>

#include "handles.hpp"

namespace octo::sim {

namespace {

// On a fiber, so it may wait.
bool may_wait() { return current() != nullptr && current()->fiber != nullptr; }

// The first that is for it; 0: none.
int next_signal(const Handle& handle) {
  for (const int number : handle.owner->pending) {
    if (handle.signals.contains(number)) return number;
  }
  return 0;
}

short readiness(const Handle& handle) {
  using Kind = Handle::Kind;
  const Process& process = *handle.owner;
  switch (handle.kind) {
    case Kind::reads:
    case Kind::both:
      if (!handle.pipe->bytes.empty()) return POLLIN;
      return handle.pipe->writers == 0 ? POLLHUP : 0;
    case Kind::signals: return next_signal(handle) == 0 ? 0 : POLLIN;
    case Kind::timer: return handle.due <= process.kernel.clock().now() ? POLLIN : 0;
    case Kind::process: return handle.watched->over ? POLLIN : 0;
    default: return POLLIN;
  }
}

int poll_once(pollfd* watched, nfds_t count, Instant& next) {
  int ready = 0;
  for (nfds_t i = 0; i < count; ++i) {
    watched[i].revents = 0;
    if (watched[i].fd < 0) continue;
    const Handle* handle = find_handle(watched[i].fd);
    watched[i].revents = handle == nullptr ? POLLNVAL : readiness(*handle);
    if (watched[i].revents != 0) ++ready;
    else if (handle->kind == Handle::Kind::timer)
      next = std::min(next, current()->kernel.clock().quartz().first(handle->due));
  }
  return ready;
}

Span span_of(const timespec& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// A child that is over and not yet waited for.
Process* find_ended(const Process& of, pid_t pid) {
  for (Process* child : of.children) {
    if (child->over && !child->waited_for && (pid < 0 || child->pid == pid)) return child;
  }
  return nullptr;
}

bool has_children(const Process& process) {
  return std::ranges::any_of(process.children, [](const Process* child) { return !child->waited_for; });
}

int lock(Handle& handle, int command, struct flock& how) {
  File& file = *handle.file;
  if (command == F_SETLK) {
    if (file.locker() != nullptr && file.locker() != current()) return refuse(EAGAIN);
    file.lock(current());
    return 0;
  }
  const Process* holder = handle.disk->sees_locks(handle.path) ? file.locker() : nullptr;
  how.l_type = F_UNLCK;
  if (holder == nullptr || holder == current()) return 0;
  how.l_type = F_WRLCK;
  how.l_pid = holder->pid;
  return 0;
}

}  // namespace

ssize_t read_special(Handle& from, void* into, std::size_t count) {
  if (from.kind == Handle::Kind::signals) {
    const int number = next_signal(from);
    if (number == 0) return refuse(EAGAIN);
    signalfd_siginfo info{};
    info.ssi_signo = static_cast<std::uint32_t>(number);
    from.owner->pending.erase(number);
    std::memcpy(into, &info, sizeof info);
    return sizeof info;
  }
  if (from.kind == Handle::Kind::timer) {
    const std::uint64_t expirations = 1;
    from.due = Instant::max();
    std::memcpy(into, &expirations, sizeof expirations);
    return sizeof expirations;
  }
  if (!from.reads()) return refuse(EBADF);
  Bytes& bytes = from.pipe->bytes;
  while (from.blocks && bytes.empty() && from.pipe->writers > 0 && may_wait())
    current()->kernel.pause(Instant::max());
  if (bytes.empty()) return from.pipe->writers == 0 ? 0 : refuse(EAGAIN);
  const std::size_t some = std::min(count, bytes.size());
  std::memcpy(into, bytes.data(), some);
  bytes.erase(0, some);
  return static_cast<ssize_t>(some);
}

ssize_t write_special(Handle& to, const void* bytes, std::size_t count) {
  if (!to.writes()) return refuse(EBADF);
  if (is_ghost()) return refuse(EIO);
  if (to.pipe->readers == 0) return refuse(EPIPE);
  if (!write_pipe(*to.pipe, BytesView(static_cast<const char*>(bytes), count))) return refuse(EAGAIN);
  return static_cast<ssize_t>(count);
}

extern "C" {
int __real_poll(pollfd* watched, nfds_t count, int milliseconds);
int __real_signalfd(int fd, const sigset_t* signals, int flags);
int __real_timerfd_create(int clock, int flags);
int __real_timerfd_settime(int fd, int flags, const itimerspec* when, itimerspec* before);
pid_t __real_waitpid(pid_t pid, int* status, int flags);
int __real_kill(pid_t pid, int number);
pid_t __real_getpid();
pid_t __real_getppid();
int __real_clock_gettime(clockid_t clock, timespec* into);
int __real_sigprocmask(int how, const sigset_t* signals, sigset_t* before);
sighandler_t __real_signal(int number, sighandler_t handler);
int __real_sched_setscheduler(pid_t pid, int policy, const sched_param* how);
int __real_prctl(int option, ...);
int __real_fcntl(int fd, int command, ...);
long __real_syscall(long number, ...);

int __wrap_poll(pollfd* watched, nfds_t count, int milliseconds) {
  if (current() == nullptr) return __real_poll(watched, count, milliseconds);
  Instant next = Instant::max();
  // Blocking work of an agent takes its time as a whole (SimWorkers).
  if (!may_wait()) return poll_once(watched, count, next);
  while (true) {
    if (is_ghost()) throw Killed{};
    next = Instant::max();
    if (const int ready = poll_once(watched, count, next); ready > 0) return ready;
    current()->kernel.pause(next);
  }
}
int __wrap_signalfd(int fd, const sigset_t* signals, int flags) {
  if (!may_wait()) return __real_signalfd(fd, signals, flags);
  Handle handle{.kind = Handle::Kind::signals};
  for (int number = 1; number < NSIG; ++number) {
    if (::sigismember(signals, number) == 1) handle.signals.insert(number);
  }
  return add_handle(std::move(handle));
}
int __wrap_timerfd_create(int clock, int flags) {
  if (!may_wait()) return __real_timerfd_create(clock, flags);
  return add_handle({.kind = Handle::Kind::timer});
}
int __wrap_timerfd_settime(int fd, int flags, const itimerspec* when, itimerspec* before) {
  if (!is_simulated(fd)) return __real_timerfd_settime(fd, flags, when, before);
  Handle* timer = find_handle(fd);
  if (timer == nullptr) return refuse(EBADF);
  const Span since_boot = span_of(when->it_value);
  timer->due = since_boot == Span::zero() ? Instant::max() : Instant(since_boot);
  return 0;
}
pid_t __wrap_waitpid(pid_t pid, int* status, int flags) {
  if (current() == nullptr) return __real_waitpid(pid, status, flags);
  while (true) {
    if (Process* ended = find_ended(*current(), pid)) {
      ended->waited_for = true;
      if (status != nullptr) *status = *ended->status;
      return ended->pid;
    }
    if (!has_children(*current())) return refuse(ECHILD);
    if ((flags & WNOHANG) != 0) return 0;
    current()->kernel.pause(Instant::max());
  }
}
int __wrap_kill(pid_t pid, int number) {
  if (current() == nullptr) return __real_kill(pid, number);
  Process* process = is_ghost() ? nullptr : current()->kernel.find(pid);
  if (process == nullptr) return refuse(ESRCH);
  current()->kernel.signal(*process, number);
  return 0;
}
pid_t __wrap_getpid() { return current() == nullptr ? __real_getpid() : current()->pid; }
pid_t __wrap_getppid() {
  if (current() == nullptr) return __real_getppid();
  const Process* parent = current()->parent;
  return parent == nullptr || parent->over ? 1 : parent->pid;
}
int __wrap_clock_gettime(clockid_t clock, timespec* into) {
  if (current() == nullptr) return __real_clock_gettime(clock, into);
  Kernel& kernel = current()->kernel;
  const Span since = clock == CLOCK_REALTIME
                         ? std::chrono::duration_cast<Span>(kernel.clock().wall().time_since_epoch())
                         : kernel.clock().now().time_since_epoch();
  *into = {since.count() / 1'000'000'000, since.count() % 1'000'000'000};
  return 0;
}
int __wrap_sigprocmask(int how, const sigset_t* signals, sigset_t* before) {
  return may_wait() ? 0 : __real_sigprocmask(how, signals, before);
}
sighandler_t __wrap_signal(int number, sighandler_t handler) {
  return may_wait() ? SIG_DFL : __real_signal(number, handler);
}
int __wrap_sched_setscheduler(pid_t pid, int policy, const sched_param* how) {
  return may_wait() ? 0 : __real_sched_setscheduler(pid, policy, how);
}
int __wrap_prctl(int option, ...) {
  va_list rest;
  va_start(rest, option);
  const auto first = va_arg(rest, unsigned long);
  va_end(rest);
  return may_wait() ? 0 : __real_prctl(option, first);
}
int __wrap_fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (!is_simulated(fd)) return __real_fcntl(fd, command, argument);
  Handle* handle = find_handle(fd);
  if (handle == nullptr || is_ghost()) return refuse(EBADF);
  if (command != F_SETLK && command != F_GETLK) return 0;  // flags of pipes: reading never blocks here
  return lock(*handle, command, *static_cast<struct flock*>(argument));
}
long __wrap_syscall(long number, ...) {
  va_list rest;
  va_start(rest, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_pidfd_open && may_wait()) {
    Process* watched = current()->kernel.find(static_cast<pid_t>(arguments[0]));
    if (watched == nullptr) return refuse(ESRCH);
    return add_handle({.kind = Handle::Kind::process, .watched = watched});
  }
  return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                        arguments[5]);
}
}  // extern "C"

}  // namespace octo::sim
