// SPDX-License-Identifier: MIT
// A world from one seed: virtual time, randomness, a network with delays and cuts, and a trace of all that
// happened.
//
// The loop runs what is ready; then time jumps to the next timer. Nothing waits for real time.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "async/mailbox.hpp"
#include "base/random.hpp"
#include "io/net/stream.hpp"

namespace octo::sim {

// splitmix64: every seed a good stream of numbers.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  Bytes bytes(std::size_t count) override;
  Span between(Span low, Span high) {
    return low + std::chrono::duration_cast<Span>((high - low) * fraction());
  }

 private:
  std::uint64_t next();
  std::uint64_t state_;
};

class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(Executor executor) : executor_(std::move(executor)) {}
  Instant now() const override { return now_; }
  WallTime wall() const override;
  Async<void> sleep_until(Instant when) override;
  // Jumps to the next timer and wakes whoever waits for it; false when nobody waits for any time.
  bool advance();

 private:
  Executor executor_;
  Instant now_{};
  std::uint64_t order_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, Event*> timers_;
};

class Trace {
 public:
  explicit Trace(const Clock& clock) : clock_(clock) {}
  void add(std::string_view what);
  const std::string& text() const { return text_; }

 private:
  const Clock& clock_;
  std::string text_;
};

// Byte streams between named ends, delivered after a random delay, in order. cut() breaks a node's streams at
// once.
class Network {
 public:
  Network(VirtualClock& clock, SeededRandom& random, Trace& trace, Executor executor);
  ~Network();

  std::unique_ptr<net::Listener> listen(std::string brain);
  std::unique_ptr<net::Dialer> dialer(std::string node);
  // Every stream of the node breaks; what was under way is lost. Until mend(), dialling fails.
  void cut(const std::string& node);
  void mend(const std::string& node);

  struct Wire;  // one direction of one stream

 private:
  friend class SimStream;
  friend class SimDialer;
  friend class SimListener;
  VirtualClock& clock_;
  SeededRandom& random_;
  Trace& trace_;
  Executor executor_;
  std::string brain_;
  Mailbox<std::unique_ptr<net::Stream>> arrivals_;
  std::map<std::string, bool> down_;
  std::map<std::string, std::vector<std::weak_ptr<Wire>>> wires_;
};

}  // namespace octo::sim
