// SPDX-License-Identifier: MIT
// Construction, time, and what is sent. What is received is in receive.cpp.
#include "wire/session.hpp"

#include <algorithm>
#include <limits>

#include "base/expects.hpp"
#include "wire/proto.hpp"
#include "wire/state.hpp"

namespace octo::wire {

namespace {

// Close together, to set the clock; the third tells the Brain the better of two measurements. More of them
// are what a Brain has most to do with while ten thousand nodes come back, and a start together has its own.
constexpr int kFirstPings = 3;
constexpr Span kFirstPingInterval = 50ms;
constexpr Span kSlept = 5s;
// A stream may queue this much before send() has to wait: the peer's share if many streams are busy at once.
constexpr std::size_t kStreamQueueBytes = 256 * 1024;
// A frame with more is written in pieces.
constexpr std::size_t kWholeBytes = 64 * 1024;

pb::Hello proto_of(const Hello& hello) {
  pb::Hello proto;
  proto.set_version(hello.version);
  for (const std::string& feature : hello.features) proto.add_features(feature);
  proto.set_program_version(hello.program_version);
  proto.set_name(hello.name);
  proto.set_instance(hello.instance);
  proto.set_boot_id(hello.boot_id);
  proto.set_epoch_seen(hello.epoch_seen);
  for (const auto& [key, value] : hello.labels) {
    auto* label = proto.add_labels();
    label->set_name(key);
    label->set_value(value);
  }
  return proto;
}

Bytes problem(const Error& error) {
  pb::Problem proto;
  put_problem(&proto, error);
  return proto.SerializeAsString();
}

void put_frame(Bytes& out, FrameType type, StreamId stream, BytesView payload) {
  out += encode(Header{static_cast<std::uint32_t>(payload.size()), type, stream});
  out += payload;
}
}  // namespace

Bytes frame(FrameType type, StreamId stream, BytesView payload) {
  Bytes out;
  put_frame(out, type, stream, payload);
  return out;
}

std::vector<std::string> common(const std::vector<std::string>& wanted,
                                const std::vector<std::string>& offered) {
  std::vector<std::string> both;
  std::ranges::copy_if(wanted, std::back_inserter(both), [&](const std::string& feature) {
    return std::ranges::find(offered, feature) != offered.end();
  });
  return both;
}

Session::Session(Config config, Instant now) : state_(std::make_unique<State>()) {
  state_->config = std::move(config);
  state_->last_heard = now;
  state_->next_ping = now;
  state_->next_stream = state_->config.side == Side::node ? 1 : 2;
  state_->peer_next = 3 - state_->next_stream;
  if (state_->config.side == Side::node) {
    state_->estimator = std::make_unique<ClockEstimator>();
    state_->put_control(frame(FrameType::hello, 0, proto_of(state_->config.hello).SerializeAsString()));
  }
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

std::optional<Event> Session::next_event() {
  if (state_->events.empty()) return std::nullopt;
  Event event = std::move(state_->events.front());
  state_->events.pop_front();
  return event;
}

bool Session::established() const { return state_->established; }

void Session::welcome(Welcome welcome) {
  OCTO_EXPECTS(state_->hello_seen && !state_->established);
  pb::Welcome proto;
  proto.set_version(welcome.version);
  for (std::string& feature : common(welcome.features, state_->config.hello.features))
    proto.add_features(std::move(feature));
  proto.set_program_version(welcome.program_version);
  proto.set_brain(welcome.brain);
  proto.set_epoch(welcome.epoch);
  proto.set_heartbeat_ns(welcome.heartbeat.count());
  state_->put_control(frame(FrameType::welcome, 0, proto.SerializeAsString()));
  state_->established = true;
  state_->config.hello = {};  // a quarter of a kilobyte that nobody asks for any more
}

void Session::refuse(const Error& error) {
  state_->put_control(frame(FrameType::refuse, 0, problem(error)));
  state_->over = true;
}

void Session::goodbye(const Error& error) {
  if (state_->over) return;
  state_->put_control(frame(FrameType::goodbye, 0, problem(error)));
  state_->over = true;
}

Result<StreamId> Session::open(Priority priority) {
  if (!state_->established || state_->over)
    return fail(ErrorCode::unavailable, "the session is not established");
  if (state_->own_streams >= limits::streams_max) {
    return fail(ErrorCode::exhausted, "{} streams are open on one link", state_->own_streams);
  }
  if (state_->next_stream > std::numeric_limits<StreamId>::max() - 2) {
    return fail(ErrorCode::exhausted,
                "every stream number of this session was used: a new session is needed");
  }
  const StreamId id = state_->next_stream;
  state_->next_stream += 2;
  ++state_->own_streams;
  state_->streams[id].priority = priority;
  return id;
}

Result<void> Session::send(StreamId stream, Bytes own, std::shared_ptr<const Bytes> rest) {
  Stream* found = state_->find(stream);
  if (state_->over) return fail(ErrorCode::unavailable, "the session is over");
  if (found == nullptr || found->finishing) return fail(ErrorCode::cancelled, "the stream is closed");
  Outgoing message{std::move(own), std::move(rest)};
  if (message.size() > limits::payload_bytes_max) {
    return fail(ErrorCode::too_large, "a message of {} bytes, {} at most", message.size(),
                limits::payload_bytes_max);
  }
  found->queued_bytes += message.size();
  state_->queued_bytes += message.size();
  found->queue.push_back(std::move(message));
  state_->schedule(stream, *found);
  return {};
}

bool Session::writable(StreamId stream) const {
  const Stream* found = state_->find(stream);
  return found == nullptr || (found->queued_bytes < kStreamQueueBytes && writable());
}

bool Session::writable() const { return state_->queued_bytes < limits::peer_queue_bytes_max; }

void Session::set_priority(StreamId stream, Priority priority) {
  if (Stream* found = state_->find(stream)) found->priority = priority;
}

void Session::finish(StreamId stream) {
  Stream* found = state_->find(stream);
  if (found == nullptr || found->finishing) return;
  if (state_->is_ours(stream) && !found->spoken && found->queue.empty()) {
    reset(stream, Error(ErrorCode::cancelled, "nothing was said on it"));
    state_->events.push_back(Finished{stream});
    return;
  }
  found->finishing = true;
  state_->schedule(stream, *found);
}

void Session::reset(StreamId stream, const Error& error) {
  if (state_->find(stream) == nullptr) return;
  state_->put_control(frame(FrameType::reset, stream, problem(error)));
  state_->forget(stream);
}

void Session::consumed(StreamId stream, std::size_t message_bytes) {
  Stream* found = state_->find(stream);
  if (found == nullptr || found->peer_finished) return;
  found->to_return += static_cast<std::uint32_t>(cost_of(message_bytes));
  // In quarters of the window: a credit frame per message would double the frames.
  if (found->to_return < limits::stream_window / 4) return;
  Bytes payload;
  put_u32(payload, found->to_return);
  found->receive_credit += found->to_return;
  found->to_return = 0;
  state_->put_control(frame(FrameType::credit, stream, payload));
}

bool Session::has_output() const {
  if (state_->begun || !state_->control.empty()) return true;
  if (state_->over) return false;
  if (state_->established && (state_->ping_due || !state_->pongs.empty())) return true;
  return std::ranges::any_of(state_->ready, [](const auto& line) { return !line.empty(); });
}

// Before all else: whatever they wait behind is taken for the way.
void Session::State::take_pings(Bytes& out, Instant now) {
  for (const Pong& due : pongs) {
    pb::Pong pong;
    pong.set_sent(due.sent);
    pong.set_seen(due.seen.time_since_epoch().count());
    pong.set_answered(std::max(now, due.seen).time_since_epoch().count());
    put_frame(out, FrameType::pong, 0, pong.SerializeAsString());
  }
  pongs.clear();
  if (!std::exchange(ping_due, false)) return;
  pb::Ping ping;
  ping.set_sent(now.time_since_epoch().count());
  if (const auto round_trip = estimator->round_trip()) ping.set_round_trip_ns(round_trip->count());
  if (const auto clock = estimator->at(now)) {
    ping.set_clock_offset_ns(clock->offset.count());
    ping.set_clock_bound_ns(clock->bound.count());
  }
  put_frame(out, FrameType::ping, 0, ping.SerializeAsString());
}

Bytes Session::take_output(std::size_t bytes_max, Instant now) {
  Bytes out;
  state_->go_on(out, bytes_max);
  if (state_->established && !state_->over && !state_->begun) state_->take_pings(out, now);
  while (out.size() < bytes_max) {
    if (state_->begun) {
      state_->go_on(out, bytes_max);
    } else if (!state_->control.empty()) {
      out += state_->control.front();
      state_->control_bytes -= state_->control.front().size();
      state_->control.pop_front();
    } else if (state_->over || !state_->take_from_streams(out)) {
      break;
    }
  }
  return out;
}

Instant Session::next_tick() const {
  Instant next = state_->last_heard + state_->config.silence_max;
  if (state_->config.side == Side::node && state_->established) next = std::min(next, state_->next_ping);
  return next;
}

Result<void> Session::tick(Instant now) {
  const Span silence = now - state_->last_heard;
  if (silence >= state_->config.silence_max) {
    return fail(ErrorCode::timed_out, "nothing heard for {}", print_span(silence));
  }
  if (state_->config.side != Side::node || !state_->established || now < state_->next_ping) return {};
  // So late that this machine, or this process, has slept: the clock that counts sleep is a poor one.
  if (now - state_->next_ping > kSlept) state_->estimator->reset();
  state_->next_ping =
      now + (++state_->pings < kFirstPings ? kFirstPingInterval : state_->config.heartbeat_interval);
  ping();
  return {};
}

void Session::ping() {
  if (state_->config.side == Side::node && state_->established) state_->ping_due = true;
}

std::size_t Session::clock_samples() const {
  return state_->estimator ? state_->estimator->samples_taken() : 0;
}

Instant Session::last_heard() const { return state_->last_heard; }
std::size_t Session::open_streams() const { return state_->streams.size(); }

std::optional<Span> Session::round_trip() const {
  return state_->config.side == Side::node ? state_->estimator->round_trip() : state_->told.round_trip;
}

std::optional<ClockReading> Session::clock(Instant when) const {
  if (state_->config.side == Side::node) return state_->estimator->at(when);
  auto clock = state_->told.clock;
  if (clock)
    clock->bound += std::max<Span>(when - state_->told_at, {}) * (2 * ClockEstimator::kDriftPpm) / 1'000'000;
  return clock;
}

Session::Stream* Session::State::find(StreamId id) {
  const auto found = streams.find(id);
  return found == streams.end() ? nullptr : &found->second;
}

bool Session::State::is_ours(StreamId id) const { return (id % 2 == 1) == (config.side == Side::node); }

void Session::State::put_control(Bytes frame) {
  control_bytes += frame.size();
  control.push_back(std::move(frame));
}

void Session::State::forget(StreamId id) {
  const auto found = streams.find(id);
  if (found == streams.end()) return;
  unqueue(found->second.queued_bytes);
  if (found->second.waiting) {
    for (auto& line : ready) std::erase(line, id);
  }
  streams.erase(found);
  if (is_ours(id)) --own_streams;
}

void Session::State::unqueue(std::size_t bytes) {
  const bool was_full = queued_bytes >= limits::peer_queue_bytes_max;
  queued_bytes -= bytes;
  if (was_full && queued_bytes < limits::peer_queue_bytes_max) events.push_back(Writable{0});
}

// Puts a stream that has something to say, and the credit to say it, in the line of its priority.
void Session::State::schedule(StreamId id, Stream& stream) {
  if (stream.waiting || stream.finished)
    return;  // finished: the peer's credit may come later than our finish
  const bool blocked = !stream.queue.empty() && stream.send_credit < cost_of(stream.queue.front().size());
  const bool nearly_whole = stream.send_credit >= static_cast<std::int64_t>(limits::stream_window_nearly);
  if (stream.queue.empty() ? !stream.finishing : blocked && !nearly_whole) return;
  stream.waiting = true;
  ready[static_cast<std::size_t>(stream.priority)].push_back(id);
}

// What is left of the frame that is begun, up to so many bytes in all.
void Session::State::go_on(Bytes& out, std::size_t bytes_max) {
  if (!begun) return;
  if (begun->size() > kWholeBytes) out.reserve(bytes_max);
  const std::size_t most = std::min(begun->size(), begun_at + bytes_max - std::min(bytes_max, out.size()));
  const std::size_t own = std::min(begun->own.size(), most);
  if (begun_at < own) out += BytesView(begun->own).substr(begun_at, own - begun_at);
  const std::size_t from = std::max(begun_at, begun->own.size());
  if (from < most) out += BytesView(*begun->rest).substr(from - begun->own.size(), most - from);
  begun_at = most;
  if (most < begun->size()) return;
  begun.reset();
  begun_at = 0;
}

// One frame of the first stream in line, or the beginning of a large one; streams of one priority take turns.
bool Session::State::take_from_streams(Bytes& out) {
  for (auto& line : ready) {
    if (line.empty()) continue;
    const StreamId id = line.front();
    line.pop_front();
    Stream* stream = find(id);
    OCTO_EXPECTS(stream != nullptr);
    stream->waiting = false;
    if (stream->queue.empty()) {
      put_frame(out, FrameType::finish, id, {});
      stream->finished = true;
      if (stream->peer_finished) forget(id);
      return true;
    }
    const bool was_full = stream->queued_bytes >= kStreamQueueBytes;
    Outgoing message = std::move(stream->queue.front());
    stream->queue.pop_front();
    stream->queued_bytes -= message.size();
    unqueue(message.size());
    stream->send_credit -= cost_of(message.size());
    stream->spoken = true;
    out += encode(Header{static_cast<std::uint32_t>(message.size()), FrameType::message, id});
    begun = std::move(message);
    if (begun->size() <= kWholeBytes) go_on(out, out.size() + kWholeBytes);
    if (was_full && stream->queued_bytes < kStreamQueueBytes) events.push_back(Writable{id});
    schedule(id, *stream);
    return true;
  }
  return false;
}

}  // namespace octo::wire
