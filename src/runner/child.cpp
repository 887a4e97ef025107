// SPDX-License-Identifier: MIT
#include "runner/child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/text.hpp"
#include "runner/command.hpp"
#include "runner/hold.hpp"

namespace octo::runner {

namespace {

constexpr const char* kShells[] = {"/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/bin/sh"};

using Words = std::vector<std::string>;

std::vector<char*> pointers_of(Words& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

class Executable {
 public:
  Executable(const Intent& intent, std::string script) : intent_(intent), script_(std::move(script)) {
    for (const auto& [name, value] : intent.environment) {
      variables_.push_back(name + "=" + value);
      if (name == "PATH") path_ = value;
    }
    environment_ = pointers_of(variables_);
  }

  // What is to be executed is looked for ahead. False: a plain command's program is not there; the shell will
  // say so.
  bool resolve() {
    if (intent_.script) return true;
    words_ = plain_words(intent_.text).value_or(Words{});
    if (words_.empty()) return true;
    for (std::string& place : places_of(words_.front(), path_)) {
      struct stat facts{};
      if (::stat(place.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || ::access(place.c_str(), X_OK) != 0)
        continue;
      place_ = std::move(place);
      return true;
    }
    return false;
  }
  const std::string& name() const { return words_.front(); }
  // Reads what exec will want: on a slow disk that takes longer than there is between `go` and the instant.
  void warm() const {
    std::vector<char> pages(128 * 1024);
    for (const std::string& place :
         place_.empty() ? Words(std::begin(kShells), std::end(kShells)) : Words{place_}) {
      const int fd = ::open(place.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) continue;
      (void)!::read(fd, pages.data(), pages.size());
      ::close(fd);
      return;
    }
  }

  // Returns only when nothing could be executed, with the exit code.
  int become() {
    if (intent_.script) {
      execute(script_, {script_});
      if (errno == ENOEXEC) return shell({script_});
      if (errno == ENOENT)
        return complain(script_, 127, "its interpreter is not here (or its first line ends like on Windows)");
      if (errno == EACCES)
        return complain(script_, 126, "permission denied (is its file system mounted noexec?)");
      return complain(script_, 126, std::strerror(errno));
    }
    if (!place_.empty()) {
      execute(place_, words_);
      if (errno != ENOEXEC) return complain(name(), errno == ENOENT ? 127 : 126, std::strerror(errno));
    }
    // A command that begins with '-' must not become an option of the shell.
    const bool dashed = intent_.text.starts_with('-') || intent_.text.starts_with('+');
    return shell(dashed ? Words{"-c", "--", intent_.text} : Words{"-c", intent_.text});
  }

  static int complain(std::string_view what, int code, const char* why) {
    const std::string line = fmt::format("octopoda: {}: {}\n", what, why);
    (void)!::write(STDERR_FILENO, line.data(), line.size());
    return code;
  }

 private:
  void execute(const std::string& place, Words words) {
    const std::vector<char*> argv = pointers_of(words);
    ::execve(place.c_str(), argv.data(), environment_.data());
  }

  int shell(Words arguments) {
    for (const std::string place : kShells) {
      Words words{place.substr(place.rfind('/') + 1)};
      words.insert(words.end(), arguments.begin(), arguments.end());
      execute(place, std::move(words));
      if (errno != ENOENT) return complain(place, 126, std::strerror(errno));
    }
    return complain("/bin/sh", 127, std::strerror(errno));
  }

  const Intent& intent_;
  std::string script_;
  std::string path_;
  Words words_;        // of a plain command …
  std::string place_;  // … and its program
  Words variables_;
  std::vector<char*> environment_;
};

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool make_pipe(int (&ends)[2]) { return ::pipe2(ends, O_CLOEXEC) == 0; }

// Straight into the cgroup: moving a process there later costs the kernel a grace period of milliseconds.
pid_t fork_into(const std::string& cgroup) {
  if (!cgroup.empty()) {
    const int group = ::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (group >= 0) {
      clone_args arguments{};
      arguments.flags = CLONE_INTO_CGROUP;
      arguments.exit_signal = SIGCHLD;
      arguments.cgroup = static_cast<__u64>(group);
      const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
      if (pid != 0) ::close(group);
      if (pid >= 0) return pid;
    }
  }
  const pid_t pid = ::fork();
  if (pid == 0 && !cgroup.empty()) {
    const int members = ::open((cgroup + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    if (members >= 0) (void)!::write(members, "0", 1);
  }
  return pid;
}

// A file without a name that holds the command's input: no disk, and it can be read at any pace.
int make_input(const Bytes& input) {
  if (input.empty()) return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int fd = ::memfd_create("stdin", MFD_CLOEXEC);
  if (fd < 0) return -1;
  for (std::size_t at = 0; at < input.size();) {
    const ssize_t wrote = ::write(fd, input.data() + at, input.size() - at);
    if (wrote <= 0) {
      ::close(fd);
      return -1;
    }
    at += static_cast<std::size_t>(wrote);
  }
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

// What could not be done, or nothing.
const char* become_user(const User& user) {
  if (::setgroups(user.groups.size(), user.groups.data()) != 0) return "set its groups";
  if (::setgid(user.gid) != 0) return "set its group";
  if (::setuid(user.uid) != 0) return "set its user";
  return nullptr;
}

struct Ends {
  int go[2], ready[2];
  int out, err, input;
};

// Why it cannot keep what it is asked to promise; "\0": it can.
std::string readiness(const Intent& intent, const char* not_done, int denied, int missing, bool found,
                      const std::string& program) {
  if (not_done != nullptr) return fmt::format("it cannot {}: {}", not_done, std::strerror(denied));
  if (missing != 0)
    return fmt::format("it cannot enter folder {}: {}", intent.folder, std::strerror(missing));
  if (!found) return fmt::format("there is no program {}", program);
  return std::string(1, '\0');
}

[[noreturn]] void be_child(const Intent& intent, const std::string& script,
                           const std::vector<MemoryFile>& secrets, const Ends& ends) {
  const auto& [go, ready, out, err, input] = ends;
  const bool together = intent.hold_until != Instant{};
  ::setsid();
  if (together) hurry_up();
  ::close(go[1]);
  ::dup2(input, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  int place = kSecretFdFirst;
  for (const MemoryFile& secret : secrets) ::dup2(secret.fd(), place++);
  ::umask(022);
  reset_signals();
  const char* not_done = intent.user ? become_user(*intent.user) : nullptr;
  const int denied = errno;
  const int missing = ::chdir(intent.folder.c_str()) == 0 ? 0 : errno;
  Executable executable(intent, script);
  const bool found = executable.resolve();
  if (together) {
    executable.warm();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the change of user, which takes it back
    const std::string word =
        readiness(intent, not_done, denied, missing, found, found ? "" : executable.name());
    (void)!::write(ready[1], word.data(), word.size());
    if (word.size() > 1) ::_exit(0);
  }
  char byte = 0;
  if (::read(go[0], &byte, 1) != 1) ::_exit(0);
  if (together) ::prctl(PR_SET_PDEATHSIG, 0);  // the program does not die with its runner
  if (not_done != nullptr) ::_exit(Executable::complain(not_done, 126, std::strerror(denied)));
  if (missing != 0)
    ::_exit(Executable::complain("enter folder " + intent.folder, 126, std::strerror(missing)));
  ::_exit(executable.become());
}

}  // namespace

Result<Child> make_child(const Intent& intent, const std::string& script,
                         const std::vector<MemoryFile>& secrets) {
  int out[2], err[2];
  Ends ends{};
  auto& [go, ready, child_out, child_err, input] = ends;
  const bool together = intent.hold_until != Instant{};
  if (!make_pipe(out) || !make_pipe(err) || !make_pipe(go) || (together && !make_pipe(ready)))
    return fail(ErrorCode::exhausted, "make pipes: {}", std::strerror(errno));
  input = make_input(intent.input);
  child_out = out[1];
  child_err = err[1];
  if (input < 0) return fail(ErrorCode::exhausted, "make its input: {}", std::strerror(errno));
  const pid_t pid = fork_into(intent.cgroup);
  if (pid < 0) return fail(ErrorCode::exhausted, "fork: {}", std::strerror(errno));
  if (pid == 0) be_child(intent, script, secrets, ends);
  if (together) ::close(ready[1]);
  for (const int end : {out[1], err[1], go[0], input}) ::close(end);
  ::fcntl(out[0], F_SETFL, O_NONBLOCK);
  ::fcntl(err[0], F_SETFL, O_NONBLOCK);
  return Child{.pid = pid, .go = go[1], .out = out[0], .err = err[0], .ready = together ? ready[0] : -1};
}

}  // namespace octo::runner
