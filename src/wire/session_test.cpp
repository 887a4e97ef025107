// SPDX-License-Identifier: MIT
// What two honest sessions do with each other.
#include "wire/session_testing.hpp"

namespace octo::wire {
namespace {

constexpr auto kMaxPayload = limits::payload_bytes_max;

TEST(SessionTest, HelloAndWelcomeIntroduceBothSides) {
  Session node(node_config(), kNoon), brain(brain_config(), kNoon);
  EXPECT_FALSE(node.open(Priority::control));
  ASSERT_TRUE(brain.receive(output_of(node), kNoon));
  const Hello hello = event_of<HelloArrived>(brain).hello;
  EXPECT_EQ(hello.name, "pi0");
  EXPECT_EQ(hello.instance, "i1");
  EXPECT_EQ(hello.version, limits::version);
  EXPECT_FALSE(brain.established());
  brain.welcome({.features = {"loud", "new"}, .brain = "brain", .epoch = 7, .heartbeat = 10s});
  EXPECT_TRUE(brain.established());
  ASSERT_TRUE(node.receive(output_of(brain), kNoon));
  const Welcome welcome = event_of<Welcomed>(node).welcome;
  EXPECT_EQ(welcome.brain, "brain");
  EXPECT_EQ(welcome.epoch, 7U);
  EXPECT_EQ(welcome.heartbeat, 10s);
  EXPECT_EQ(welcome.features, std::vector<std::string>{"loud"}) << "only what both have";
  EXPECT_TRUE(node.established());
}

TEST(SessionTest, ARefusalEndsTheSessionAndSaysWhy) {
  Session node(node_config(), kNoon), brain(brain_config(), kNoon);
  ASSERT_TRUE(brain.receive(output_of(node), kNoon));
  brain.refuse(Error(ErrorCode::forbidden, "another node has this name"));
  ASSERT_TRUE(node.receive(output_of(brain), kNoon));
  EXPECT_EQ(event_of<Refused>(node).error, Error(ErrorCode::forbidden, "another node has this name"));
  EXPECT_FALSE(node.established());
  EXPECT_FALSE(node.open(Priority::control));
  EXPECT_TRUE(node.receive("whatever comes now", kNoon)) << "is not looked at";
}

TEST(SessionTest, BytesMayArriveOneByOne) {
  Session node(node_config(), kNoon), brain(brain_config(), kNoon);
  for (const char byte : output_of(node)) ASSERT_TRUE(brain.receive(BytesView(&byte, 1), kNoon));
  EXPECT_EQ(event_of<HelloArrived>(brain).hello.name, "pi0");
  brain.welcome({});
  for (const char byte : output_of(brain)) ASSERT_TRUE(node.receive(BytesView(&byte, 1), kNoon));
  EXPECT_TRUE(node.established());
  const StreamId stream = brain.open(Priority::bulk).value();
  (void)events_of(node);
  ASSERT_TRUE(brain.send(stream, "question"));
  brain.finish(stream);
  for (const char byte : output_of(brain)) ASSERT_TRUE(node.receive(BytesView(&byte, 1), kNoon));
  const auto events = events_of(node);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<MessageArrived>(events[0]).message, "question");
  EXPECT_EQ(std::get<Finished>(events[1]).stream, stream);
}

TEST(SessionTest, ControlGoesBeforeOutputBeforeBulk) {
  Pair pair;
  const StreamId bulk = pair.node.open(Priority::bulk).value();
  const StreamId output = pair.node.open(Priority::output).value();
  const StreamId control = pair.node.open(Priority::control).value();
  for (const StreamId stream : {bulk, output, control}) {
    ASSERT_TRUE(pair.node.send(stream, "1"));
    ASSERT_TRUE(pair.node.send(stream, "2"));
  }
  ASSERT_TRUE(pair.node.tick(pair.now));
  EXPECT_EQ(
      story_of(output_of(pair.node)),
      fmt::format("ping 0, message {0}, message {0}, message {1}, message {1}, message {2}, message {2}",
                  control, output, bulk));
}

TEST(SessionTest, StreamsOfOnePriorityTakeTurns) {
  Pair pair;
  const StreamId first = pair.node.open(Priority::output).value(),
                 second = pair.node.open(Priority::output).value();
  for (const StreamId stream : {first, first, second, second}) ASSERT_TRUE(pair.node.send(stream, "x"));
  EXPECT_EQ(story_of(output_of(pair.node)),
            fmt::format("message {0}, message {1}, message {0}, message {1}", first, second));
}

TEST(SessionTest, TakeOutputGivesWholeFramesAndStopsAtTheBound) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::bulk).value();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(pair.node.send(stream, Bytes(1000, 'x')));
  EXPECT_EQ(frames_of(pair.node.take_output(2000, kNoon)).size(), 2U);
  EXPECT_TRUE(pair.node.has_output());
  EXPECT_EQ(frames_of(output_of(pair.node)).size(), 8U);
  EXPECT_FALSE(pair.node.has_output());
}

