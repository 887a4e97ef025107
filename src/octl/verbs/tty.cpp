// SPDX-License-Identifier: MIT
#include "octl/verbs/tty.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace octo::octl {

Async<char> read_answer() {
  const int fd = ::open("/dev/tty", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) co_return '\n';
  asio::posix::stream_descriptor terminal(co_await asio::this_coro::executor, fd);
  co_await terminal.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  std::array<char, 256> line{};
  const ssize_t count = ::read(fd, line.data(), line.size());
  co_return count > 0 ? line[0] : '\n';
}

}  // namespace octo::octl
