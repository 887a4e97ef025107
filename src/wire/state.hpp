// SPDX-License-Identifier: MIT
// The session's insides, shared by session.cpp and receive.cpp.
#pragma once
#include <array>
#include <list>
#include <unordered_map>
#include <unordered_set>

#include "wire/session.hpp"

namespace octo::wire {

Bytes frame(FrameType type, StreamId stream, BytesView payload);
// A feature is on if both sides have said it.
std::vector<std::string> common(const std::vector<std::string>& wanted,
                                const std::vector<std::string>& offered);

// Of credit. With its header, so that many small messages cost as much memory as they pay for.
inline std::int64_t cost_of(std::size_t message_bytes) {
  return static_cast<std::int64_t>(kHeaderBytes + message_bytes);
}

// A message that waits to be sent.
struct Outgoing {
  Bytes own;
  std::shared_ptr<const Bytes> rest;  // follows; may be null
  std::size_t size() const { return own.size() + (rest ? rest->size() : 0); }
};

// Queues are lists, because an empty deque keeps half a kilobyte, of every idle node.
struct Session::Stream {
  Priority priority = Priority::control;
  std::list<Outgoing> queue;
  std::size_t queued_bytes = 0;
  std::int64_t send_credit = limits::stream_window;     // may turn negative by one message
  std::int64_t receive_credit = limits::stream_window;  // what we let the peer send; the same
  std::uint32_t to_return = 0;                          // consumed, not yet given back
  bool spoken = false;                                  // its first message is out: the peer knows it
  bool waiting = false;                                 // in a line of `ready`
  bool finishing = false;                               // finish once the queue is empty
  bool finished = false;
  bool peer_finished = false;
};

struct Session::State {
  Config config;
  bool hello_seen = false;
  bool established = false;
  bool over = false;
  Bytes input;               // of a frame that is not whole yet; empty while idle
  std::list<Bytes> control;  // whole frames
  std::size_t control_bytes = 0;
  std::array<std::list<StreamId>, 3> ready;
  std::unordered_map<StreamId, Stream> streams;
  std::list<Event> events;
  std::size_t own_streams = 0;
  std::size_t queued_bytes = 0;  // of all streams
  // The payload of a large frame of which a part is out: of ten thousand links each has a piece in memory
  // then, and not the whole.
  std::optional<Outgoing> begun;
  std::size_t begun_at = 0;
  StreamId next_stream = 1;
  // Streams are opened in the order of their numbers, but what is more urgent speaks first: numbers may be
  // skipped for a while.
  std::uint64_t peer_next = 0;
  std::unordered_set<StreamId> skipped;
  Instant last_heard;
  Instant next_ping;
  int pings = 0;
  std::unique_ptr<ClockEstimator> estimator;  // node; 4 KiB that a Brain has not for each of its thousands
  Pinged told;                                // Brain: what the node measured, …
  Instant told_at;                            // … when
  // Made when they are written, so that their stamps are near the socket.
  bool ping_due = false;
  struct Pong {
    std::int64_t sent = 0;
    Instant seen;
  };
  std::list<Pong> pongs;

  Stream* find(StreamId id);
  bool is_ours(StreamId id) const;
  void put_control(Bytes frame);
  void take_pings(Bytes& out, Instant now);
  void forget(StreamId id);
  void unqueue(std::size_t bytes);
  void schedule(StreamId id, Stream& stream);
  bool take_from_streams(Bytes& out);
  void go_on(Bytes& out, std::size_t bytes_max);

  Result<void> take_frame(const Header& header, BytesView payload, Instant now);
  Result<void> take_session_frame(const Header& header, BytesView payload, Instant now);
  Result<void> take_stream_frame(const Header& header, BytesView payload);
  Result<void> take_opening(const Header& header);
  Result<void> take_hello(BytesView payload);
  Result<void> take_welcome(BytesView payload);
  Result<void> take_ping(BytesView payload, Instant now);
  Result<void> take_pong(BytesView payload, Instant now);
  Result<void> take_message(Stream& stream, StreamId id, BytesView payload);
  Result<void> take_credit(Stream& stream, StreamId id, BytesView payload);
};

}  // namespace octo::wire
