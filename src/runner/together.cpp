// SPDX-License-Identifier: MIT
#include "runner/together.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/text.hpp"
#include "runner/armed.hpp"
#include "runner/gate.hpp"
#include "runner/tree.hpp"

namespace octo::runner {

namespace {

constexpr Span kLatest = 1s;  // behind its instant; a machine that slept through it must not start now
constexpr std::size_t kReasonBytesMax = 1024;
constexpr std::int64_t kApartPpm = 200;  // two clocks at worst

NotStarted not_started(std::string_view state, std::string reason, bool claimed = false) {
  Ended end;
  end.state = state;
  end.reason = std::move(reason).substr(0, kReasonBytesMax);
  return {std::move(end), claimed};
}

class Together {
 public:
  Together(Folder& folder, const Child& child, int agent) : folder_(folder), child_(child), agent_(agent) {
    sigset_t watched;
    ::sigemptyset(&watched);
    for (const int number : {SIGTERM, SIGUSR1}) ::sigaddset(&watched, number);
    signals_ = ::signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
    timer_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
  }
  ~Together() {
    ::close(signals_);
    ::close(timer_);
    ::close(child_.passed);
  }
  Together(const Together&) = delete;

  Begun begin();

 private:
  std::optional<std::string> hear_child() const;
  std::variant<StartAt, NotStarted> wait_for_go();
  std::optional<StartAt> told() const;
  NotStarted stopped(bool claimed) const;
  NotStarted orphaned(bool claimed) const { return not_started("cancelled", kOrphanedUnstarted, claimed); }
  std::optional<NotStarted> wait_for_start();
  Mark mark_of(const StartAt& start) const;

  Folder& folder_;
  const Child& child_;
  int agent_;
  int signals_ = -1;
  int timer_ = -1;
};

Begun Together::begin() {
  if (const auto why = hear_child()) return not_started("rejected", *why);
  folder_.wake(Wake::armed);
  const auto told = wait_for_go();
  if (const auto* never = std::get_if<NotStarted>(&told)) return *never;
  const auto& start = std::get<StartAt>(told);
  if (now() >= start.at) return not_started("expired", "it was told to start behind the instant");
  if (const auto claimed = folder_.claim(); !claimed) return claimed.error();
  const auto facts = process_facts(child_.pid);
  Started started{.pid = child_.pid,
                  .ticks = facts ? facts->ticks : 0,
                  .at = start.at,
                  .wall = wall_now() + (start.at - now())};
  if (!folder_.append(encode(started))) return Exit::storage;
  // Only from here on it is a promise: whoever hears it counts on us.
  if (now() >= start.at) return not_started("expired", "it was not ready at the instant", true);
  child_.gate->at = start.at;
  child_.gate->latest = start.at + kLatest;
  if (::write(child_.go, "", 1) != 1) return Exit::resources;
  folder_.wake(Wake::going);
  auto never = [this] {
    const Hurry hurry(child_.pid);
    return wait_for_start();
  }();
  if (never) return std::move(*never);
  started.at = child_.gate->passed;
  started.mark = mark_of(start);
  if (!folder_.append(encode(*started.mark))) return Exit::storage;
  return started;
}

// One byte: it is ready. More: why it cannot be.
std::optional<std::string> Together::hear_child() const {
  std::string word;
  char piece[512];
  while (true) {
    const ssize_t got = ::read(child_.passed, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return word.empty() ? "its process died while it was prepared" : word;
    word.append(piece, static_cast<std::size_t>(got));
    if (word == std::string_view("\0", 1)) return std::nullopt;
  }
}

std::variant<StartAt, NotStarted> Together::wait_for_go() {
  const auto until = std::max<std::int64_t>(folder_.intent().hold_until.time_since_epoch().count(), 1);
  const itimerspec when{{}, {until / 1'000'000'000, until % 1'000'000'000}};
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
  while (true) {
    pollfd facts[3] = {{signals_, POLLIN, 0}, {timer_, POLLIN, 0}, {agent_, POLLIN, 0}};
    if (::poll(facts, 3, -1) < 0) continue;
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGTERM) return stopped(false);
      if (auto start = told()) return *start;
    }
    if (facts[2].revents != 0) return orphaned(false);
    if (facts[1].revents != 0) return not_started("expired", "nobody said in time when it was to start");
  }
}

std::optional<StartAt> Together::told() const {
  const auto bytes = folder_.load(kGoFile);
  if (!bytes) return std::nullopt;
  const auto start = decode_start_at(*bytes);
  return start ? std::optional(*start) : std::nullopt;
}

NotStarted Together::stopped(bool claimed) const {
  if (auto why = folder_.load(kOffFile)) return not_started("rejected", std::move(*why), claimed);
  return not_started("cancelled", "cancelled before it was started", claimed);
}

// The child lets go of its end of the pipe by exec, or by dying.
std::optional<NotStarted> Together::wait_for_start() {
  Gate& gate = *child_.gate;
  while (true) {
    pollfd facts[3] = {{signals_, POLLIN, 0}, {child_.passed, POLLIN, 0}, {agent_, POLLIN, 0}};
    if (::poll(facts, 3, -1) < 0) continue;
    if (facts[0].revents != 0 || facts[2].revents != 0) {
      signalfd_siginfo info{};
      while (::read(signals_, &info, sizeof info) == sizeof info && info.ssi_signo != SIGTERM) {
      }
      const bool asked = info.ssi_signo == SIGTERM;
      if (!asked && facts[2].revents == 0) continue;
      if (gate.call_off()) {
        ::kill(child_.pid, SIGKILL);
        return asked ? stopped(true) : orphaned(true);
      }
      // Too late: it runs, and is ended like any other.
      if (asked) ::kill(::getpid(), SIGTERM);
    }
    if (facts[1].revents == 0 && gate.state == Gate::waiting) continue;
    char none = 0;
    while (gate.state == Gate::started && ::read(child_.passed, &none, 1) < 0 && errno == EINTR) {
    }
    if (gate.state == Gate::started) return std::nullopt;
    const bool slept = now() > gate.latest;
    (void)gate.call_off();
    return not_started("expired",
                       slept ? "this machine slept through the instant" : "its process died before the start",
                       true);
  }
}

Mark Together::mark_of(const StartAt& start) const {
  const Span late = child_.gate->passed - start.at;
  // The bound is that of the instant; behind it the clocks drift on.
  const Span drifted = std::max<Span>(late, {}) * kApartPpm / 1'000'000 + Span(1);
  return {.at = start.brain_at + late, .bound = start.bound + drifted, .late = late};
}

}  // namespace

Begun begin_together(Folder& folder, const Child& child, int agent) {
  return Together(folder, child, agent).begin();
}

}  // namespace octo::runner
