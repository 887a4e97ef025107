// SPDX-License-Identifier: MIT
#include "runner/format.hpp"

#include <gtest/gtest.h>

namespace octo::runner {
namespace {

Intent an_intent() {
  return {.run = "01ARZ3NDEKTSV4RRFFQ69G5FAV.0.1",
          .node = "pi0",
          .script = true,
          .text = Bytes("#!/bin/sh\0\n", 11),
          .script_name = "run it.sh",
          .folder = "/var/w",
          .environment = {{"A", "1"}, {"EMPTY", ""}, {"B", "x=y\nz"}},
          .limit = 3s,
          .kill_grace = 5s,
          .cgroup = "/sys/fs/cgroup/octopoda/x",
          .user = User{7, 8, {8, 9}},
          .input = Bytes("in\0", 3),
          .not_before = Instant(11s),
          .tied_to = 4711,
          .secrets = {"TOKEN", "KEY"},
          .head_bytes = 10,
          .tail_bytes = 20};
}

TEST(FormatTest, EveryRecordComesBackAsItWas) {
  EXPECT_EQ(decode_intent(encode(an_intent())).value(), an_intent());
  const Claim claim{.by = Claim::By::agent, .pid = 42, .boot = "b", .at = Instant(7ns)};
  EXPECT_EQ(decode_claim(encode(claim)).value(), claim);
  const Started started{.pid = 5, .ticks = 99, .at = Instant(1s), .wall = WallTime(2s)};
  Ended ended{.state = "failed",
              .signal = 9,
              .reason = "why",
              .bytes = {1, 2, 3},
              .started = WallTime(2s),
              .lasted = 4s};
  const auto record = decode_record(encode(started) + encode(ended)).value();
  EXPECT_EQ(record.started, started);
  EXPECT_EQ(record.ended, ended);
  ended.signal.reset();
  ended.exit_code = 0;
  ended.version = "abc";
  EXPECT_EQ(decode_record(encode(ended)).value().ended, ended);
}

TEST(FormatTest, TheBytesOfAnEndedRecordStayAsTheyAre) {
  const Ended ended{.state = "failed", .exit_code = 3, .bytes = {1, 0, 0}, .lasted = Span(5)};
  EXPECT_EQ(print_hex(encode(ended)),
            "0000004d"
            "0cf9be2e"
            "04"
            "01000000066661696c6564"
            "02000000080000000000000003"
            "05000000080000000000000001"
            "06000000080000000000000000"
            "07000000080000000000000000"
            "09000000080000000000000005");
}

TEST(FormatTest, ATornRecordIsCutAtEveryLength) {
  const Bytes first = encode(Started{.pid = 5});
  const Bytes file = first + encode(Ended{.state = "succeeded", .exit_code = 0});
  for (std::size_t length = 0; length < file.size(); ++length) {
    const auto record = decode_record(file.substr(0, length));
    ASSERT_TRUE(record.has_value()) << length;
    EXPECT_EQ(record->started.has_value(), length >= first.size()) << length;
    EXPECT_FALSE(record->ended.has_value()) << length;
    EXPECT_EQ(record->whole_bytes, length >= first.size() ? first.size() : 0) << length;
  }
}

TEST(FormatTest, AnyWrongBitInTheMiddleIsReportedAndNeverBelieved) {
  const Bytes first = encode(Started{.pid = 5});
  const Bytes file = first + encode(Ended{.state = "succeeded", .exit_code = 0});
  for (std::size_t at = 4; at < first.size(); ++at) {  // the length itself may turn the file into a torn one
    Bytes damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto record = decode_record(damaged);
    ASSERT_FALSE(record.has_value()) << at;
    EXPECT_EQ(record.error().code(), ErrorCode::corrupt);
  }
}

TEST(FormatTest, IntentAndClaimAreWholeOrCorrupt) {
  const Bytes intent = encode(an_intent());
  for (std::size_t length = 0; length < intent.size(); ++length) {
    EXPECT_EQ(decode_intent(intent.substr(0, length)).error().code(), ErrorCode::corrupt) << length;
  }
  EXPECT_EQ(decode_claim("").error().code(), ErrorCode::corrupt);
  EXPECT_EQ(decode_claim(intent).error().code(), ErrorCode::corrupt);
}

TEST(FormatTest, AFieldOfTheFutureIsSkipped) {
  Bytes payload("\x02", 1);
  payload += Bytes("\xf0\x00\x00\x00\x02xy", 7);
  payload += Bytes("\x02\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x09", 13);
  Bytes file;
  put_frame(file, payload);
  EXPECT_EQ(decode_claim(file).value().pid, 9);
}

TEST(FormatTest, AFileOfZeroesIsTorn) {
  EXPECT_EQ(frame_at(Bytes(100, '\0'), 0).state, FrameState::torn);
  EXPECT_EQ(frame_at(Bytes(100, '\xff'), 0).state, FrameState::damaged);
}

TEST(FormatTest, APieceIsSealedInPlace) {
  Bytes frame(kFrameHeadBytes + kPieceHeadBytes, '\0');
  frame += "hello";
  seal_piece(frame.data(), {2, 7, 1000, BytesView(frame).substr(kFrameHeadBytes + kPieceHeadBytes)});
  const Piece piece = decode_piece(frame_at(frame, 0).payload).value();
  EXPECT_EQ(piece.stream, 2);
  EXPECT_EQ(piece.sequence, 7U);
  EXPECT_EQ(piece.offset, 1000U);
  EXPECT_EQ(piece.bytes, "hello");
}

TEST(FormatTest, SegmentNamesAreReadStrictly) {
  EXPECT_EQ(segment_name(1, 0), "out.0");
  EXPECT_EQ(parse_segment_name("note.12").value().number, 12U);
  for (const char* name : {"out", "out.", "out.-1", "out.1x", "outer.1", "claim", ""})
    EXPECT_FALSE(parse_segment_name(name)) << name;
}

}  // namespace
}  // namespace octo::runner
