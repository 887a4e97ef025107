// SPDX-License-Identifier: MIT
// Link: drives a wire::Session over a byte stream, and gives each of its streams to a coroutine as a Channel.
// Used by both ends (brain/fleet, tentacle/link).
//
// The owner awaits run() in its Nursery; run() ends when the session is lost, and every Channel then answers
// with that error.
#pragma once
#include <memory>
#include <optional>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "io/net/stream.hpp"
#include "wire/session.hpp"

namespace octo::link {

class Link;

// One stream of the link; movable, belongs to one coroutine. Dropping it without close() resets the stream.
class Channel {
 public:
  Channel() = default;
  Channel(Channel&& other) noexcept;
  Channel& operator=(Channel&& other) noexcept;
  ~Channel();

  // Waits while the stream's queue is full. Errors: the link's loss (unavailable), or the peer's reset with
  // its code.
  Async<Result<void>> send(Bytes message);
  // Does not wait. `rest`: the end of the message, shared with other links.
  Result<void> post(Bytes message, std::shared_ptr<const Bytes> rest);
  // The next message; nothing when the peer has finished the stream. Receiving gives the credit back.
  Async<Result<std::optional<Bytes>>> receive();
  // We send no more; what was sent still arrives.
  void close();
  void reset(const Error& error);
  void set_priority(wire::Priority priority);

 private:
  friend class Link;
  struct State;
  explicit Channel(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

class Link {
 public:
  Link(Clock& clock, std::unique_ptr<net::Stream> stream, wire::Config config, Executor executor);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Reads and writes until the session ends; answers why (never ok). Cancel it to end the link at once. Of a
  // node's it keeps the time as well.
  Async<Error> run();
  // Brain: tick() is due at next_tick(), from the welcome on, and ends a link whose peer is silent. Its owner
  // calls it, for all its thousands of links with one timer.
  Instant next_tick() const;
  void tick();

  // Node: the Brain's answer to our hello. Brain: the peer's hello, once; then call welcome() or refuse().
  Async<Result<wire::Welcome>> welcomed();
  Async<Result<wire::Hello>> hello();
  void welcome(wire::Welcome welcome);
  void refuse(const Error& error);
  // Ends the session on purpose: tells the peer why, writes what is queued, then run() ends.
  void goodbye(const Error& error);

  Result<Channel> open(wire::Priority priority);
  // False while so much is queued that a send() on a new stream would wait.
  bool writable() const;
  // The next stream that the peer opened; nothing once the link is lost.
  Async<std::optional<Channel>> accept();

  Instant last_heard() const;
  std::optional<Span> round_trip() const;
  std::optional<ClockReading> clock() const;
  // Node: waits for a pong while there is no reading. Errors: the link's loss.
  Async<Result<ClockReading>> measured_clock();
  std::optional<ClockReading> clock_at(Instant when) const;
  // Node: so many pings of its own, so that clock() is as good as the path allows. Ends when all were
  // answered, or within that time.
  struct Measure {
    std::size_t samples = ClockEstimator::kSamples;
    Span every = 1ms;
    Span within = 1s;
  };
  Async<void> measure_clock(Measure how);
  const net::Peer& peer() const;

 private:
  friend class Channel;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace octo::link
