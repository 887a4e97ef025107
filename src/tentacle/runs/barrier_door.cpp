// SPDX-License-Identifier: MIT
#include "tentacle/runs/barrier_door.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/nursery.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"
#include "tentacle/runs/journal.hpp"

namespace octo::tentacle {

namespace {

constexpr std::size_t kLineBytesMax = 256;  // a run's name, a barrier's, and room
constexpr Span kLineWithin = 5s;            // it is written at once
constexpr Span kAcceptAgain = 100ms;

// Any user of the machine may knock, and runs need descriptors too.
std::size_t share_of_descriptors() {
  rlimit all{};
  ::getrlimit(RLIMIT_NOFILE, &all);
  return std::clamp<std::size_t>(all.rlim_cur / 4, 16, 4096);
}

// By the folder's descriptor: a path may be longer than an address holds.
Result<int> listen_at(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  const int folder = ::open(path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  fmt::format_to_n(address.sun_path, sizeof address.sun_path - 1, "/proc/self/fd/{}/{}", folder, name);
  const bool good = folder >= 0 && fd >= 0 && (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) &&
                    ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    ::fchmodat(folder, name.c_str(), 0666, 0) == 0 && ::listen(fd, SOMAXCONN) == 0;
  const int why = errno;
  if (folder >= 0) ::close(folder);
  if (good) return fd;
  if (fd >= 0) ::close(fd);
  return fail(ErrorCode::internal, "listen at {}: {}", path, std::strerror(why));
}

std::optional<uid_t> peer_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer.uid;
}

}  // namespace

struct BarrierDoor::Visit {
  Visit(const Executor& executor, int fd) : socket(executor, fd), changed(executor) {}
  asio::posix::stream_descriptor socket;
  Event changed;
  bool gone = false;
  std::optional<Result<void>> answer;

  // The next line; nothing when the other end is gone, or says too much.
  Async<std::optional<std::string>> line() {
    std::string text;
    while (!text.ends_with('\n')) {
      char piece[kLineBytesMax];
      boost::system::error_code error;
      co_await socket.async_wait(asio::posix::descriptor_base::wait_read,
                                 asio::redirect_error(asio::use_awaitable, error));
      const ssize_t got = error ? 0 : ::read(socket.native_handle(), piece, sizeof piece);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0 || text.size() + static_cast<std::size_t>(got) > kLineBytesMax) co_return std::nullopt;
      text.append(piece, static_cast<std::size_t>(got));
    }
    text.pop_back();
    co_return text;
  }
  void say(const std::string& text) {
    (void)!::send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
};

Result<std::unique_ptr<BarrierDoor>> BarrierDoor::open(const std::string& path, const NodeName& node,
                                                       const Runs& runs, Barriers& barriers, Clock& clock) {
  const int fd = OCTO_TRY(listen_at(path));
  return std::unique_ptr<BarrierDoor>(new BarrierDoor(fd, node, runs, barriers, clock));
}

BarrierDoor::BarrierDoor(int listening, NodeName node, const Runs& runs, Barriers& barriers, Clock& clock)
    : listening_(listening),
      waiting_max_(share_of_descriptors()),
      node_(std::move(node)),
      runs_(runs),
      barriers_(barriers),
      clock_(clock) {}

BarrierDoor::~BarrierDoor() { ::close(listening_); }

Async<void> BarrierDoor::serve() {
  const Executor executor = co_await asio::this_coro::executor;
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    struct Watched {
      asio::posix::stream_descriptor descriptor;
      ~Watched() { descriptor.release(); }
    } watched{{executor, listening_}};
    while (true) {
      co_await watched.descriptor.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
      const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) {
        // Out of descriptors or memory: who knocks stays at the door, and waiting for that would return at
        // once.
        co_await clock_.sleep(kAcceptAgain);
        continue;
      }
      if (nursery.size() >= waiting_max_) ::close(fd);  // it asks again
      else nursery.spawn(hear(std::make_shared<Visit>(executor, fd)));
    }
  });
}

Async<void> BarrierDoor::hear(std::shared_ptr<Visit> visit) {
  // The door is open to all users of the machine, and each that says nothing holds a descriptor.
  const auto heard = co_await with_deadline(clock_, kLineWithin, [](Visit& of) -> Async<Result<std::string>> {
    if (auto said = co_await of.line()) co_return std::move(*said);
    co_return fail(ErrorCode::invalid_argument, "no line");
  }(*visit));
  if (!heard) co_return;
  const std::string* line = &*heard;
  const std::size_t space = line->find(' ');
  const auto run = parse_local_name(node_, line->substr(0, space));
  const std::string name = space == std::string::npos ? "" : line->substr(space + 1);
  if (const auto good = check_barrier_name(name); !good)
    co_return visit->say("error " + good.error().message() + "\n");
  const auto facts = run ? runs_.find(*run) : std::nullopt;
  if (!facts || facts->end) co_return visit->say("error this is no run that goes on here\n");
  const auto peer = peer_of(visit->socket.native_handle());
  if (!peer || (*peer != 0 && *peer != ::geteuid() && facts->user != *peer))
    co_return visit->say("error only the run itself may say where it is\n");
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](std::shared_ptr<Visit> of) -> Async<void> {
      while (co_await of->line()) {
      }
      of->gone = true;
      of->changed.set();
    }(visit));
    nursery.spawn([](Barriers& at, RunId id, std::string which, std::shared_ptr<Visit> of) -> Async<void> {
      of->answer = co_await at.await_barrier(std::move(id), std::move(which));
      of->changed.set();
    }(barriers_, *run, name, visit));
    while (!visit->gone && !visit->answer) co_await visit->changed.wait();
  });
  if (!visit->answer) co_return;
  visit->say(*visit->answer ? std::string("ok\n")
                            : fmt::format("error {}\n", visit->answer->error().message()));
}

}  // namespace octo::tentacle
