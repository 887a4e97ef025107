// SPDX-License-Identifier: MIT
// What a session does with a peer that breaks the rules.
#include "wire/session_testing.hpp"

namespace octo::wire {
namespace {

Bytes header(std::uint32_t payload_bytes, std::uint8_t type, std::uint32_t flags, StreamId stream) {
  Bytes out;
  put_u32(out, payload_bytes);
  put_u32(out, static_cast<std::uint32_t>(type) << 24 | flags);
  put_u32(out, stream);
  return out;
}

TEST(FrameTest, AHeaderIsReadAsItWasWritten) {
  const Header header{.payload_bytes = 77, .type = FrameType::message, .stream = 0xfffffffe};
  EXPECT_EQ(decode_header(encode(header)).value(), header);
  EXPECT_EQ(encode(header).size(), kHeaderBytes);
}

TEST(FrameTest, WhatNoFrameMayBeIsRefusedByItsHeader) {
  const auto refuses = [](const Bytes& bytes) { return decode_header(bytes).error().message(); };
  EXPECT_EQ(refuses(header(0, 0, 0, 0)), "frame of unknown type 0");
  EXPECT_EQ(refuses(header(0, 11, 0, 0)), "frame of unknown type 11");
  EXPECT_EQ(refuses(header(0, 255, 0, 1)), "frame of unknown type 255");
  EXPECT_EQ(refuses(header(0, 6, 1, 1)), "message frame with unknown flags");
  EXPECT_EQ(refuses(header(0, 6, 0x10000, 1)), "message frame with unknown flags");
  EXPECT_EQ(refuses(header(0, 6, 0, 0)), "message frame on stream 0");
  EXPECT_EQ(refuses(header(0, 4, 0, 3)), "ping frame on stream 3");
}

TEST(FrameTest, EachTypeHasItsLimitAndTheLimitItselfPasses) {
  const auto most = [](FrameType type) {
    std::uint32_t bytes = 0;
    const StreamId stream = type >= FrameType::message && type <= FrameType::reset ? 1 : 0;
    while (decode_header(header(bytes + 1, static_cast<std::uint8_t>(type), 0, stream))) ++bytes;
    EXPECT_EQ(decode_header(header(bytes + 1, static_cast<std::uint8_t>(type), 0, stream)).error().code(),
              ErrorCode::too_large);
    return bytes;
  };
  EXPECT_EQ(most(FrameType::hello), 16U * 1024);
  EXPECT_EQ(most(FrameType::welcome), 16U * 1024);
  EXPECT_EQ(most(FrameType::refuse), 16U * 1024);
  EXPECT_EQ(most(FrameType::ping), 128U);
  EXPECT_EQ(most(FrameType::pong), 128U);
  EXPECT_EQ(most(FrameType::message), 1024U * 1024);
  EXPECT_EQ(most(FrameType::credit), 4U);
  EXPECT_EQ(most(FrameType::finish), 0U);
  EXPECT_EQ(most(FrameType::reset), 16U * 1024);
  EXPECT_EQ(most(FrameType::goodbye), 16U * 1024);
}

TEST(SessionRulesTest, ThreeBytesAreNoFrameYetAndNoHarm) {
  Session brain(brain_config(), kNoon);
  EXPECT_TRUE(brain.receive("abc", kNoon));
  EXPECT_TRUE(events_of(brain).empty());
}

TEST(SessionRulesTest, GarbageIsRefusedAtTheFirstHeader) {
  Session brain(brain_config(), kNoon);
  const auto judged = brain.receive("GET / HTTP/1.1\r\nHost: brain\r\n\r\n", kNoon);
  ASSERT_FALSE(judged);
  brain.goodbye(judged.error());
  EXPECT_EQ(story_of(output_of(brain)), "goodbye 0");
}

TEST(SessionRulesTest, BeforeItIsKnownAPeerGetsLittle) {
  Session brain(brain_config(), kNoon);
  EXPECT_EQ(brain.receive(header(16 * 1024 + 1, 6, 0, 1), kNoon).error().code(), ErrorCode::too_large)
      << "judged by the header alone";
  Session other(brain_config(), kNoon);
  EXPECT_EQ(other.receive(frame(FrameType::message, 1, "hi"), kNoon).error().message(),
            "a message frame before the session is established");
}

TEST(SessionRulesTest, AnOversizedFrameIsRefusedBeforeItsBytesCome) {
  Hosted host;
  EXPECT_EQ(host.brain.receive(header(limits::payload_bytes_max + 1, 6, 0, 1), kNoon).error().code(),
            ErrorCode::too_large);
}

TEST(SessionRulesTest, AnotherVersionIsRefusedWithBothNumbers) {
  auto config = node_config();
  config.hello.version = 2;
  Session node(config, kNoon), brain(brain_config(), kNoon);
  const auto judged = brain.receive(output_of(node), kNoon);
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error(),
            Error(ErrorCode::unsupported, "the peer speaks version 2 of the link, we speak 1"));
  brain.goodbye(judged.error());
  ASSERT_TRUE(node.receive(output_of(brain), kNoon));
  EXPECT_EQ(event_of<Goodbye>(node).error.code(), ErrorCode::unsupported);
}

TEST(SessionRulesTest, FramesOfTheSessionHaveTheirPlace) {
  Hosted host;
  EXPECT_EQ(host.brain.receive(Hosted::hello(), kNoon).error().message(),
            "a hello frame is out of place here");
  EXPECT_EQ(host.refuses(FrameType::welcome, 0, ""),
            "invalid_argument: a welcome frame is out of place here");
  EXPECT_EQ(host.refuses(FrameType::refuse, 0, ""), "invalid_argument: a refuse frame is out of place here");
  EXPECT_EQ(host.refuses(FrameType::pong, 0, ""), "invalid_argument: a pong frame is out of place here");
  Session node(node_config(), kNoon);
  EXPECT_EQ(node.receive(frame(FrameType::pong, 0, ""), kNoon).error().message(),
            "a pong frame is out of place here");
  EXPECT_EQ(node.receive(frame(FrameType::hello, 0, ""), kNoon).error().message(),
            "a hello frame is out of place here");
}

TEST(SessionRulesTest, APayloadThatCannotBeReadIsRefusedByTheNameOfItsFrame) {
  Hosted host;
  EXPECT_EQ(host.refuses(FrameType::ping, 0, "\xff\xff"),
            "invalid_argument: a ping frame whose payload cannot be read");
  EXPECT_EQ(host.refuses(FrameType::goodbye, 0, "\xff"),
            "invalid_argument: a goodbye frame whose payload cannot be read");
}

TEST(SessionRulesTest, AStreamBeginsWithAMessage) {
  Hosted host;
  EXPECT_EQ(host.refuses(FrameType::credit, 1, u32(1)),
            "invalid_argument: stream 1 begins with a credit frame");
  EXPECT_EQ(host.refuses(FrameType::finish, 1, ""), "invalid_argument: stream 1 begins with a finish frame");
  EXPECT_EQ(host.refuses(FrameType::message, 2, "x"),
            "invalid_argument: a message frame on stream 2, which we never opened");
  EXPECT_EQ(host.refuses(FrameType::reset, 1, problem_bytes(ErrorCode::cancelled, "")), "")
      << "given up before it spoke";
}

TEST(SessionRulesTest, NothingComesAfterAFinish) {
  Hosted host;
  ASSERT_TRUE(host.gets(FrameType::message, 1, "x"));
  ASSERT_TRUE(host.gets(FrameType::finish, 1, ""));
  EXPECT_EQ(host.refuses(FrameType::message, 1, "y"),
            "invalid_argument: a message on stream 1 after its finish");
  EXPECT_EQ(host.refuses(FrameType::finish, 1, ""), "invalid_argument: stream 1 is finished twice");
}

TEST(SessionRulesTest, WhoSendsBeyondItsCreditIsRefused) {
  Hosted host;
  const Bytes piece(64 * 1024 - kHeaderBytes, 'x');
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(host.gets(FrameType::message, 1, piece));
  EXPECT_EQ(host.refuses(FrameType::message, 1, "y"),
            "exhausted: stream 1 has sent 13 bytes beyond its credit");
}

TEST(SessionRulesTest, SmallMessagesPayForTheMemoryTheyTake) {
  Hosted host;
  std::size_t messages = 0;
  while (messages < limits::stream_window && host.gets(FrameType::message, 1, "")) ++messages;
  EXPECT_EQ(messages, limits::stream_window / kHeaderBytes) << "empty ones would be free otherwise";
}

TEST(SessionRulesTest, NoMoreCreditIsTakenThanAWindow) {
  Hosted host;
  ASSERT_TRUE(host.gets(FrameType::message, 1, "x"));
  EXPECT_EQ(host.refuses(FrameType::credit, 1, u32(1)),
            "invalid_argument: stream 1 was given more credit than its window");
  EXPECT_EQ(host.refuses(FrameType::credit, 1, u32(0xffffffff)),
            "invalid_argument: stream 1 was given more credit than its window");
  EXPECT_EQ(host.refuses(FrameType::credit, 1, "abc"), "invalid_argument: a credit frame of 3 bytes");
}

TEST(SessionRulesTest, APeerOpensOnlySoManyStreams) {
  Hosted host;
  for (StreamId stream = 1; stream < 2 * limits::streams_max; stream += 2) {
    ASSERT_TRUE(host.gets(FrameType::message, stream, "x"));
  }
  EXPECT_TRUE(host.refuses(FrameType::message, 2 * limits::streams_max + 1, "x").starts_with("exhausted: "));
}

TEST(SessionRulesTest, NumbersPassedOverCountAsOpen) {
  Hosted host;
  EXPECT_TRUE(host.refuses(FrameType::message, 0xffffffff, "x").starts_with("exhausted: "));
  EXPECT_TRUE(host.refuses(FrameType::reset, 0xffffffff, "").starts_with("exhausted: "));
  const StreamId last = 2 * limits::streams_max - 1;
  ASSERT_TRUE(host.gets(FrameType::message, last, "x"));
  EXPECT_TRUE(host.refuses(FrameType::message, last + 2, "x").starts_with("exhausted: "));
  EXPECT_TRUE(host.gets(FrameType::message, 1, "x")) << "its number was kept";
}

TEST(SessionRulesTest, APeerThatAsksAndDoesNotReadIsCutOff) {
  Hosted host;
  pb::Ping ping;
  ping.set_sent(1);
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(host.gets(FrameType::ping, 0, ping.SerializeAsString()));
  (void)events_of(host.brain);
  EXPECT_LT(output_of(host.brain).size(), 64U * 1024) << "pongs are not hoarded";
  const Error answer(ErrorCode::unsupported, std::string(8 * 1024, 'x'));
  StreamId stream = 1;
  Result<void> judged;
  for (; judged && stream < 10'000; stream += 2) {
    judged = host.gets(FrameType::message, stream, "what nobody knows");
    host.brain.reset(stream, answer);
    (void)events_of(host.brain);
  }
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().code(), ErrorCode::exhausted);
}

