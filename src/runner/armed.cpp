// SPDX-License-Identifier: MIT
#include "runner/armed.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "runner/folder.hpp"

namespace octo::runner {

int watch_agent(pid_t agent) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, agent, 0));
  // Still our parent with the descriptor open: so it is of that very process.
  if (fd >= 0 && ::getppid() == agent) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

Armed wait_armed(Instant start, int agent) {
  if (now() >= start) return Armed::due;
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGTERM);
  const int signals = ::signalfd(-1, &watched, SFD_CLOEXEC);
  // The boot clock's timer: it also counts while the machine sleeps.
  const int timer = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
  const auto since_boot = std::max<std::int64_t>(start.time_since_epoch().count(), 1);
  const itimerspec when{{}, {since_boot / 1'000'000'000, since_boot % 1'000'000'000}};
  ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr);
  Armed how = Armed::due;
  while (how == Armed::due && now() < start) {
    pollfd facts[3] = {{signals, POLLIN, 0}, {timer, POLLIN, 0}, {agent, POLLIN, 0}};
    if (::poll(facts, 3, -1) < 0) continue;
    if (facts[0].revents != 0) how = Armed::cancelled;
    else if (facts[2].revents != 0) how = Armed::orphaned;
  }
  ::close(signals);
  ::close(timer);
  return how;
}

}  // namespace octo::runner
