// SPDX-License-Identifier: MIT
#include "runner/together.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/text.hpp"
#include "runner/armed.hpp"
#include "runner/hold.hpp"
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
    for (const int number : {SIGTERM, SIGUSR1, SIGCHLD}) ::sigaddset(&watched, number);
    signals_ = ::signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
    timer_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
  }
  ~Together() {
    ::close(signals_);
    ::close(timer_);
    ::close(child_.ready);
  }
  Together(const Together&) = delete;

  Begun begin();

 private:
  enum class Word { stop, told, child, orphaned, due, ready };

  std::optional<NotStarted> wait_ready() const;
  Word next_word(Instant until, int ready = -1) const;
  std::variant<StartAt, NotStarted> wait_for_go() const;
  std::optional<StartAt> told() const;
  std::optional<NotStarted> wait_held(Hold& hold, Instant until, bool only_to_load) const;
  NotStarted stopped(bool claimed) const;
  NotStarted orphaned(bool claimed) const { return not_started("cancelled", kOrphanedUnstarted, claimed); }
  NotStarted died() const;
  Mark mark_of(const StartAt& start, Instant passed) const;

  Folder& folder_;
  const Child& child_;
  int agent_;
  int signals_ = -1;
  int timer_ = -1;
};

Begun Together::begin() {
  if (auto never = wait_ready()) return std::move(*never);
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
  if (!folder_.append(encode(started))) return not_started("rejected", kNotRecorded, true);
  Hold hold(child_);
  if (auto never = wait_held(hold, start.at, true)) return std::move(*never);
  // Only from here on it is a promise: whoever hears it counts on us.
  if (now() >= start.at) return not_started("expired", "it was not ready at the instant", true);
  folder_.wake(Wake::going);
  if (auto never = wait_held(hold, hold.due(start.at), false)) return std::move(*never);
  const Instant latest = start.at + kLatest;
  const auto passed = hold.release(start.at, latest);
  if (!passed && now() > latest)
    return not_started("expired", "this machine slept through the instant", true);
  if (!passed) return died();
  started.at = *passed;
  started.mark = mark_of(start, *passed);
  // A disk that refuses it may have room for the end, which has it too.
  (void)folder_.append(encode(*started.mark));
  return started;
}

// One byte: it is ready. More: why it cannot be. Its folder or its program may lie where nobody answers.
std::optional<NotStarted> Together::wait_ready() const {
  std::string word;
  char piece[512];
  while (true) {
    switch (next_word(folder_.intent().hold_until, child_.ready)) {
      case Word::stop: return stopped(false);
      case Word::orphaned: return orphaned(false);
      case Word::due: return not_started("expired", "its process was not ready in time");
      case Word::told:
      case Word::child: break;
      case Word::ready: {
        const ssize_t got = ::read(child_.ready, piece, sizeof piece);
        if (got < 0 && errno == EINTR) break;
        if (got <= 0)
          return not_started("rejected", word.empty() ? "its process died while it was prepared" : word);
        word.append(piece, static_cast<std::size_t>(got));
        if (word == std::string_view("\0", 1)) return std::nullopt;
      }
    }
  }
}

Together::Word Together::next_word(Instant until, int ready) const {
  const auto since_boot = std::max<std::int64_t>(until.time_since_epoch().count(), 1);
  const itimerspec when{{}, {since_boot / 1'000'000'000, since_boot % 1'000'000'000}};
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
  while (true) {
    pollfd facts[4] = {{signals_, POLLIN, 0}, {timer_, POLLIN, 0}, {agent_, POLLIN, 0}, {ready, POLLIN, 0}};
    if (::poll(facts, 4, -1) < 0) continue;
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGTERM) return Word::stop;
      return info.ssi_signo == SIGUSR1 ? Word::told : Word::child;
    }
    if (facts[2].revents != 0) return Word::orphaned;
    if (facts[1].revents != 0) return Word::due;
    if (facts[3].revents != 0) return Word::ready;
  }
}

std::variant<StartAt, NotStarted> Together::wait_for_go() const {
  if (auto start = told()) return *start;  // while it was not ready yet
  while (true) {
    switch (next_word(folder_.intent().hold_until)) {
      case Word::stop: return stopped(false);
      case Word::orphaned: return orphaned(false);
      case Word::due: return not_started("expired", "nobody said in time when it was to start");
      case Word::child:
        if (::waitpid(child_.pid, nullptr, WNOHANG) == child_.pid)
          return not_started("rejected", "its process died while it waited to be told");
        break;
      case Word::told:
        if (auto start = told()) return *start;
        break;
      case Word::ready: break;
    }
  }
}

std::optional<StartAt> Together::told() const {
  const auto bytes = folder_.load(kGoFile);
  if (!bytes) return std::nullopt;
  const auto start = decode_start_at(*bytes);
  return start ? std::optional(*start) : std::nullopt;
}

// Nothing: until then it was not called off, and lives; or it is loaded, where that is all.
std::optional<NotStarted> Together::wait_held(Hold& hold, Instant until, bool only_to_load) const {
  while (true) {
    const Hold::State state = hold.look();
    if (state == Hold::State::dead) return died();
    if (only_to_load && state == Hold::State::held) return std::nullopt;
    switch (next_word(until)) {
      case Word::stop: return stopped(true);
      case Word::orphaned: return orphaned(true);
      case Word::due: return std::nullopt;
      case Word::told:  // by an agent that has not heard it
        if (!only_to_load) folder_.wake(Wake::going);
        break;
      case Word::child:
      case Word::ready: break;
    }
  }
}

NotStarted Together::stopped(bool claimed) const {
  if (auto why = folder_.load(kOffFile)) return not_started("rejected", std::move(*why), claimed);
  return not_started("cancelled", "cancelled before it was started", claimed);
}

// What could not be executed has said why.
NotStarted Together::died() const {
  char piece[kReasonBytesMax];
  const ssize_t got = ::read(child_.err, piece, sizeof piece);
  std::string_view said(piece, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (said.ends_with('\n')) said.remove_suffix(1);
  if (said.empty()) return not_started("expired", "its process died before the start", true);
  return not_started("rejected", fmt::format("its program cannot be executed: {}", said), true);
}

Mark Together::mark_of(const StartAt& start, Instant passed) const {
  const Span late = passed - start.at;
  // The bound is that of the instant; behind it the clocks drift on.
  const Span drifted = std::max<Span>(late, {}) * kApartPpm / 1'000'000 + Span(1);
  return {.at = start.brain_at + late, .bound = start.bound + drifted, .late = late};
}

}  // namespace

Begun begin_together(Folder& folder, const Child& child, int agent) {
  return Together(folder, child, agent).begin();
}

}  // namespace octo::runner
