// SPDX-License-Identifier: MIT
#include "io/link/link.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "io/net/memory_stream.hpp"

namespace octo::link {
namespace {

wire::Config node_config() {
  wire::Config config;
  config.side = wire::Side::node;
  config.heartbeat_interval = 10s;
  config.silence_max = 45s;
  config.hello.name = "pi0";
  return config;
}

wire::Config brain_config() {
  wire::Config config;
  config.side = wire::Side::brain;
  config.silence_max = 45s;
  return config;
}

// Two linked ends, welcomed; `body` runs with both, then they end.
template <class Body>
void with_links(Body body) {
  asio::io_context loop;
  SystemClock clock(loop.get_executor());
  std::exception_ptr error;
  asio::co_spawn(
      loop,
      [](Clock& time, Executor executor, Body run) -> Async<void> {
        auto [here, there] = net::MemoryStream::make_pair(executor);
        Link node(time, std::move(here), node_config(), executor);
        Link brain(time, std::move(there), brain_config(), executor);
        co_await in_nursery([&](Nursery& nursery) -> Async<void> {
          for (Link* link : {&node, &brain}) {
            nursery.spawn([](Link& on) -> Async<void> { (void)co_await on.run(); }(*link));
          }
          EXPECT_EQ((co_await brain.hello()).value().name, "pi0");
          wire::Welcome welcome;
          welcome.brain = "brain";
          brain.welcome(welcome);
          EXPECT_EQ((co_await node.welcomed()).value().brain, "brain");
          co_await run(node, brain, nursery, time);
        });
      }(clock, loop.get_executor(), body),
      [&](std::exception_ptr e) { error = e; });
  loop.run();
  if (error) std::rethrow_exception(error);
}

Async<void> echo(Link& link) {
  while (auto channel = co_await link.accept()) {
    while (true) {
      auto message = co_await channel->receive();
      if (!message || !*message) break;
      if (!co_await channel->send(std::move(**message))) break;
    }
    channel->close();
  }
}

TEST(Link, MessagesGoBothWaysAndAFinishedStreamEnds) {
  with_links([](Link& node, Link& brain, Nursery& nursery, Clock&) -> Async<void> {
    nursery.spawn(echo(node));
    auto channel = brain.open(wire::Priority::control).value();
    for (const auto* text : {"one", "", "three"}) {
      EXPECT_TRUE((co_await channel.send(text)).has_value());
      EXPECT_EQ((co_await channel.receive()).value(), text);
    }
    channel.close();
    EXPECT_EQ((co_await channel.receive()).value(), std::nullopt);
  });
}

TEST(Link, TheFirstPongBringsAReadingOfTheBrainsClock) {
  with_links([](Link& node, Link&, Nursery&, Clock& clock) -> Async<void> {
    EXPECT_EQ(node.clock(), std::nullopt);
    const auto reading = co_await with_deadline(clock, 10s, node.measured_clock());
    EXPECT_TRUE(reading.has_value());
    if (!reading) co_return;
    EXPECT_LE(abs(reading->offset), reading->bound) << "both ends have the same clock";
    EXPECT_TRUE((co_await node.measured_clock()).has_value()) << "and now it is known";
    node.goodbye(Error(ErrorCode::cancelled, "done"));
    while (co_await node.accept()) {
    }
    EXPECT_EQ((co_await node.measured_clock()).error().code(), ErrorCode::cancelled);
  });
}

TEST(Link, ManyLargeMessagesPassASmallWindow) {
  with_links([](Link& node, Link& brain, Nursery& nursery, Clock&) -> Async<void> {
    nursery.spawn(echo(node));
    auto channel = brain.open(wire::Priority::bulk).value();
    for (int i = 0; i < 20; ++i) {
      const Bytes large(static_cast<std::size_t>(1000 + i * 50'000), static_cast<char>('a' + i));
      EXPECT_TRUE((co_await channel.send(large)).has_value());
      const auto back = co_await channel.receive();
      EXPECT_TRUE(back && *back && **back == large) << i;
    }
  });
}

TEST(Link, WhatManyShareIsPostedWithoutAWaitWhileThereIsRoom) {
  with_links([](Link& node, Link& brain, Nursery& nursery, Clock&) -> Async<void> {
    const auto rest = std::make_shared<const Bytes>(900'000, 'r');
    std::vector<Channel> channels;
    while (brain.writable()) {
      channels.push_back(brain.open(wire::Priority::control).value());
      EXPECT_TRUE(channels.back().post("own", rest).has_value());
    }
    EXPECT_EQ(channels.size(), 5U);  // of which four fit into the queue of a peer
    nursery.spawn(echo(node));
    for (Channel& channel : channels) {
      const auto back = co_await channel.receive();
      EXPECT_TRUE(back && *back && **back == "own" + *rest);
      channel.close();
      EXPECT_EQ(channel.post("more", nullptr).error().code(), ErrorCode::cancelled);
    }
    EXPECT_TRUE(brain.writable());
  });
}

TEST(Link, ASlowReaderStopsTheWriterOfItsStreamOnly) {
  with_links([](Link& node, Link& brain, Nursery& nursery, Clock& clock) -> Async<void> {
    auto stuck = brain.open(wire::Priority::bulk).value();
    int sent = 0;
    nursery.spawn([](Channel& on, int& count) -> Async<void> {
      while (co_await on.send(Bytes(64 * 1024, 'x'))) ++count;
    }(stuck, sent));
    auto unread = (co_await node.accept()).value();
    nursery.spawn(echo(node));
    auto other = brain.open(wire::Priority::control).value();
    EXPECT_TRUE((co_await other.send("quick")).has_value());
    EXPECT_EQ((co_await with_deadline(clock, 5s, other.receive())).value(), "quick");
    EXPECT_LT(sent, 20);  // a window and a queue, not more
    stuck.reset(Error(ErrorCode::cancelled, "enough"));
  });
}

TEST(Link, AResetReachesThePeerWithItsReason) {
  with_links([](Link& node, Link& brain, Nursery&, Clock&) -> Async<void> {
    auto channel = brain.open(wire::Priority::control).value();
    (void)co_await channel.send("hello");
    auto other = (co_await node.accept()).value();
    (void)co_await other.receive();
    other.reset(Error(ErrorCode::conflict, "not now"));
    const auto answer = co_await channel.receive();
    EXPECT_EQ(answer.error().code(), ErrorCode::conflict);
    EXPECT_EQ(answer.error().message(), "not now");
  });
}

TEST(Link, ALostLinkEndsEveryChannelAndAccept) {
  with_links([](Link& node, Link& brain, Nursery&, Clock&) -> Async<void> {
    auto channel = brain.open(wire::Priority::control).value();
    (void)co_await channel.send("hello");
    node.goodbye(Error(ErrorCode::cancelled, "stopping"));
    const auto answer = co_await channel.receive();
    EXPECT_EQ(answer.error().code(), ErrorCode::unavailable);
    EXPECT_EQ(co_await brain.accept() ? 1 : 0, 0);
  });
}

TEST(Link, ABrainsLinkOfASilentPeerEndsWhenItsTimeIsLookedAt) {
  asio::io_context loop;
  SystemClock clock(loop.get_executor());
  std::optional<Error> why;
  asio::co_spawn(
      loop,
      [](Clock& time, Executor executor, std::optional<Error>& into) -> Async<void> {
        auto [here, silent] = net::MemoryStream::make_pair(executor);
        wire::Config config = brain_config();
        config.silence_max = 20ms;
        Link brain(time, std::move(here), config, executor);
        co_await in_nursery([&](Nursery& nursery) -> Async<void> {
          Event ended(executor);
          nursery.spawn([](Link& on, std::optional<Error>& error, Event& event) -> Async<void> {
            error = co_await on.run();
            event.set();
          }(brain, into, ended));
          brain.tick();
          EXPECT_TRUE(brain.open(wire::Priority::control).error().message().contains("not established"));
          co_await time.sleep_until(brain.next_tick());
          EXPECT_FALSE(into);
          brain.tick();
          while (!into) co_await ended.wait();
        });
      }(clock, loop.get_executor(), why),
      [](std::exception_ptr error) { EXPECT_FALSE(error); });
  loop.run();
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code(), ErrorCode::timed_out);
}

TEST(Link, AClockReadingComesWithTheFirstPings) {
  with_links([](Link& node, Link& brain, Nursery&, Clock& clock) -> Async<void> {
    for (int i = 0; i < 500 && !brain.clock(); ++i) co_await clock.sleep(2ms);
    EXPECT_TRUE(brain.clock());
    EXPECT_LT(std::chrono::abs(brain.clock()->offset), brain.clock()->bound + 1us);  // one machine, one clock
    EXPECT_TRUE(node.round_trip());
  });
}

}  // namespace
}  // namespace octo::link
