// SPDX-License-Identifier: MIT
#include "runner/supervise.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "runner/armed.hpp"
#include "runner/child.hpp"
#include "runner/folder.hpp"
#include "runner/spool.hpp"
#include "runner/together.hpp"
#include "runner/tree.hpp"

namespace octo::runner {

namespace {

// A command that is over so soon is told of once, with its end: half the work of a large task, for everybody.
constexpr Span kShortRun = 5ms;
constexpr Span kGather = 1ms;  // small pieces that follow one another so closely become one
constexpr std::size_t kSmallPiece = 4096;
constexpr Span kKillAgain = 20ms;
constexpr Span kKillGiveUp = 10s;              // what survives SIGKILL so long hangs in the kernel
constexpr std::size_t kReasonBytesMax = 1024;  // well inside the record's reserve
constexpr Instant kNever = Instant::max();

class Supervisor {
 public:
  // `agent`: readable once the agent of a tied run is gone; else -1.
  Supervisor(Folder& folder, Spool& spool, const Child& child, const Started& started, int agent);

  void watch();  // until the end is decided
  Ended ended();
  // Children that stayed behind may still hold the pipes: reading on spares them a SIGPIPE.
  void sink();

 private:
  enum class Stop { no, cancelled, timed_out, orphaned };
  struct Pipe {
    std::uint8_t stream;
    int fd;
    Instant quiet_until{};
  };

  bool over() const;
  void arm();
  void on_signals();
  void on_time();
  void reap();
  void stop(Stop why);
  bool take(Pipe& pipe);
  void take_rest();
  void take_note();
  Instant next_deadline() const;

  Folder& folder_;
  Spool& spool_;
  Child child_;
  Started started_;
  Pipe pipes_[2];
  int agent_;
  int signals_ = -1;
  int timer_ = -1;
  Stop stop_ = Stop::no;
  std::optional<int> status_;  // wait status of the command
  Instant now_;
  Instant ended_at_;
  Instant tell_at_ = kNever;  // that it has started, and what it wrote since
  bool untold_output_ = false;
  Instant limit_at_ = kNever;
  Instant kill_at_ = kNever;
  Instant give_up_at_ = kNever;
  Instant armed_ = kNever;
  bool childless_ = false;
  bool hurry_ = false;  // cancelled after the command's end: do not wait for the pipes
};

Supervisor::Supervisor(Folder& folder, Spool& spool, const Child& child, const Started& started, int agent)
    : folder_(folder),
      spool_(spool),
      child_(child),
      started_(started),
      pipes_{{1, child.out}, {2, child.err}},
      agent_(agent),
      now_(started.at) {
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGTERM);
  ::sigaddset(&watched, SIGCHLD);
  signals_ = ::signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
  timer_ = ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  // Those that start together are waited for by everybody.
  if (folder.intent().hold_until != Instant{}) folder_.wake(Wake::record);
  else tell_at_ = started.at + kShortRun;
  if (folder.intent().limit > Span::zero()) limit_at_ = started.at + folder.intent().limit;
}

void Supervisor::watch() {
  while (!over()) {
    arm();
    pollfd watched[5] = {{signals_, POLLIN, 0},
                         {timer_, POLLIN, 0},
                         {-1, POLLIN, 0},
                         {-1, POLLIN, 0},
                         {stop_ == Stop::no ? agent_ : -1, POLLIN, 0}};
    for (int i = 0; i < 2; ++i) {
      if (status_ || now_ >= pipes_[i].quiet_until) watched[2 + i].fd = pipes_[i].fd;
    }
    if (::poll(watched, 5, -1) < 0) continue;
    now_ = now();
    if (watched[1].revents != 0) {
      std::uint64_t expirations = 0;
      (void)!::read(timer_, &expirations, sizeof expirations);
      armed_ = kNever;
    }
    for (int i = 0; i < 2; ++i) {
      if (watched[2 + i].revents != 0 && take(pipes_[i])) untold_output_ = true;
    }
    if (watched[0].revents != 0) on_signals();
    if (watched[4].revents != 0 && !status_) stop(Stop::orphaned);
    on_time();
    if (tell_at_ == kNever && std::exchange(untold_output_, false)) folder_.wake(Wake::output);
  }
  take_rest();
}

bool Supervisor::over() const {
  if (stop_ != Stop::no) return childless_ || now_ >= give_up_at_;
  if (!status_) return false;
  return hurry_ || (pipes_[0].fd < 0 && pipes_[1].fd < 0) || now_ >= ended_at_ + kDrain;
}

Instant Supervisor::next_deadline() const {
  Instant next = std::min({tell_at_, kill_at_, give_up_at_});
  if (!status_ && stop_ == Stop::no) next = std::min(next, limit_at_);
  if (status_ && stop_ == Stop::no) next = std::min(next, ended_at_ + kDrain);
  for (const Pipe& pipe : pipes_) {
    if (!status_ && pipe.fd >= 0 && pipe.quiet_until > now_) next = std::min(next, pipe.quiet_until);
  }
  return next;
}

// The boot clock's timer: it also counts while the machine sleeps, which poll's own time-out does not.
void Supervisor::arm() {
  const Instant next = next_deadline();
  if (next == armed_) return;
  armed_ = next;
  itimerspec when{};
  if (next != kNever) {
    const auto since_boot = std::max<std::int64_t>(next.time_since_epoch().count(), 1);
    when.it_value = {since_boot / 1'000'000'000, since_boot % 1'000'000'000};
  }
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void Supervisor::on_signals() {
  signalfd_siginfo info{};
  while (::read(signals_, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) reap();
    if (info.ssi_signo != SIGTERM) continue;
    if (status_) hurry_ = true;
    else stop(Stop::cancelled);
  }
}

void Supervisor::on_time() {
  if (now_ >= tell_at_) {
    folder_.wake(Wake::record);
    tell_at_ = kNever;
  }
  if (!status_ && now_ >= limit_at_) stop(Stop::timed_out);
  if (now_ < kill_at_) return;
  if (give_up_at_ == kNever) give_up_at_ = now_ + kKillGiveUp;
  signal_tree(::getpid(), folder_.intent().cgroup, SIGKILL);
  kill_at_ = now_ + kKillAgain;
  reap();
}

// We are the subreaper: without any child left, the tree is empty.
void Supervisor::reap() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid != child_.pid) continue;
    status_ = status;
    ended_at_ = now_;
  }
  childless_ = pid < 0 && errno == ECHILD;
}

