// SPDX-License-Identifier: MIT
#include "runner/format.hpp"

#include <cstring>

#include "base/expects.hpp"
#include "base/text.hpp"

namespace octo::runner {

namespace {

enum class Kind : std::uint8_t { intent = 1, claim = 2, started = 3, ended = 4, start_at = 5, mark = 6 };

class Writer {
 public:
  explicit Writer(Kind kind) { put_u8(out_, static_cast<std::uint8_t>(kind)); }
  Writer& text(std::uint8_t tag, BytesView value) {
    put_u8(out_, tag);
    put_u32(out_, static_cast<std::uint32_t>(value.size()));
    out_.append(value);
    return *this;
  }
  Writer& number(std::uint8_t tag, std::uint64_t value) {
    Bytes bytes;
    put_u64(bytes, value);
    return text(tag, bytes);
  }
  Writer& number(std::uint8_t tag, std::int64_t value) {
    return number(tag, static_cast<std::uint64_t>(value));
  }
  Bytes frame() const {
    Bytes framed;
    put_frame(framed, out_);
    return framed;
  }

 private:
  Bytes out_;
};

struct Field {
  std::uint8_t tag = 0;
  BytesView value;
  std::uint64_t number() const { return value.size() == 8 ? get_unsigned<std::uint64_t>(value) : 0; }
  std::int64_t whole() const { return static_cast<std::int64_t>(number()); }
  std::string text() const { return std::string(value); }
};

// Calls `each` with every field of a payload of that kind.
template <class Each>
Result<void> read_fields(BytesView payload, Kind kind, const Each& each) {
  if (payload.empty() || payload[0] != static_cast<char>(kind))
    return fail(ErrorCode::corrupt, "not a frame of kind {}", int(kind));
  payload.remove_prefix(1);
  while (!payload.empty()) {
    if (payload.size() < 5) return fail(ErrorCode::corrupt, "a field is cut");
    const std::size_t length = get_unsigned<std::uint32_t>(payload.substr(1));
    if (payload.size() - 5 < length) return fail(ErrorCode::corrupt, "a field of {} bytes is cut", length);
    each(Field{static_cast<std::uint8_t>(payload[0]), payload.substr(5, length)});
    payload.remove_prefix(5 + length);
  }
  return {};
}

Instant instant(std::int64_t nanoseconds) { return Instant(Span(nanoseconds)); }
WallTime wall(std::int64_t nanoseconds) { return WallTime(Span(nanoseconds)); }

Result<BytesView> only_frame(BytesView file, std::string_view name) {
  const Frame frame = frame_at(file, 0);
  if (frame.state != FrameState::whole) return fail(ErrorCode::corrupt, "file {} is torn or damaged", name);
  return frame.payload;
}

Result<Started> read_started(BytesView payload) {
  Started started;
  OCTO_TRY(read_fields(payload, Kind::started, [&](const Field& field) {
    if (field.tag == 1) started.pid = field.whole();
    if (field.tag == 2) started.ticks = field.number();
    if (field.tag == 3) started.at = instant(field.whole());
    if (field.tag == 4) started.wall = wall(field.whole());
  }));
  return started;
}

Result<Mark> read_mark(BytesView payload) {
  Mark mark;
  OCTO_TRY(read_fields(payload, Kind::mark, [&](const Field& field) {
    if (field.tag == 1) mark.at = instant(field.whole());
    if (field.tag == 2) mark.bound = Span(field.whole());
    if (field.tag == 3) mark.late = Span(field.whole());
  }));
  return mark;
}

Result<Ended> read_ended(BytesView payload) {
  Ended ended;
  OCTO_TRY(read_fields(payload, Kind::ended, [&](const Field& field) {
    if (field.tag == 1) ended.state = field.text();
    if (field.tag == 2) ended.exit_code = field.whole();
    if (field.tag == 3) ended.signal = field.whole();
    if (field.tag == 4) ended.reason = field.text();
    if (field.tag >= 5 && field.tag <= 7) ended.bytes[field.tag - 5] = field.number();
    if (field.tag == 8) ended.started = wall(field.whole());
    if (field.tag == 9) ended.lasted = Span(field.whole());
    if (field.tag == 10) ended.version = field.text();
    if (field.tag == 40) ended.mark.emplace().at = instant(field.whole());
    if (field.tag == 41 && ended.mark) ended.mark->bound = Span(field.whole());
    if (field.tag == 42 && ended.mark) ended.mark->late = Span(field.whole());
  }));
  return ended;
}

constexpr std::string_view kStreamWords[] = {"", "out", "err", "note"};

}  // namespace

void put_frame(Bytes& out, BytesView payload) {
  put_u32(out, static_cast<std::uint32_t>(payload.size()));
  put_u32(out, crc32c(payload));
  out.append(payload);
}

Frame frame_at(BytesView bytes, std::size_t at) {
  const BytesView rest = bytes.substr(std::min(at, bytes.size()));
  if (rest.empty()) return {FrameState::none, {}, at};
  if (rest.size() < kFrameHeadBytes) return {FrameState::torn, {}, at};
  const std::size_t length = get_unsigned<std::uint32_t>(rest);
  // A length that no frame has cannot say where the next one begins. All zeroes is a file that grew and was
  // not written.
  if (length > kFrameBytesMax || length == 0) {
    const bool zeroes = rest.find_first_not_of('\0') == BytesView::npos;
    return {zeroes ? FrameState::torn : FrameState::damaged, {}, at};
  }
  if (rest.size() - kFrameHeadBytes < length) return {FrameState::torn, {}, at};
  const BytesView payload = rest.substr(kFrameHeadBytes, length);
  const std::size_t next = at + kFrameHeadBytes + length;
  if (crc32c(payload) == get_unsigned<std::uint32_t>(rest.substr(4)))
    return {FrameState::whole, payload, next};
  return {next >= bytes.size() ? FrameState::torn : FrameState::damaged, {}, next};
}

Bytes encode(const Intent& intent) {
  Writer out(Kind::intent);
  out.text(1, intent.run).text(2, intent.node).number(3, std::uint64_t{intent.script}).text(4, intent.text);
  out.text(5, intent.script_name).text(6, intent.folder).number(7, std::int64_t{intent.limit.count()});
  out.number(8, std::int64_t{intent.kill_grace.count()}).text(9, intent.cgroup);
  out.number(10, static_cast<std::uint64_t>(intent.stdio))
      .number(11, intent.head_bytes)
      .number(12, intent.tail_bytes);
  for (const auto& [name, value] : intent.environment) out.text(13, name).text(14, value);
  if (intent.user) {
    out.number(15, std::uint64_t{intent.user->uid}).number(16, std::uint64_t{intent.user->gid});
    for (const std::uint32_t group : intent.user->groups) out.number(17, std::uint64_t{group});
  }
  if (!intent.input.empty()) out.text(18, intent.input);
  if (intent.not_before != Instant{})
    out.number(19, std::int64_t{intent.not_before.time_since_epoch().count()});
  if (intent.tied_to != 0) out.number(20, intent.tied_to);
  for (const std::string& name : intent.secrets) out.text(21, name);
  if (intent.hold_until != Instant{})
    out.number(40, std::int64_t{intent.hold_until.time_since_epoch().count()});
  return out.frame();
}

Bytes encode(const Claim& claim) {
  return Writer(Kind::claim)
      .number(1, static_cast<std::uint64_t>(claim.by))
      .number(2, claim.pid)
      .text(3, claim.boot)
      .number(4, std::int64_t{claim.at.time_since_epoch().count()})
      .frame();
}

Bytes encode(const StartAt& start) {
  return Writer(Kind::start_at)
      .number(1, std::int64_t{start.at.time_since_epoch().count()})
      .number(2, std::int64_t{start.brain_at.time_since_epoch().count()})
      .number(3, std::int64_t{start.bound.count()})
      .frame();
}

Bytes encode(const Mark& mark) {
  return Writer(Kind::mark)
      .number(1, std::int64_t{mark.at.time_since_epoch().count()})
      .number(2, std::int64_t{mark.bound.count()})
      .number(3, std::int64_t{mark.late.count()})
      .frame();
}

Bytes encode(const Started& started) {
  return Writer(Kind::started)
      .number(1, started.pid)
      .number(2, started.ticks)
      .number(3, std::int64_t{started.at.time_since_epoch().count()})
      .number(4, std::int64_t{started.wall.time_since_epoch().count()})
      .frame();
}

Bytes encode(const Ended& ended) {
  Writer out(Kind::ended);
  out.text(1, ended.state);
  if (ended.exit_code) out.number(2, *ended.exit_code);
  if (ended.signal) out.number(3, *ended.signal);
  if (!ended.reason.empty()) out.text(4, ended.reason);
  for (std::uint8_t i = 0; i < 3; ++i) out.number(static_cast<std::uint8_t>(5 + i), ended.bytes[i]);
  if (ended.started) out.number(8, std::int64_t{ended.started->time_since_epoch().count()});
  out.number(9, std::int64_t{ended.lasted.count()});
  if (!ended.version.empty()) out.text(10, ended.version);
  if (ended.mark) {
    out.number(40, std::int64_t{ended.mark->at.time_since_epoch().count()});
    out.number(41, std::int64_t{ended.mark->bound.count()})
        .number(42, std::int64_t{ended.mark->late.count()});
  }
  return out.frame();
}

Result<Intent> decode_intent(BytesView file) {
  Intent intent;
  const BytesView payload = OCTO_TRY(only_frame(file, kIntentFile));
  OCTO_TRY(read_fields(payload, Kind::intent, [&](const Field& field) {
    if (field.tag == 1) intent.run = field.text();
    if (field.tag == 2) intent.node = field.text();
    if (field.tag == 3) intent.script = field.number() != 0;
    if (field.tag == 4) intent.text = field.text();
    if (field.tag == 5) intent.script_name = field.text();
    if (field.tag == 6) intent.folder = field.text();
    if (field.tag == 7) intent.limit = Span(field.whole());
    if (field.tag == 8) intent.kill_grace = Span(field.whole());
    if (field.tag == 9) intent.cgroup = field.text();
    if (field.tag == 10) intent.stdio = static_cast<Intent::Stdio>(field.number());
    if (field.tag == 11) intent.head_bytes = field.number();
    if (field.tag == 12) intent.tail_bytes = field.number();
    if (field.tag == 13) intent.environment.emplace_back(field.text(), "");
    if (field.tag == 14 && !intent.environment.empty()) intent.environment.back().second = field.text();
    const auto id = static_cast<std::uint32_t>(field.number());
    if (field.tag == 15) intent.user.emplace().uid = id;
    if (field.tag == 16 && intent.user) intent.user->gid = id;
    if (field.tag == 17 && intent.user) intent.user->groups.push_back(id);
    if (field.tag == 18) intent.input = field.text();
    if (field.tag == 19) intent.not_before = instant(field.whole());
    if (field.tag == 20) intent.tied_to = field.whole();
    if (field.tag == 21) intent.secrets.push_back(field.text());
    if (field.tag == 40) intent.hold_until = instant(field.whole());
  }));
  if (intent.stdio != Intent::Stdio::pipes)
    return fail(ErrorCode::unsupported, "stdio {} is not known", int(intent.stdio));
  return intent;
}

Result<Claim> decode_claim(BytesView file) {
  Claim claim;
  const BytesView payload = OCTO_TRY(only_frame(file, kClaimFile));
  OCTO_TRY(read_fields(payload, Kind::claim, [&](const Field& field) {
    if (field.tag == 1) claim.by = static_cast<Claim::By>(field.number());
    if (field.tag == 2) claim.pid = field.whole();
    if (field.tag == 3) claim.boot = field.text();
    if (field.tag == 4) claim.at = instant(field.whole());
  }));
  return claim;
}

Result<StartAt> decode_start_at(BytesView file) {
  StartAt start;
  const BytesView payload = OCTO_TRY(only_frame(file, kGoFile));
  OCTO_TRY(read_fields(payload, Kind::start_at, [&](const Field& field) {
    if (field.tag == 1) start.at = instant(field.whole());
    if (field.tag == 2) start.brain_at = instant(field.whole());
    if (field.tag == 3) start.bound = Span(field.whole());
  }));
  return start;
}

Result<Record> decode_record(BytesView file) {
  Record record;
  while (true) {
    const Frame frame = frame_at(file, record.whole_bytes);
    if (frame.state == FrameState::none || frame.state == FrameState::torn) return record;
    if (frame.state == FrameState::damaged) {
      return fail(ErrorCode::corrupt, "file {} is damaged at offset {}", kRecordFile, record.whole_bytes);
    }
    if (frame.payload[0] == static_cast<char>(Kind::started) && !record.started) {
      record.started = OCTO_TRY(read_started(frame.payload));
    } else if (frame.payload[0] == static_cast<char>(Kind::mark) && !record.mark) {
      record.mark = OCTO_TRY(read_mark(frame.payload));
    } else if (frame.payload[0] == static_cast<char>(Kind::ended) && !record.ended) {
      record.ended = OCTO_TRY(read_ended(frame.payload));
    }
    record.whole_bytes = frame.next;
  }
}

std::string segment_name(std::uint8_t stream, std::uint64_t number) {
  OCTO_EXPECTS(stream >= 1 && stream <= 3);
  return std::string(kStreamWords[stream]) + "." + std::to_string(number);
}

std::optional<SegmentName> parse_segment_name(std::string_view name) {
  for (std::uint8_t stream = 1; stream <= 3; ++stream) {
    const std::string_view word = kStreamWords[stream];
    if (!name.starts_with(word) || name.size() <= word.size() || name[word.size()] != '.') continue;
    const auto number = parse_number(name.substr(word.size() + 1));
    if (number && *number >= 0) return SegmentName{stream, static_cast<std::uint64_t>(*number)};
  }
  return std::nullopt;
}

void seal_piece(char* frame, const Piece& piece) {
  Bytes head;
  put_u8(head, piece.stream);
  put_u64(head, piece.sequence);
  put_u64(head, piece.offset);
  std::memcpy(frame + kFrameHeadBytes, head.data(), kPieceHeadBytes);
  const std::size_t length = kPieceHeadBytes + piece.bytes.size();
  head.clear();
  put_u32(head, static_cast<std::uint32_t>(length));
  put_u32(head, crc32c(BytesView(frame + kFrameHeadBytes, length)));
  std::memcpy(frame, head.data(), kFrameHeadBytes);
}

Result<Piece> decode_piece(BytesView payload) {
  if (payload.size() < kPieceHeadBytes || payload.size() > kPieceHeadBytes + kPieceBytesMax) {
    return fail(ErrorCode::corrupt, "a piece of output of {} bytes", payload.size());
  }
  Piece piece{.stream = static_cast<std::uint8_t>(payload[0]),
              .sequence = get_unsigned<std::uint64_t>(payload.substr(1)),
              .offset = get_unsigned<std::uint64_t>(payload.substr(9)),
              .bytes = payload.substr(kPieceHeadBytes)};
  if (piece.stream < 1 || piece.stream > 3)
    return fail(ErrorCode::corrupt, "output of stream {}", piece.stream);
  return piece;
}

Bytes wake_message(Wake wake, std::string_view run) {
  Bytes message(1, static_cast<char>(wake));
  message.append(run.substr(0, kWakeBytes - 1));
  message.resize(kWakeBytes, '\0');
  return message;
}

std::string_view reason_of(int exit_code) {
  switch (static_cast<Exit>(exit_code)) {
    case Exit::intent: return "its runner could not read the intent";
    case Exit::claim_lost: return "its runner came too late";
    case Exit::storage: return "its runner could not write to the run's folder: is the disk full?";
    case Exit::secrets: return "its secrets did not reach its runner";
    case Exit::resources: return "its runner could not create a process: too many processes, or no memory";
    default: return "its runner ended before the start";
  }
}

}  // namespace octo::runner
