// SPDX-License-Identifier: MIT
// Session: one link as a sans-I/O state machine. Bytes and time go in, bytes and events come out; it owns no
// socket.
//
// Streams are multiplexed with credit per stream and direction; control before output before bulk. A broken
// rule of the peer is an Error from receive(): the driver sends what take_output() still has (a goodbye with
// the reason) and closes.
//
// Order of calls: construct; then any of receive / send / open / tick; after each, drain next_event() and
// take_output().
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/clock.hpp"
#include "wire/frame.hpp"
#include "wire/limits.hpp"

namespace octo::wire {

enum class Side : std::uint8_t { node, brain };
enum class Priority : std::uint8_t { control = 0, output = 1, bulk = 2 };

// What a node says of itself. The name is a claim; the certificate decides.
struct Hello {
  std::uint32_t version = limits::version;
  std::vector<std::string> features;
  std::string program_version;
  std::string name;
  std::string
      instance;  // random, made at the agent's first start on this disk: a reinstalled node has another
  std::string boot_id;
  std::uint64_t epoch_seen = 0;  // highest Brain epoch the node has obeyed
  Labels labels;
};
struct Welcome {
  std::uint32_t version = limits::version;
  std::vector<std::string> features;  // what the sender has; the session leaves those that both have
  std::string program_version;
  std::string brain;
  std::uint64_t epoch = 0;
  Span heartbeat{};
};

struct Config {
  Side side = Side::node;
  Span heartbeat_interval{};  // node: how often it pings once calm; the first three pings come 50 ms apart,
                              // to set the clock
  Span silence_max{};         // the session is lost after this much silence
  Hello hello;                // node: what it says; Brain: leave empty, the session keeps there what it heard
};

// Events, in the order they happened.
struct HelloArrived {
  Hello hello;
};  // Brain: answer with welcome() or refuse()
struct Welcomed {
  Welcome welcome;
};  // node: established
struct Refused {
  Error error;
};  // node: the session is over
struct MessageArrived {
  StreamId stream;
  Bytes message;
  bool opens = false;
};  // opens: the first one of a peer's stream
struct Finished {
  StreamId stream;
};  // peer sends no more on it; nothing of it is lost
struct WasReset {
  StreamId stream;
  Error error;
};
struct Writable {
  StreamId stream;
};  // a stream whose queue was full has room again; 0: the whole link has
struct Goodbye {
  Error error;
};  // peer ended the session on purpose
struct Pinged {
  std::optional<Span> round_trip;
  std::optional<ClockReading> clock;
};  // what the node has measured; Brain: as it said; node: with the pong that just came
using Event = std::variant<HelloArrived, Welcomed, Refused, MessageArrived, Finished, WasReset, Writable,
                           Goodbye, Pinged>;

class Session {
 public:
  Session(Config config, Instant now);

  // Any number of bytes as they came. `brain_clock` of pongs is `now` itself: the peer's nanoseconds are its
  // boot clock's.
  Result<void> receive(BytesView bytes, Instant now);
  std::optional<Event> next_event();
  // Up to `bytes_max` of what is to be written, in priority order, and beyond it what a small frame needs to
  // be whole; a large one comes in pieces. Empty when there is nothing. Written at once: pings and pongs
  // carry `now` as the instant they leave.
  Bytes take_output(std::size_t bytes_max, Instant now);
  bool has_output() const;

  // Brain only, once, after HelloArrived.
  void welcome(Welcome welcome);
  void refuse(const Error& error);
  bool established() const;

  // The stream exists for the peer with its first message. exhausted when streams_max are open, or their
  // numbers are used up.
  Result<StreamId> open(Priority priority);
  // Queues one message, whole. too_large over payload_bytes_max; cancelled when the stream is reset or
  // finished by us. `rest`: the end of it, which others send too and nobody copies before it is written.
  Result<void> send(StreamId stream, Bytes message, std::shared_ptr<const Bytes> rest = nullptr);
  // False while more than the stream's share is queued: wait for Writable before sending more.
  bool writable(StreamId stream) const;
  // … of a stream that is new.
  bool writable() const;
  // Sets the priority of what we send on a stream that the peer opened (control until said otherwise).
  void set_priority(StreamId stream, Priority priority);
  // No more from us. A stream of ours on which nothing was said is gone with that, and Finished.
  void finish(StreamId stream);
  void reset(StreamId stream, const Error& error);
  // The application has dealt with one MessageArrived of so many bytes; the peer gets the credit back.
  void consumed(StreamId stream, std::size_t message_bytes);
  void goodbye(const Error& error);

  // When tick() is due next. tick(): sends the heartbeat, or fails with timed_out after silence_max.
  Instant next_tick() const;
  Result<void> tick(Instant now);
  // Node: one ping more, besides the heartbeat's. Nothing before the session is established.
  void ping();
  // Node: so many pongs have come.
  std::size_t clock_samples() const;
  Instant last_heard() const;
  std::size_t open_streams() const;
  // Node: from its own pings. Brain: what the node reported last, and for the clock with a bound that has
  // grown since.
  std::optional<Span> round_trip() const;
  std::optional<ClockReading> clock(Instant when) const;

  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

 private:
  struct Stream;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octo::wire