// Ten thousand links that write a megabyte each have a piece of it in memory, not the whole; and those that
// wait to write one have none.
TEST(SessionTest, ALargeFrameComesInPiecesOfWhatManyShare) {
  constexpr std::size_t kPiece = 64 * 1024;
  const auto rest = std::make_shared<const Bytes>(500'000, 'r');
  for (const std::size_t own : {std::size_t{0}, std::size_t{5}, std::size_t{100'000}}) {
    Pair pair;
    const StreamId large = pair.brain.open(Priority::output).value();
    const StreamId small = pair.brain.open(Priority::bulk).value();
    ASSERT_TRUE(pair.brain.send(large, Bytes(own, 'o'), rest));
    ASSERT_TRUE(pair.brain.send(small, "sm", std::make_shared<const Bytes>("all")));
    EXPECT_EQ(rest.use_count(), 2) << "nobody has copied it";
    std::size_t pieces = 0;
    while (pair.brain.has_output()) {
      const Bytes piece = pair.brain.take_output(kPiece, kNoon);
      EXPECT_LE(piece.size(), kPiece + kHeaderBytes + 5);
      // What is more urgent comes behind the frame, not into it.
      if (++pieces == 2) pair.brain.reset(small + 2, Error(ErrorCode::cancelled, ""));
      if (pieces == 2) ASSERT_TRUE(pair.node.tick(pair.node.next_tick()));
      if (pieces == 2) ASSERT_TRUE(pair.brain.receive(output_of(pair.node), kNoon));
      ASSERT_TRUE(pair.node.receive(piece, kNoon));
    }
    EXPECT_EQ(pieces, (own + rest->size()) / kPiece + 1);
    EXPECT_EQ(rest.use_count(), 1);
    std::vector<Bytes> messages;
    for (const Event& event : events_of(pair.node)) {
      if (const auto* arrived = std::get_if<MessageArrived>(&event)) messages.push_back(arrived->message);
    }
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_TRUE(messages[0] == Bytes(own, 'o') + *rest);
    EXPECT_EQ(messages[1], "small");
  }
}

TEST(SessionTest, AFrameThatIsBegunIsEndedWhateverBecomesOfItsStreamOrTheSession) {
  for (const bool goodbye : {false, true}) {
    Pair pair;
    const StreamId stream = pair.node.open(Priority::bulk).value();
    ASSERT_TRUE(pair.node.send(stream, Bytes(300'000, 'x')));
    ASSERT_TRUE(pair.brain.receive(pair.node.take_output(1000, kNoon), kNoon));
    const Error why(ErrorCode::cancelled, "enough");
    if (goodbye) pair.node.goodbye(why);
    else pair.node.reset(stream, why);
    while (pair.node.has_output()) ASSERT_TRUE(pair.brain.receive(pair.node.take_output(1000, kNoon), kNoon));
    const auto events = events_of(pair.brain);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(std::get<MessageArrived>(events[0]).message.size(), 300'000U);
    EXPECT_EQ(goodbye ? std::get<Goodbye>(events[1]).error : std::get<WasReset>(events[1]).error, why);
  }
}

// The number is given at open(), the turn at the first message: the peer must take them in any order.
TEST(SessionTest, AStreamMaySpeakLaterThanOneOpenedAfterIt) {
  Pair pair;
  const StreamId bulk = pair.node.open(Priority::bulk).value();
  const StreamId control = pair.node.open(Priority::control).value();
  ASSERT_TRUE(pair.node.send(bulk, "slow"));
  ASSERT_TRUE(pair.node.send(control, "urgent"));
  pair.to_brain();
  const auto events = events_of(pair.brain);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<MessageArrived>(events[0]).message, "urgent");
  EXPECT_EQ(std::get<MessageArrived>(events[1]).message, "slow");
  EXPECT_TRUE(std::get<MessageArrived>(events[1]).opens);
  ASSERT_TRUE(pair.brain.send(bulk, "answer"));
  pair.to_node();
  EXPECT_EQ(event_of<MessageArrived>(pair.node).message, "answer");
}

TEST(SessionTest, AStreamGivenUpBeforeItSpokeDoesNoHarm) {
  Pair pair;
  const StreamId silent = pair.node.open(Priority::bulk).value(),
                 queued = pair.node.open(Priority::bulk).value();
  const StreamId finished = pair.node.open(Priority::bulk).value();
  ASSERT_TRUE(pair.node.send(queued, "never leaves"));
  pair.node.reset(silent, Error(ErrorCode::cancelled, "changed my mind"));
  pair.node.reset(queued, Error(ErrorCode::cancelled, "changed my mind"));
  pair.node.finish(finished);
  EXPECT_EQ(event_of<Finished>(pair.node).stream, finished);
  EXPECT_EQ(pair.node.open_streams(), 0U);
  const StreamId next = pair.node.open(Priority::bulk).value();
  ASSERT_TRUE(pair.node.send(next, "goes on"));
  pair.to_brain();
  EXPECT_EQ(event_of<MessageArrived>(pair.brain).message, "goes on");
  EXPECT_EQ(pair.brain.open_streams(), 1U);
}

TEST(SessionTest, AStreamEndsWhenBothHaveFinished) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::control).value();
  ASSERT_TRUE(pair.node.send(stream, "question"));
  pair.node.finish(stream);
  EXPECT_FALSE(pair.node.send(stream, "late"));
  pair.carry();
  auto events = events_of(pair.brain);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Finished>(events[1]));
  EXPECT_EQ(pair.brain.open_streams(), 1U) << "half closed: the Brain may still speak";
  ASSERT_TRUE(pair.brain.send(stream, "answer"));
  pair.brain.finish(stream);
  pair.carry();
  events = events_of(pair.node);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<MessageArrived>(events[0]).message, "answer");
  EXPECT_TRUE(std::holds_alternative<Finished>(events[1]));
  EXPECT_EQ(pair.node.open_streams(), 0U);
  EXPECT_EQ(pair.brain.open_streams(), 0U);
}

TEST(SessionTest, CreditThatComesAfterOurFinishIsNoReasonToFinishTwice) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::bulk).value();
  const Bytes quarter(limits::stream_window / 4, 'x');
  ASSERT_TRUE(pair.node.send(stream, quarter));
  pair.to_brain();
  pair.brain.consumed(stream, quarter.size());  // the credit is on its way …
  pair.node.finish(stream);
  const Bytes finish = output_of(pair.node);  // … and so is the finish
  pair.to_node();
  EXPECT_FALSE(pair.node.has_output());
  ASSERT_TRUE(pair.brain.receive(finish, pair.now));
}

