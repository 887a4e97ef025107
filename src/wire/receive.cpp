// SPDX-License-Identifier: MIT
// What is received: judged frame by frame.
#include "wire/proto.hpp"
#include "wire/state.hpp"

namespace octo::wire {

namespace {

template <class Message>
Result<Message> parse(BytesView payload, FrameType type) {
  Message message;
  if (!read(message, payload)) {
    return fail(ErrorCode::invalid_argument, "a {} frame whose payload cannot be read", name_of(type));
  }
  return message;
}

// A time that arithmetic on it cannot overflow, and that can be true.
bool is_sane(std::int64_t nanoseconds) { return nanoseconds >= 0 && Span(nanoseconds) < 100 * 365 * 24h; }

}  // namespace

Result<void> Session::receive(BytesView bytes, Instant now) {
  State& state = *state_;
  if (!bytes.empty()) state.last_heard = now;
  while (!bytes.empty() || state.input.size() >= kHeaderBytes) {
    if (state.over) return {};
    if (state.input.size() < kHeaderBytes) {
      const std::size_t take = std::min(bytes.size(), kHeaderBytes - state.input.size());
      state.input += bytes.substr(0, take);
      bytes.remove_prefix(take);
      if (state.input.size() < kHeaderBytes) return {};
    }
    const Header header = OCTO_TRY(decode_header(state.input));
    if (!state.established && header.payload_bytes > limits::hello_bytes_max) {
      return fail(ErrorCode::too_large, "{} frame of {} bytes before the session is established",
                  name_of(header.type), header.payload_bytes);
    }
    const std::size_t whole = kHeaderBytes + header.payload_bytes;
    const std::size_t missing = whole - state.input.size();
    if (state.input.size() == kHeaderBytes && bytes.size() >= missing) {
      // The usual case: the payload lies in the input as a whole and is not copied.
      const BytesView payload = bytes.substr(0, missing);
      bytes.remove_prefix(missing);
      state.input.clear();
      OCTO_TRY(state.take_frame(header, payload, now));
      continue;
    }
    const std::size_t take = std::min(bytes.size(), missing);
    state.input += bytes.substr(0, take);
    bytes.remove_prefix(take);
    if (state.input.size() < whole) return {};
    const Bytes complete = std::exchange(state.input, {});
    OCTO_TRY(state.take_frame(header, BytesView(complete).substr(kHeaderBytes), now));
  }
  return {};
}

Result<void> Session::State::take_frame(const Header& header, BytesView payload, Instant now) {
  // Most frames have an answer, if only credit.
  if (control_bytes > limits::peer_queue_bytes_max) {
    return fail(ErrorCode::exhausted, "the peer sends and does not read: {} bytes of answers wait",
                control_bytes);
  }
  if (header.stream == 0) return take_session_frame(header, payload, now);
  if (!established)
    return fail(ErrorCode::invalid_argument, "a {} frame before the session is established",
                name_of(header.type));
  return take_stream_frame(header, payload);
}

Result<void> Session::State::take_session_frame(const Header& header, BytesView payload, Instant now) {
  const bool brain = config.side == Side::brain;
  const auto misplaced = [&] {
    return fail(ErrorCode::invalid_argument, "a {} frame is out of place here", name_of(header.type));
  };
  switch (header.type) {
    case FrameType::hello: return !brain || hello_seen ? Result<void>(misplaced()) : take_hello(payload);
    case FrameType::welcome: return brain || established ? Result<void>(misplaced()) : take_welcome(payload);
    case FrameType::ping: return !brain || !established ? Result<void>(misplaced()) : take_ping(payload, now);
    case FrameType::pong: return brain || !established ? Result<void>(misplaced()) : take_pong(payload, now);
    case FrameType::refuse:
      if (brain || established) return misplaced();
      events.push_back(Refused{take_problem(OCTO_TRY(parse<pb::Problem>(payload, header.type)))});
      over = true;
      return {};
    case FrameType::goodbye:
      events.push_back(Goodbye{take_problem(OCTO_TRY(parse<pb::Problem>(payload, header.type)))});
      over = true;
      return {};
    default: return misplaced();
  }
}

Result<void> Session::State::take_hello(BytesView payload) {
  const auto proto = OCTO_TRY(parse<pb::Hello>(payload, FrameType::hello));
  hello_seen = true;
  Hello hello;
  hello.version = proto.version();
  hello.features.assign(proto.features().begin(), proto.features().end());
  hello.program_version = proto.program_version();
  hello.name = proto.name();
  hello.instance = proto.instance();
  hello.boot_id = proto.boot_id();
  hello.epoch_seen = proto.epoch_seen();
  for (const auto& label : proto.labels()) hello.labels.emplace_back(label.name(), label.value());
  OCTO_TRY(check(hello.labels));
  if (hello.version != limits::version) {
    return fail(ErrorCode::unsupported, "the peer speaks version {} of the link, we speak {}", hello.version,
                limits::version);
  }
  config.hello = hello;
  events.push_back(HelloArrived{std::move(hello)});
  return {};
}

Result<void> Session::State::take_welcome(BytesView payload) {
  const auto proto = OCTO_TRY(parse<pb::Welcome>(payload, FrameType::welcome));
  Welcome welcome;
  welcome.version = proto.version();
  welcome.features.assign(proto.features().begin(), proto.features().end());
  welcome.program_version = proto.program_version();
  welcome.brain = proto.brain();
  welcome.epoch = proto.epoch();
  welcome.heartbeat = Span(proto.heartbeat_ns());
  if (welcome.version != limits::version) {
    return fail(ErrorCode::unsupported, "the Brain speaks version {} of the link, we speak {}",
                welcome.version, limits::version);
  }
  welcome.features = common(config.hello.features, welcome.features);
  established = true;
  events.push_back(Welcomed{std::move(welcome)});
  return {};
}

Result<void> Session::State::take_ping(BytesView payload, Instant now) {
  const auto ping = OCTO_TRY(parse<pb::Ping>(payload, FrameType::ping));
  // A peer that pings without reading our pongs is held by the socket, not by our memory.
  if (pongs.size() < 1024) pongs.push_back({ping.sent(), now});
  if (ping.round_trip_ns() != 0 && is_sane(ping.round_trip_ns()))
    told.round_trip = Span(ping.round_trip_ns());
  if (ping.clock_bound_ns() != 0 && is_sane(ping.clock_bound_ns()) &&
      is_sane(std::abs(ping.clock_offset_ns() / 2))) {
    told.clock = ClockReading{Span(ping.clock_offset_ns()), Span(ping.clock_bound_ns())};
    told_at = now;
  }
  events.push_back(told);
  return {};
}

Result<void> Session::State::take_pong(BytesView payload, Instant now) {
  const auto pong = OCTO_TRY(parse<pb::Pong>(payload, FrameType::pong));
  // Boot clocks count from zero, and no answer is older than its question: otherwise the sums below would
  // overflow.
  if (pong.sent() < 0 || pong.seen() < 0 || pong.answered() < pong.seen() ||
      Instant(Span(pong.sent())) > now) {
    return fail(ErrorCode::invalid_argument, "a pong whose times cannot be");
  }
  if (!estimator) return fail(ErrorCode::invalid_argument, "a pong, and no ping was sent");
  (void)estimator->add({Instant(Span(pong.sent())), pong.seen(), pong.answered(), now});
  events.push_back(Pinged{estimator->round_trip(), estimator->at(now)});
  return {};
}

Result<void> Session::State::take_stream_frame(const Header& header, BytesView payload) {
  const StreamId id = header.stream;
  Stream* stream = find(id);
  if (stream == nullptr) {
    const bool known = is_ours(id) ? id < next_stream : id < peer_next && !skipped.contains(id);
    // Of a stream that we reset or that is over on both sides: the peer did not know yet.
    if (known) return {};
    if (is_ours(id))
      return fail(ErrorCode::invalid_argument, "a {} frame on stream {}, which we never opened",
                  name_of(header.type), id);
    OCTO_TRY(take_opening(header));
    if (header.type == FrameType::reset) return {};  // given up before its first message
    stream = &streams[id];
  }
  switch (header.type) {
    case FrameType::message: return take_message(*stream, id, payload);
    case FrameType::credit: return take_credit(*stream, id, payload);
    case FrameType::finish:
      if (stream->peer_finished) return fail(ErrorCode::invalid_argument, "stream {} is finished twice", id);
      stream->peer_finished = true;
      events.push_back(Finished{id});
      if (stream->finished) forget(id);
      return {};
    case FrameType::reset: {
      auto error = take_problem(OCTO_TRY(parse<pb::Problem>(payload, header.type)));
      forget(id);
      events.push_back(WasReset{id, std::move(error)});
      return {};
    }
    default: return fail(ErrorCode::invalid_argument, "a {} frame on stream {}", name_of(header.type), id);
  }
}

Result<void> Session::State::take_opening(const Header& header) {
  const StreamId id = header.stream;
  if (header.type != FrameType::message && header.type != FrameType::reset) {
    return fail(ErrorCode::invalid_argument, "stream {} begins with a {} frame", id, name_of(header.type));
  }
  const std::size_t passed_over = id < peer_next ? 0 : (id - peer_next) / 2;
  const std::size_t open = streams.size() - own_streams + skipped.size() - skipped.count(id);
  if (open + passed_over >= limits::streams_max) {
    return fail(ErrorCode::exhausted, "the peer opens stream {} with {} open, {} at most", id,
                open + passed_over, limits::streams_max);
  }
  for (; peer_next < id; peer_next += 2) skipped.insert(static_cast<StreamId>(peer_next));
  if (peer_next == id) peer_next += 2;
  skipped.erase(id);
  return {};
}

Result<void> Session::State::take_message(Stream& stream, StreamId id, BytesView payload) {
  if (stream.peer_finished)
    return fail(ErrorCode::invalid_argument, "a message on stream {} after its finish", id);
  const std::int64_t size = cost_of(payload.size());
  if (size > stream.receive_credit &&
      stream.receive_credit < static_cast<std::int64_t>(limits::stream_window_nearly)) {
    return fail(ErrorCode::exhausted, "stream {} has sent {} bytes beyond its credit", id,
                size - stream.receive_credit);
  }
  stream.receive_credit -= size;
  events.push_back(MessageArrived{id, Bytes(payload), !is_ours(id) && !std::exchange(stream.spoken, true)});
  return {};
}

Result<void> Session::State::take_credit(Stream& stream, StreamId id, BytesView payload) {
  if (payload.size() != 4)
    return fail(ErrorCode::invalid_argument, "a credit frame of {} bytes", payload.size());
  const auto credit = get_unsigned<std::uint32_t>(payload);
  stream.send_credit += credit;
  if (stream.send_credit > static_cast<std::int64_t>(limits::stream_window)) {
    return fail(ErrorCode::invalid_argument, "stream {} was given more credit than its window", id);
  }
  schedule(id, stream);
  return {};
}

}  // namespace octo::wire