void Supervisor::stop(Stop why) {
  if (stop_ != Stop::no) return;
  stop_ = why;
  kill_at_ = now_ + folder_.intent().kill_grace;
  signal_tree(::getpid(), folder_.intent().cgroup, SIGTERM);
}

bool Supervisor::take(Pipe& pipe) {
  const ssize_t got = ::read(pipe.fd, spool_.room(), kPieceBytesMax);
  if (got < 0) return false;
  if (got == 0) {
    ::close(pipe.fd);
    pipe.fd = -1;
    return false;
  }
  spool_.append(pipe.stream, static_cast<std::size_t>(got));
  if (static_cast<std::size_t>(got) < kSmallPiece) pipe.quiet_until = now_ + kGather;
  return true;
}

// What the pipes hold when everybody is gone; no more than a pipe can hold, whoever goes on writing.
void Supervisor::take_rest() {
  constexpr int kReadsMax = 32;
  for (Pipe& pipe : pipes_) {
    for (int i = 0; stop_ != Stop::no && pipe.fd >= 0 && i < kReadsMax && take(pipe); ++i) {
    }
  }
}

void Supervisor::take_note() {
  const int fd = ::openat(folder_.fd(), kNoteFile, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  struct stat facts{};
  if (fd < 0) return;
  const bool whole = ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
  const auto size = whole ? static_cast<std::uint64_t>(facts.st_size) : 0;
  const std::uint64_t head = std::min(size, folder_.intent().head_bytes);
  const std::uint64_t tail = std::max(head, size - std::min(size, folder_.intent().tail_bytes));
  for (std::uint64_t at = 0; at < size;) {
    if (at == head && tail > head) {
      spool_.skip(3, tail - head);
      at = tail;
    }
    const std::uint64_t end = at < head ? head : size;
    const ssize_t got =
        ::pread(fd, spool_.room(), std::min<std::uint64_t>(kPieceBytesMax, end - at), static_cast<off_t>(at));
    if (got <= 0) break;
    spool_.append(3, static_cast<std::size_t>(got));
    at += static_cast<std::uint64_t>(got);
  }
  ::close(fd);
}

Ended Supervisor::ended() {
  take_note();
  Ended end;
  const std::string lost = spool_.finish();
  for (std::uint8_t i = 0; i < 3; ++i) end.bytes[i] = spool_.written(static_cast<std::uint8_t>(i + 1));
  end.started = started_.wall;
  end.mark = started_.mark;
  end.lasted = (stop_ == Stop::no ? ended_at_ : now_) - started_.at;
  if (stop_ != Stop::no) {
    end.state = stop_ == Stop::timed_out ? "timed_out" : "cancelled";
    if (stop_ == Stop::orphaned) end.reason = kOrphaned;
    if (!childless_) end.reason = "some of its processes hang in the kernel and could not be killed";
  } else if (WIFEXITED(*status_)) {
    end.state = WEXITSTATUS(*status_) == 0 ? "succeeded" : "failed";
    end.exit_code = WEXITSTATUS(*status_);
  } else {
    end.state = "failed";
    end.signal = WTERMSIG(*status_);
  }
  end.reason += (end.reason.empty() || lost.empty() ? "" : "; ") + lost;
  end.reason.resize(std::min(end.reason.size(), kReasonBytesMax));
  return end;
}

void Supervisor::sink() {
  for (Pipe& pipe : pipes_) {
    if (pipe.fd >= 0) ::fcntl(pipe.fd, F_SETFL, 0);
  }
  while (pipes_[0].fd >= 0 || pipes_[1].fd >= 0) {
    pollfd watched[2] = {{pipes_[0].fd, POLLIN, 0}, {pipes_[1].fd, POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0) return;
    for (int i = 0; i < 2; ++i) {
      if (watched[i].revents == 0 || ::read(pipes_[i].fd, spool_.room(), kPieceBytesMax) > 0) continue;
      ::close(pipes_[i].fd);
      pipes_[i].fd = -1;
    }
  }
}

void prepare_process() {
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGTERM);
  ::sigaddset(&watched, SIGCHLD);
  ::sigaddset(&watched, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  for (const int number : {SIGPIPE, SIGHUP, SIGINT, SIGQUIT}) std::signal(number, SIG_IGN);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

// Nothing was started, and after the claim nothing will be.
Exit end_unstarted(Folder& folder, const Child& child, const NotStarted& why) {
  ::close(child.go);
  if (!why.claimed) {
    if (const auto claimed = folder.claim(); !claimed) return claimed.error();
  }
  if (!folder.append(encode(why.end)) || !folder.sync()) return Exit::storage;
  folder.wake(Wake::ended);
  folder.unlock();
  // It would go by itself now, unless it is stopped, or hangs where nobody answers.
  int status = 0;
  if (::waitpid(child.pid, &status, WNOHANG) == 0) {
    ::kill(child.pid, SIGKILL);
    while (::waitpid(child.pid, &status, 0) < 0 ? errno == EINTR : WIFSTOPPED(status)) {
    }
  }
  if (!folder.intent().cgroup.empty()) (void)remove_cgroup(folder.intent().cgroup);
  return Exit::done;
}

Ended end_of(Armed why) {
  Ended end;
  end.state = "cancelled";
  end.reason = why == Armed::orphaned ? kOrphanedUnstarted : "cancelled before it was started";
  return end;
}

Ended rejected(std::string_view why) {
  Ended end;
  end.state = "rejected";
  end.reason = why;
  return end;
}

// When its time has come.
Begun begin(Folder& folder, const Child& child, int agent) {
  const Armed armed = wait_armed(folder.intent().not_before, agent);
  if (armed != Armed::due) return NotStarted{end_of(armed)};
  if (const auto claimed = folder.claim(); !claimed) return claimed.error();
  const auto facts = process_facts(child.pid);
  Started started{.pid = child.pid, .ticks = facts ? facts->ticks : 0, .at = now(), .wall = wall_now()};
  if (!folder.append(encode(started))) return NotStarted{rejected(kNotRecorded), true};
  // Nobody was there to read it: proof enough.
  if (::write(child.go, "", 1) != 1) return NotStarted{rejected("its process died before the start"), true};
  return started;
}

Exit run(Folder& folder) {
  if (!folder.lock()) return Exit::claim_lost;
  const auto script = folder.write_script();
  if (!script) return script.error();
  auto secrets = take_secrets(folder.intent());
  if (!secrets) return secrets.error();
  Spool spool(folder.fd(), folder.intent().head_bytes, folder.intent().tail_bytes);
  folder.make_note();
  // The command's process gets ready while the claim is written; it starts only when told.
  const auto child = make_child(folder.intent(), *script, *secrets);
  if (!child) return Exit::resources;
  secrets->clear();  // only the command has them open
  const auto tied_to = static_cast<pid_t>(folder.intent().tied_to);
  const int agent = tied_to != 0 ? watch_agent(tied_to) : -1;
  const bool orphaned = tied_to != 0 && agent < 0;
  const Begun begun = orphaned                                  ? NotStarted{end_of(Armed::orphaned)}
                      : folder.intent().hold_until != Instant{} ? begin_together(folder, *child, agent)
                                                                : begin(folder, *child, agent);
  if (const auto* never = std::get_if<NotStarted>(&begun)) return end_unstarted(folder, *child, *never);
  ::close(child->go);
  if (const auto* failed = std::get_if<Exit>(&begun)) return *failed;
  const auto& started = std::get<Started>(begun);
  Supervisor supervisor(folder, spool, *child, started, agent);
  supervisor.watch();
  if (!folder.append(encode(supervisor.ended()))) return Exit::storage;
  folder.wake(Wake::record);  // the network is not slower for the disk's sake
  if (!folder.sync()) return Exit::storage;
  folder.wake(Wake::ended);
  folder.unlock();
  const bool empty = folder.intent().cgroup.empty() || remove_cgroup(folder.intent().cgroup);
  supervisor.sink();
  if (!empty) (void)remove_cgroup(folder.intent().cgroup);
  return Exit::done;
}

}  // namespace

Exit supervise(const std::string& folder) {
  prepare_process();
  auto opened = Folder::open(folder);
  if (!opened) return opened.error();
  return run(*opened);
}

}  // namespace octo::runner
