// SPDX-License-Identifier: MIT
#include "world.hpp"

#include "base/text.hpp"

namespace octo::sim {

std::uint64_t SeededRandom::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t value = state_;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

Bytes SeededRandom::bytes(std::size_t count) {
  Bytes out;
  while (out.size() < count) put_u64(out, next());
  out.resize(count);
  return out;
}

WallTime VirtualClock::wall() const {
  return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) + now_.time_since_epoch();
}

Async<void> VirtualClock::sleep_until(Instant when) {
  Event due(executor_);
  const auto place = timers_.emplace(std::pair(std::max(when, now_), order_++), &due).first;
  struct Remove {
    std::map<std::pair<Instant, std::uint64_t>, Event*>& timers;
    std::pair<Instant, std::uint64_t> key;
    ~Remove() { timers.erase(key); }
  };
  const Remove remove{timers_, place->first};
  // advance() has come to our time once it is behind or at the key and we were woken.
  while (timers_.contains(remove.key)) co_await due.wait();
}

bool VirtualClock::advance() {
  if (timers_.empty()) return false;
  const auto [key, event] = *timers_.begin();
  now_ = std::max(now_, key.first);
  timers_.erase(timers_.begin());
  event->set();
  return true;
}

void Trace::add(std::string_view what) {
  text_ += fmt::format("{:>14} {}\n", clock_.now().time_since_epoch().count(), what);
}

struct Network::Wire {
  Wire(Executor executor, std::string label_) : changed(std::move(executor)), label(std::move(label_)) {}
  std::deque<std::pair<Instant, Bytes>> flying;
  bool closed = false;  // by the writer, after what flies
  bool broken = false;
  Instant last{};
  Event changed;
  std::string label;
};

class SimStream final : public net::Stream {
 public:
  SimStream(Network& network, std::shared_ptr<Network::Wire> in, std::shared_ptr<Network::Wire> out,
            net::Peer peer)
      : network_(network), in_(std::move(in)), out_(std::move(out)), peer_(std::move(peer)) {}
  ~SimStream() override { close(); }

  Async<Result<std::size_t>> read_some(std::span<char> into) override {
    while (true) {
      if (in_->broken) co_return fail(ErrorCode::unavailable, "connection reset");
      if (!in_->flying.empty()) {
        auto& [at, bytes] = in_->flying.front();
        if (at > network_.clock_.now()) {
          co_await network_.clock_.sleep_until(at);
          continue;
        }
        const std::size_t count = std::min(into.size(), bytes.size());
        std::copy_n(bytes.begin(), count, into.begin());
        bytes.erase(0, count);
        if (bytes.empty()) in_->flying.pop_front();
        co_return count;
      }
      if (in_->closed) co_return std::size_t{0};
      co_await in_->changed.wait();
    }
  }

  Async<Result<void>> write(BytesView bytes) override {
    if (out_->broken || out_->closed) co_return fail(ErrorCode::unavailable, "connection reset");
    const Instant at = std::max(out_->last, network_.clock_.now() + network_.random_.between(100us, 3ms));
    out_->last = at;
    network_.trace_.add(fmt::format("{} {} bytes, crc {:08x}", out_->label, bytes.size(), crc32c(bytes)));
    out_->flying.emplace_back(at, Bytes(bytes));
    out_->changed.set();
    co_return Result<void>{};
  }

  void close() override {
    out_->closed = true;
    out_->changed.set();
    in_->changed.set();
  }
  const net::Peer& peer() const override { return peer_; }

 private:
  Network& network_;
  std::shared_ptr<Network::Wire> in_;
  std::shared_ptr<Network::Wire> out_;
  net::Peer peer_;
};

class SimListener final : public net::Listener {
 public:
  explicit SimListener(Network& network) : network_(network) {}
  Async<Result<std::unique_ptr<net::Stream>>> accept() override {
    auto stream = co_await network_.arrivals_.take();
    if (!stream) co_return fail(ErrorCode::cancelled, "closed");
    co_return std::move(*stream);
  }
  net::Endpoint address() const override { return {"brain", 1}; }
  void close() override { network_.arrivals_.close(); }

 private:
  Network& network_;
};

class SimDialer final : public net::Dialer {
 public:
  SimDialer(Network& network, std::string node) : network_(network), node_(std::move(node)) {}
  Async<Result<std::unique_ptr<net::Stream>>> dial(const net::Endpoint&,
                                                   const crypto::ExpectedPeer&) override {
    co_await network_.clock_.sleep(network_.random_.between(1ms, 5ms));
    if (network_.down_[node_]) co_return fail(ErrorCode::unavailable, "no route");
    const auto up = std::make_shared<Network::Wire>(network_.executor_, node_ + " → brain");
    const auto down = std::make_shared<Network::Wire>(network_.executor_, "brain → " + node_);
    for (const auto& wire : {up, down}) network_.wires_[node_].push_back(wire);
    network_.arrivals_.put(std::make_unique<SimStream>(
        network_, up, down, net::Peer{{node_, 1}, crypto::Identity{"sim", crypto::Role::node, node_}}));
    co_return std::make_unique<SimStream>(
        network_, down, up,
        net::Peer{{network_.brain_, 1}, crypto::Identity{"sim", crypto::Role::brain, network_.brain_}});
  }

 private:
  Network& network_;
  std::string node_;
};

Network::Network(VirtualClock& clock, SeededRandom& random, Trace& trace, Executor executor)
    : clock_(clock), random_(random), trace_(trace), executor_(executor), arrivals_(executor) {}
Network::~Network() = default;

std::unique_ptr<net::Listener> Network::listen(std::string brain) {
  brain_ = std::move(brain);
  return std::make_unique<SimListener>(*this);
}

std::unique_ptr<net::Dialer> Network::dialer(std::string node) {
  return std::make_unique<SimDialer>(*this, std::move(node));
}

void Network::cut(const std::string& node) {
  trace_.add("cut " + node);
  down_[node] = true;
  for (const auto& weak : wires_[node]) {
    if (const auto wire = weak.lock()) {
      wire->broken = true;
      wire->flying.clear();
      wire->changed.set();
    }
  }
  wires_[node].clear();
}

void Network::mend(const std::string& node) {
  trace_.add("mend " + node);
  down_[node] = false;
}

}  // namespace octo::sim
