// SPDX-License-Identifier: MIT
#include "tentacle/runs/runners.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "io/process/process.hpp"

namespace octo::tentacle {

namespace {

class RunnerProcess final : public Runner {
 public:
  explicit RunnerProcess(process::Process process) : process_(std::move(process)) {}
  Result<void> cancel() override { return process_.signal(SIGTERM); }
  Result<void> nudge() override { return process_.signal(SIGUSR1); }
  Async<std::optional<int>> wait() override {
    const auto status = co_await process_.wait();
    if (status && *status && WIFEXITED(**status)) co_return WEXITSTATUS(**status);
    co_return std::nullopt;
  }

 private:
  process::Process process_;
};

class Fifo final : public Wakes {
 public:
  explicit Fifo(int fd) : fd_(fd) {}
  ~Fifo() override { ::close(fd_); }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  Async<std::size_t> read(std::span<char> into) override {
    // The descriptor stays ours: Asio only watches it.
    struct Watched {
      asio::posix::stream_descriptor descriptor;
      ~Watched() { descriptor.release(); }
    } watched{{co_await asio::this_coro::executor, fd_}};
    while (true) {
      co_await watched.descriptor.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
      const ssize_t got = ::read(fd_, into.data(), into.size());
      if (got > 0) co_return static_cast<std::size_t>(got);
    }
  }

 private:
  int fd_;
};

}  // namespace

Result<std::unique_ptr<Runner>> LocalRunners::start(const std::string& folder, int secrets) {
  return hold(OCTO_TRY(process::spawn({.program = program_,
                                       .arguments = {"runner", folder},
                                       .environment = std::vector<std::pair<std::string, std::string>>(),
                                       .folder = "/",
                                       .new_session = true,
                                       .out_file = "/dev/null",
                                       .handed = secrets})));
}

Result<std::unique_ptr<Runner>> LocalRunners::hold(pid_t pid) {
  return std::make_unique<RunnerProcess>(OCTO_TRY(process::Process::open(pid)));
}

Result<std::unique_ptr<Wakes>> LocalRunners::listen(const std::string& path) {
  if (::mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST)
    return fail(ErrorCode::internal, "make FIFO {}: {}", path, std::strerror(errno));
  // Open for writing too, so that there is always a writer, and a read never tells of an end.
  const int fd = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  struct stat facts{};
  if (fd >= 0 && ::fstat(fd, &facts) == 0 && S_ISFIFO(facts.st_mode)) return std::make_unique<Fifo>(fd);
  if (fd >= 0) ::close(fd);
  return fail(ErrorCode::internal, "open FIFO {}: remove what is in its place", path);
}

}  // namespace octo::tentacle