TEST(SessionTest, ASenderStopsAtItsCreditAndGoesOnWhenItIsGivenBack) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::bulk).value();
  const Bytes piece(64 * 1024 - kHeaderBytes, 'x');
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(pair.node.send(stream, piece));
  pair.to_brain();
  EXPECT_EQ(events_of(pair.brain).size(), 4U) << "four quarters are the window";
  EXPECT_FALSE(pair.node.has_output());
  pair.brain.consumed(stream, piece.size());
  pair.to_node();
  pair.to_brain();
  EXPECT_EQ(events_of(pair.brain).size(), 1U);
  pair.brain.consumed(stream, piece.size());
  pair.to_node();
  pair.to_brain();
  EXPECT_EQ(events_of(pair.brain).size(), 1U);
}

TEST(SessionTest, AMessageLargerThanTheWindowPassesWhateverWasConsumedBefore) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::bulk).value();
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(pair.node.send(stream, Bytes(kMaxPayload, 'x')));
    ASSERT_TRUE(pair.node.send(stream, Bytes(limits::stream_window / 4 - 2 * kHeaderBytes - 1, 'y')));
    for (int i = 0; i < 2; ++i) {
      pair.to_brain();
      for (const Event& event : events_of(pair.brain)) {
        pair.brain.consumed(stream, std::get<MessageArrived>(event).message.size());
      }
      pair.to_node();
    }
    pair.to_brain();
    for (const Event& event : events_of(pair.brain))
      pair.brain.consumed(stream, std::get<MessageArrived>(event).message.size());
    pair.to_node();
    (void)events_of(pair.node);
    EXPECT_TRUE(pair.node.writable(stream)) << "round " << round;
    EXPECT_FALSE(pair.node.has_output());
  }
}

