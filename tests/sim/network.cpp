// SPDX-License-Identifier: MIT
#include "network.hpp"

#include "base/text.hpp"

namespace octo::sim {

struct Network::Wire {
  Wire(const Executor& executor, std::string label_) : changed(executor), label(std::move(label_)) {}
  void break_for(bool reader, bool writer) {
    broken_for_reader = broken_for_reader || reader;
    broken_for_writer = broken_for_writer || writer;
    flying.clear();
    changed.set();
  }

  std::deque<std::pair<Instant, Bytes>> flying;
  bool up = true;       // machine → Brain
  bool closed = false;  // by the writer, after what flies
  bool broken_for_reader = false;
  bool broken_for_writer = false;
  bool open = true;  // else what flies is held
  bool leads_nowhere = false;
  Instant last{};
  Event changed;
  std::string label;
};

struct Network::Cable {
  Weather weather;
  Span there{}, back{};                 // what every frame takes at least, and more than most
  std::optional<std::size_t> incident;  // of the weather
  std::vector<std::pair<std::weak_ptr<Wire>, std::weak_ptr<Wire>>> streams;  // up, down
};

class SimStream final : public net::Stream {
 public:
  SimStream(Network& network, std::string machine, std::shared_ptr<Network::Wire> in,
            std::shared_ptr<Network::Wire> out, net::Peer peer)
      : network_(network),
        machine_(std::move(machine)),
        in_(std::move(in)),
        out_(std::move(out)),
        peer_(std::move(peer)) {}
  ~SimStream() override { close(); }

  Async<Result<std::size_t>> read_some(std::span<char> into) override {
    const auto in = in_;
    while (true) {
      if (in->broken_for_reader) co_return fail(ErrorCode::unavailable, "connection reset");
      if (closed_) co_return fail(ErrorCode::cancelled, "closed");
      if (in->open && !in->flying.empty()) {
        auto& [at, bytes] = in->flying.front();
        if (at > network_.surface_.clock.now()) {
          co_await network_.surface_.clock.sleep_until(at);
          continue;
        }
        const std::size_t count = std::min(into.size(), bytes.size());
        std::copy_n(bytes.begin(), count, into.begin());
        bytes.erase(0, count);
        if (bytes.empty()) in->flying.pop_front();
        if (!in->up) network_.witness_.heard[machine_].push_back(network_.surface_.clock.now());
        co_return count;
      }
      if (in->open && in->closed && !in->leads_nowhere) co_return std::size_t{0};
      co_await in->changed.wait();
    }
  }

  Async<Result<void>> write(BytesView bytes) override {
    if (out_->broken_for_writer || closed_) co_return fail(ErrorCode::unavailable, "connection reset");
    if (out_->leads_nowhere) co_return Result<void>{};
    const Network::Cable& cable = network_.cable(machine_);
    const Span least = out_->up ? cable.there : cable.back;
    const Span delay = least + network_.random_.between(20us, cable.weather.delay_max);
    out_->last = std::max(out_->last, network_.surface_.clock.now() + delay);
    network_.surface_.trace.add(
        fmt::format("{} {} bytes, crc {:08x}", out_->label, bytes.size(), crc32c(bytes)));
    out_->flying.emplace_back(out_->last, Bytes(bytes));
    out_->changed.set();
    co_return Result<void>{};
  }

  void close() override {
    closed_ = true;
    out_->closed = true;
    out_->changed.set();
    in_->changed.set();
  }
  const net::Peer& peer() const override { return peer_; }

 private:
  Network& network_;
  std::string machine_;
  std::shared_ptr<Network::Wire> in_;
  std::shared_ptr<Network::Wire> out_;
  net::Peer peer_;
  bool closed_ = false;
};

class SimListener final : public net::Listener {
 public:
  explicit SimListener(std::shared_ptr<Network::Arrivals> arrivals) : arrivals_(std::move(arrivals)) {}
  Async<Result<std::unique_ptr<net::Stream>>> accept() override {
    auto stream = co_await arrivals_->take();
    if (!stream) co_return fail(ErrorCode::cancelled, "closed");
    co_return std::move(*stream);
  }
  net::Endpoint address() const override { return {"brain", 1}; }
  void close() override { arrivals_->close(); }

