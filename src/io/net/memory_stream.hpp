// SPDX-License-Identifier: MIT
// Two ends of a byte stream in memory, for tests of what runs over one.
#pragma once
#include <deque>
#include <memory>
#include <utility>

#include "async/event.hpp"
#include "io/net/stream.hpp"

namespace octo::net {

class MemoryStream final : public Stream {
 public:
  static std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_pair(
      const Executor& executor) {
    const auto there = std::make_shared<Pipe>(executor);
    const auto back = std::make_shared<Pipe>(executor);
    return {std::make_unique<MemoryStream>(back, there), std::make_unique<MemoryStream>(there, back)};
  }
  struct Pipe {
    explicit Pipe(Executor executor) : changed(std::move(executor)) {}
    Bytes bytes;
    bool closed = false;
    Event changed;
  };
  MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
      : in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryStream() override { MemoryStream::close(); }

  Async<Result<std::size_t>> read_some(std::span<char> into) override {
    const auto pipe = in_;
    while (pipe->bytes.empty() && !pipe->closed) co_await pipe->changed.wait();
    const std::size_t count = std::min(into.size(), pipe->bytes.size());
    std::copy_n(pipe->bytes.begin(), count, into.begin());
    pipe->bytes.erase(0, count);
    pipe->changed.set();
    co_return count;
  }
  Async<Result<void>> write(BytesView bytes) override {
    const auto pipe = out_;
    constexpr std::size_t kHeld = 64 * 1024;  // as a socket's buffer: a slow reader stops the writer
    while (pipe->bytes.size() > kHeld && !pipe->closed) co_await pipe->changed.wait();
    if (pipe->closed) co_return fail(ErrorCode::unavailable, "the connection is closed");
    pipe->bytes += bytes;
    pipe->changed.set();
    co_return Result<void>{};
  }
  void close() override {
    for (const auto& pipe : {in_, out_}) {
      pipe->closed = true;
      pipe->changed.set();
    }
  }
  const Peer& peer() const override { return peer_; }
  void set_peer(Peer peer) { peer_ = std::move(peer); }

 private:
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  Peer peer_;
};

}  // namespace octo::net