TEST(SessionTest, AStreamWithoutCreditHoldsUpNoOther) {
  Pair pair;
  const StreamId stuck = pair.node.open(Priority::control).value(),
                 free = pair.node.open(Priority::bulk).value();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pair.node.send(stuck, Bytes(200 * 1024, 'x')));
  ASSERT_TRUE(pair.node.send(free, "passes"));
  EXPECT_EQ(story_of(output_of(pair.node)), fmt::format("message {}, message {}", stuck, free));
}

TEST(SessionTest, AFullQueueAsksToWaitAndSaysWhenItHasRoom) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::bulk).value();
  ASSERT_TRUE(pair.node.send(stream, Bytes(256 * 1024 - 1, 'x')));
  EXPECT_TRUE(pair.node.writable(stream));
  ASSERT_TRUE(pair.node.send(stream, "xx"));
  EXPECT_FALSE(pair.node.writable(stream));
  (void)output_of(pair.node);
  EXPECT_EQ(event_of<Writable>(pair.node).stream, stream);
  EXPECT_TRUE(pair.node.writable(stream));
}

TEST(SessionTest, ALinkWhoseQueueIsFullAsksEveryStreamToWait) {
  Pair pair;
  const StreamId idle = pair.node.open(Priority::bulk).value();
  std::vector<StreamId> streams;
  for (std::size_t queued = 0; queued < limits::peer_queue_bytes_max; queued += 128 * 1024) {
    EXPECT_TRUE(pair.node.writable(idle));
    streams.push_back(pair.node.open(Priority::bulk).value());
    ASSERT_TRUE(pair.node.send(streams.back(), Bytes(128 * 1024, 'x')));
  }
  EXPECT_FALSE(pair.node.writable(idle));
  pair.node.reset(streams.back(), Error(ErrorCode::cancelled, ""));
  EXPECT_EQ(event_of<Writable>(pair.node).stream, 0U) << "what is thrown away makes room too";
  EXPECT_TRUE(pair.node.writable(idle));
}

TEST(SessionTest, AResetStreamIsGoneOnBothSides) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::control).value();
  ASSERT_TRUE(pair.node.send(stream, "question"));
  pair.carry();
  (void)events_of(pair.brain);
  ASSERT_TRUE(pair.brain.send(stream, "answer"));
  pair.node.reset(stream, Error(ErrorCode::cancelled, "nobody waits"));
  pair.to_node();  // crosses the reset
  EXPECT_TRUE(events_of(pair.node).empty());
  pair.to_brain();
  EXPECT_EQ(event_of<WasReset>(pair.brain).error, Error(ErrorCode::cancelled, "nobody waits"));
  EXPECT_FALSE(pair.brain.send(stream, "more"));
  EXPECT_EQ(pair.node.open_streams() + pair.brain.open_streams(), 0U);
}

