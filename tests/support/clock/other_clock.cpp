// SPDX-License-Identifier: MIT
// A boot clock of its own for an agent and its runners, linked in front of libc's (--wrap): what this
// machine's clock says, times 1 + ppm/1e6, plus an offset. Both numbers stand in the file `clock` beside the
// program:
// "<offset in ns> <ppm>". Only for tests; no program of a package is linked with it.
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
int __real_clock_gettime(clockid_t, timespec*);
int __real_clock_nanosleep(clockid_t, int, const timespec*, timespec*);
int __real_timerfd_settime(int, int, const itimerspec*, itimerspec*);
}

namespace {

constexpr long long kSecond = 1'000'000'000;

struct Setting {
  long long offset = 0;
  long long ppm = 0;
};

const Setting& setting() {
  static const Setting read = [] {
    Setting found;
    char path[4096];
    const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path - 8);
    if (size <= 0) std::abort();
    path[size] = '\0';
    std::strcpy(std::strrchr(path, '/') + 1, "clock");
    std::FILE* file = std::fopen(path, "re");
    if (file == nullptr || std::fscanf(file, "%lld %lld", &found.offset, &found.ppm) != 2) std::abort();
    std::fclose(file);
    return found;
  }();
  return read;
}

long long to_ns(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }
timespec to_time(long long ns) { return {.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond}; }

long long ours(long long real) { return real + real / 1'000'000 * setting().ppm + setting().offset; }

// The first instant at which ours() says so.
timespec real_of(const timespec& said) {
  const long long wanted = to_ns(said);
  long long real = static_cast<long long>(static_cast<double>(wanted - setting().offset) /
                                          (1.0 + static_cast<double>(setting().ppm) / 1e6));
  while (ours(real) > wanted) real -= 1000;
  while (ours(real) < wanted) ++real;
  return to_time(real);
}

}  // namespace

extern "C" {

int __wrap_clock_gettime(clockid_t clock, timespec* into) {
  const int result = __real_clock_gettime(clock, into);
  if (result == 0 && clock == CLOCK_BOOTTIME) *into = to_time(ours(to_ns(*into)));
  return result;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  if (clock != CLOCK_BOOTTIME || (flags & TIMER_ABSTIME) == 0)
    return __real_clock_nanosleep(clock, flags, time, left);
  const timespec real = real_of(*time);
  return __real_clock_nanosleep(clock, flags, &real, left);
}

// Only the runner's timers are absolute, and those are of the boot clock; Asio sets 1 ns for "now".
int __wrap_timerfd_settime(int fd, int flags, const itimerspec* time, itimerspec* old) {
  if ((flags & TFD_TIMER_ABSTIME) == 0 || to_ns(time->it_value) <= 1)
    return __real_timerfd_settime(fd, flags, time, old);
  const itimerspec real{.it_interval = {}, .it_value = real_of(time->it_value)};
  return __real_timerfd_settime(fd, flags, &real, old);
}

}  // extern "C"
