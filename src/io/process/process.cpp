// SPDX-License-Identifier: MIT
#include "io/process/process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "base/text.hpp"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace octo::process {

namespace {

std::vector<char*> pointers_of(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

ErrorCode code_of(int error) {
  if (error == ENOENT || error == ENOTDIR) return ErrorCode::not_found;
  if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) return ErrorCode::exhausted;
  if (error == EACCES || error == EPERM) return ErrorCode::forbidden;
  return ErrorCode::internal;
}

// What the child does and is before it becomes the program.
class Preparation {
 public:
  Preparation() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  ~Preparation() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;

  void set(const Spawn& spawn) {
    if (!spawn.in_file.empty()) {
      ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, spawn.in_file.c_str(), O_RDONLY, 0);
    }
    if (!spawn.out_file.empty()) {
      constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND;
      ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, spawn.out_file.c_str(), kAppend, 0600);
      ::posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    }
    if (!spawn.folder.empty()) ::posix_spawn_file_actions_addchdir_np(&actions_, spawn.folder.c_str());
    constexpr int kHandedFd = 3;
    if (spawn.handed >= 0) ::posix_spawn_file_actions_adddup2(&actions_, spawn.handed, kHandedFd);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, spawn.handed >= 0 ? kHandedFd + 1 : kHandedFd);
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_,
                               static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                  (spawn.new_session ? POSIX_SPAWN_SETSID : 0)));
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Result<pid_t> spawn(const Spawn& spawn) {
  Preparation preparation;
  preparation.set(spawn);
  std::vector<std::string> arguments = spawn.arguments;
  if (arguments.empty()) arguments.push_back(spawn.program);
  std::vector<std::string> variables;
  if (spawn.environment) {
    for (const auto& [name, value] : *spawn.environment) variables.push_back(name + "=" + value);
  }
  const std::vector<char*> argv = pointers_of(arguments);
  const std::vector<char*> envp = pointers_of(variables);
  pid_t pid = 0;
  const int error =
      ::posix_spawn(&pid, spawn.program.c_str(), preparation.actions(), preparation.attributes(), argv.data(),
                    spawn.environment ? envp.data() : environ);
  if (error != 0) return fail(code_of(error), "start {}: {}", quote(spawn.program), std::strerror(error));
  return pid;
}

Result<Process> Process::open(pid_t pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd >= 0) return Process(pid, fd);
  if (errno == ESRCH) return fail(ErrorCode::not_found, "process {} has ended", pid);
  return fail(errno == ENOSYS ? ErrorCode::unsupported : code_of(errno), "hold process {}: {}", pid,
              std::strerror(errno));
}

Process::Process(Process&& other) noexcept : pid_(other.pid_), fd_(std::exchange(other.fd_, -1)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(fd_, other.fd_);
  return *this;
}

Process::~Process() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> Process::signal(int number) {
  if (::syscall(SYS_pidfd_send_signal, fd_, number, nullptr, 0) == 0) return {};
  if (errno == ESRCH) return fail(ErrorCode::not_found, "process {} has ended", pid_);
  return fail(code_of(errno), "send signal {} to process {}: {}", number, pid_, std::strerror(errno));
}

Async<Result<std::optional<int>>> Process::wait() {
  {
    // The descriptor stays ours: Asio only watches it.
    struct Watched {
      asio::posix::stream_descriptor descriptor;
      ~Watched() { descriptor.release(); }
    } watched{{co_await asio::this_coro::executor, fd_}};
    co_await watched.descriptor.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
  }
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(fd_), &info, WEXITED | WNOHANG) != 0) {
    if (errno == ECHILD) co_return std::optional<int>();
    co_return fail(code_of(errno), "wait for process {}: {}", pid_, std::strerror(errno));
  }
  if (info.si_pid == 0) co_return std::optional<int>();
  // As waitpid() would say it.
  const int status = info.si_code == CLD_EXITED ? info.si_status << 8
                                                : info.si_status | (info.si_code == CLD_DUMPED ? 128 : 0);
  co_return std::optional<int>(status);
}

void ignore_sigpipe() { std::signal(SIGPIPE, SIG_IGN); }

Async<int> stop_signal() {
  ignore_sigpipe();
  asio::signal_set signals(co_await asio::this_coro::executor, SIGTERM, SIGINT, SIGHUP);
  co_return co_await signals.async_wait(asio::use_awaitable);
}

std::string own_folder() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string_view text(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  return std::string(text.substr(0, text.rfind('/')));
}

}  // namespace octo::process