TEST(SessionTest, AGoodbyeGoesBeforeWhatIsQueuedAndNothingFollows) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::control).value();
  ASSERT_TRUE(pair.node.send(stream, Bytes(100'000, 'x')));
  pair.node.ping();
  pair.node.goodbye(Error(ErrorCode::unavailable, "the agent is stopped"));
  EXPECT_FALSE(pair.node.send(stream, "more"));
  const Bytes last = output_of(pair.node);
  EXPECT_EQ(story_of(last), "goodbye 0");
  EXPECT_FALSE(pair.node.has_output())
      << "not the ping either: whoever writes while there is some would never end";
  ASSERT_TRUE(pair.brain.receive(last, pair.now));
  EXPECT_EQ(event_of<Goodbye>(pair.brain).error, Error(ErrorCode::unavailable, "the agent is stopped"));
  EXPECT_FALSE(pair.brain.open(Priority::control));
}

TEST(SessionTest, HeartbeatsMeasureTheWayAndBothSidesLearnIt) {
  Pair pair;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(pair.node.next_tick(), pair.now) << "the first pings come close together";
    ASSERT_TRUE(pair.node.tick(pair.now));
    const Bytes ping = output_of(pair.node);
    EXPECT_EQ(story_of(ping), "ping 0");
    pair.now += 2ms;
    ASSERT_TRUE(pair.brain.receive(ping, pair.now));
    const Bytes pong = output_of(pair.brain);
    pair.now += 2ms;
    ASSERT_TRUE(pair.node.receive(pong, pair.now));
    pair.now += 46ms;
  }
  EXPECT_EQ(pair.node.round_trip(), 4ms);
  EXPECT_EQ(pair.brain.round_trip(), 4ms);
  const auto clock = pair.node.clock(pair.now);
  ASSERT_TRUE(clock);
  EXPECT_LE(std::chrono::abs(clock->offset), clock->bound) << "both have the same clock";
  ASSERT_TRUE(pair.brain.clock(pair.now));
}

TEST(SessionTest, HeartbeatsBecomeRareOnceTheClockIsSet) {
  Pair pair;
  int pings = 0;
  for (; pair.now < kNoon + 60s; pair.now = pair.node.next_tick()) {
    ASSERT_TRUE(pair.node.tick(pair.now));
    pings += pair.node.has_output() ? 1 : 0;
    pair.carry();
  }
  EXPECT_EQ(pings, 3 + 5);
}

TEST(SessionTest, SilenceEndsTheSessionOnEitherSide) {
  Pair pair;
  EXPECT_TRUE(pair.brain.tick(kNoon + 45s - 1ns));
  EXPECT_EQ(pair.brain.next_tick(), kNoon + 45s);
  for (Session* session : {&pair.node, &pair.brain}) {
    const auto ticked = session->tick(kNoon + 45s);
    ASSERT_FALSE(ticked);
    EXPECT_EQ(ticked.error().code(), ErrorCode::timed_out);
  }
}

TEST(SessionTest, ItsOwnLimitsAreKept) {
  Pair pair;
  const StreamId stream = pair.node.open(Priority::bulk).value();
  EXPECT_TRUE(pair.node.send(stream, Bytes(kMaxPayload, 'x')));
  EXPECT_EQ(pair.node.send(stream, Bytes(kMaxPayload + 1, 'x')).error().code(), ErrorCode::too_large);
  while (pair.node.open_streams() < limits::streams_max) ASSERT_TRUE(pair.node.open(Priority::bulk));
  EXPECT_EQ(pair.node.open(Priority::bulk).error().code(), ErrorCode::exhausted);
  pair.node.reset(stream, Error(ErrorCode::cancelled, ""));
  EXPECT_TRUE(pair.node.open(Priority::bulk));
}

}  // namespace
}  // namespace octo::wire