TEST(SessionRulesTest, TimesThatCannotBeAreNotBelieved) {
  Pair pair;
  for (const auto& [sent, seen, answered] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{INT64_MIN, 0, 0},
        {1, INT64_MIN, INT64_MAX},
        {INT64_MAX, 0, 0},
        {0, 5, 4}}) {
    pb::Pong pong;
    pong.set_sent(sent);
    pong.set_seen(seen);
    pong.set_answered(answered);
    EXPECT_FALSE(pair.node.receive(frame(FrameType::pong, 0, pong.SerializeAsString()), kNoon));
  }
  pb::Ping ping;
  ping.set_round_trip_ns(INT64_MAX);
  ping.set_clock_offset_ns(INT64_MIN);
  ping.set_clock_bound_ns(1);
  ASSERT_TRUE(pair.brain.receive(frame(FrameType::ping, 0, ping.SerializeAsString()), kNoon));
  EXPECT_FALSE(pair.brain.round_trip());
  EXPECT_FALSE(pair.brain.clock(kNoon));
}

TEST(SessionRulesTest, AnErrorTooLongOrNotTextStillArrives) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::control).value();
  ASSERT_TRUE(pair.node.send(stream, "question"));
  pair.carry();
  (void)events_of(pair.brain);
  std::string text = "cannot open \xff\xfe: ";
  while (text.size() < 20'000) text += "ä";
  pair.brain.reset(stream, Error(ErrorCode::internal, text));
  pair.to_node();
  const Error error = event_of<WasReset>(pair.node).error;
  EXPECT_TRUE(error.message().starts_with("cannot open ")) << error.message();
  EXPECT_TRUE(is_utf8(error.message()));
  EXPECT_GT(error.message().size(), 8'000U);
}

}  // namespace
}  // namespace octo::wire