 private:
  std::shared_ptr<Network::Arrivals> arrivals_;
};

class SimDialer final : public net::Dialer {
 public:
  SimDialer(Network& network, std::string machine, std::string node)
      : network_(network), machine_(std::move(machine)), node_(std::move(node)) {}
  Async<Result<std::unique_ptr<net::Stream>>> dial(const net::Endpoint&,
                                                   const crypto::ExpectedPeer&) override {
    co_await network_.surface_.clock.sleep(network_.random_.between(1ms, 5ms));
    Network::Cable& cable = network_.cable(machine_);
    if (!cable.weather.up || !cable.weather.down) {
      co_await network_.surface_.clock.sleep(network_.random_.between(1s, 3s));
      co_return fail(ErrorCode::unavailable, "no route");
    }
    if (!network_.arrivals_) co_return fail(ErrorCode::unavailable, "connection refused");
    const auto up = std::make_shared<Network::Wire>(network_.surface_.executor, machine_ + " → brain");
    const auto down = std::make_shared<Network::Wire>(network_.surface_.executor, "brain → " + machine_);
    down->up = false;
    std::erase_if(cable.streams, [](const auto& pair) { return pair.first.expired(); });
    cable.streams.emplace_back(up, down);
    network_.arrivals_->put(std::make_unique<SimStream>(
        network_, machine_, up, down,
        net::Peer{{machine_, 1}, crypto::Identity{"sim", crypto::Role::node, node_}}));
    co_return std::make_unique<SimStream>(
        network_, machine_, down, up,
        net::Peer{{"brain", 1}, crypto::Identity{"sim", crypto::Role::brain, "brain"}});
  }

 private:
  Network& network_;
  std::string machine_;
  std::string node_;
};

Network::Network(Surface surface, Witness& witness, SeededRandom random)
    : surface_(surface), witness_(witness), random_(random) {}
Network::~Network() = default;

Network::Cable& Network::cable(const std::string& machine) {
  auto& found = cables_[machine];
  if (found) return *found;
  found = std::make_unique<Cable>();
  // Half of the cables are longer one way than the other, which nobody can measure.
  const bool even = random_.chance(0.5);
  found->there = random_.between(0ms, even ? Span(100us) : Span(4ms));
  found->back = random_.between(0ms, even ? Span(100us) : Span(4ms));
  return *found;
}

std::unique_ptr<net::Listener> Network::listen() {
  arrivals_ = std::make_shared<Arrivals>(surface_.executor);
  return std::make_unique<SimListener>(arrivals_);
}

void Network::stop_listening() { arrivals_.reset(); }

std::unique_ptr<net::Dialer> Network::dialer(std::string machine, std::string node) {
  return std::make_unique<SimDialer>(*this, std::move(machine), std::move(node));
}

Network::Weather Network::weather(const std::string& machine) const {
  const auto found = cables_.find(machine);
  return found == cables_.end() ? Weather() : found->second->weather;
}

void Network::set_weather(const std::string& machine, Weather weather) {
  Cable& one = cable(machine);
  // What flew in it may be late until then.
  if (one.incident)
    witness_.incidents[*std::exchange(one.incident, {})].until = surface_.clock.now() + one.weather.delay_max;
  one.weather = weather;
  if (!weather.is_fair()) {
    one.incident = witness_.incidents.size();
    witness_.incidents.push_back(
        {Witness::Incident::Kind::link, machine, surface_.clock.now(), Instant::max(), ""});
  }
  for (const auto& [weak_up, weak_down] : one.streams) {
    const auto set = [](const std::shared_ptr<Wire>& wire, bool open) {
      if (!wire) return;
      wire->open = open;
      wire->changed.set();
    };
    set(weak_up.lock(), weather.up);
    set(weak_down.lock(), weather.down);
  }
}

void Network::break_streams(const std::string& machine, Told told) {
  for (auto& [name, one] : cables_) {
    if (!machine.empty() && machine != name) continue;
    if (!machine.empty()) witness_.disturbed(Witness::Incident::Kind::link, machine, surface_.clock.now());
    const bool node = told == Told::both || told == Told::node;
    const bool brain = told == Told::both || told == Told::brain;
    for (const auto& [weak_up, weak_down] : std::exchange(one->streams, {})) {
      if (const auto up = weak_up.lock()) {
        up->leads_nowhere = true;
        up->break_for(brain, node);
      }
      if (const auto down = weak_down.lock()) {
        down->leads_nowhere = true;
        down->break_for(node, brain);
      }
    }
  }
}

}  // namespace octo::sim
