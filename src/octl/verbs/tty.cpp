// SPDX-License-Identifier: MIT
#include "octl/verbs/tty.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/mailbox.hpp"
#include "async/nursery.hpp"
#include "io/process/process.hpp"

namespace octo::octl {

namespace {

using Terminal = asio::posix::stream_descriptor;

int open_terminal() { return ::open("/dev/tty", O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY); }

// With its end of line; empty when there is nothing more to read.
Async<std::string> read_line(Terminal& terminal) {
  co_await terminal.async_wait(Terminal::wait_read, asio::use_awaitable);
  std::array<char, 4096> line{};  // the longest that a terminal takes
  const ssize_t count = ::read(terminal.native_handle(), line.data(), line.size());
  std::string text(line.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  explicit_bzero(line.data(), line.size());
  co_return text;
}

class EchoOff {
 public:
  explicit EchoOff(int fd) : fd_(fd), had_(::tcgetattr(fd, &before_) == 0) {
    termios quiet = before_;
    quiet.c_lflag = (quiet.c_lflag & ~static_cast<tcflag_t>(ECHO)) | ECHONL;
    if (had_) ::tcsetattr(fd_, TCSAFLUSH, &quiet);
  }
  ~EchoOff() {
    if (had_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

 private:
  int fd_;
  termios before_{};
  bool had_;
};

}  // namespace

Async<std::optional<std::string>> read_answer() {
  const int fd = open_terminal();
  if (fd < 0) co_return std::nullopt;
  Terminal terminal(co_await asio::this_coro::executor, fd);
  std::string line = co_await read_line(terminal);
  if (line.empty()) co_return std::nullopt;
  co_return line;
}

Async<Result<Secret>> read_password(std::string_view prompt) {
  const int fd = open_terminal();
  if (fd < 0) co_return fail(ErrorCode::unavailable, "there is no terminal to ask at");
  const Executor executor = co_await asio::this_coro::executor;
  Terminal terminal(executor, fd);
  const EchoOff echo_off(fd);
  if (::write(fd, prompt.data(), prompt.size()) < 0) {
    co_return fail(ErrorCode::unavailable, "the terminal cannot be written to");
  }
  Mailbox<Result<Secret>> answers(executor);
  auto answer = co_await in_nursery([&](Nursery& nursery) -> Async<std::optional<Result<Secret>>> {
    nursery.spawn([](Terminal& from, Mailbox<Result<Secret>>& to) -> Async<void> {
      std::string line = co_await read_line(from);
      while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
      to.put(Secret(std::move(line)));
    }(terminal, answers));
    nursery.spawn([](Mailbox<Result<Secret>>& to) -> Async<void> {
      co_await process::stop_signal();
      to.put(fail(ErrorCode::cancelled, "no password was typed"));
    }(answers));
    co_return co_await answers.take();
  });
  co_return std::move(*answer);
}

}  // namespace octo::octl
