// SPDX-License-Identifier: MIT
#include "io/net/handshakes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "async/nursery.hpp"

namespace octo::net {
namespace {

using testing::ElementsAre;

class MovedClock final : public Clock {
 public:
  explicit MovedClock(Executor executor) : moved_(std::move(executor)) {}
  Instant now() const override { return Instant(1h) + passed_; }
  WallTime wall() const override { return WallTime(passed_); }
  Async<void> sleep_until(Instant when) override {
    while (now() < when) co_await moved_.wait();
  }
  void move(Span span) {
    passed_ += span;
    moved_.set();
  }

 private:
  Span passed_{};
  Event moved_;
};

class HandshakesTest : public testing::Test {
 protected:
  void on_loop(std::function<Async<void>(Nursery&)> body) {
    asio::co_spawn(
        loop_, [&]() -> Async<void> { co_await in_nursery([&](Nursery& nursery) { return body(nursery); }); },
        [](std::exception_ptr error) {
          if (error) std::rethrow_exception(error);
        });
    loop_.run();
  }
  Async<void> settle() {
    for (int i = 0; i < 50; ++i) co_await asio::post(loop_, asio::use_awaitable);
  }
  // Its step takes 3 ms of the test's clock.
  Async<void> step(int listener, std::string address, std::string name) {
    Turns::Place place(turns_, clock_, loop_.get_executor(), listener, address);
    co_await place.come();
    order_.push_back(name);
    clock_.move(3ms);
  }
  // Somebody who is through, and always has something to do.
  Async<void> keep_busy(Span each_time) {
    for (int i = 0; i < 100; ++i) {
      order_.emplace_back("other");
      clock_.move(each_time);
      co_await asio::post(loop_, asio::use_awaitable);
    }
  }
  std::unique_ptr<Lobby::Guest> enter(const std::string& address) {
    return std::make_unique<Lobby::Guest>(lobby_, address,
                                          [this, address] { sent_away_.push_back(address); });
  }

  asio::io_context loop_;
  MovedClock clock_{loop_.get_executor()};
  Turns turns_;
  std::vector<std::string> order_;
  std::shared_ptr<Lobby> lobby_ = std::make_shared<Lobby>(clock_, loop_.get_executor());
  std::vector<std::string> sent_away_;
};

TEST_F(HandshakesTest, BetweenTwoStepsTheLoopGoesRoundForOthers) {
  on_loop([this](Nursery& nursery) -> Async<void> {
    nursery.spawn(keep_busy(0ms));
    for (const char* name : {"a", "b"}) nursery.spawn(step(0, "1.1.1.1", name));
    co_await settle();
    const auto a = std::ranges::find(order_, "a"), b = std::ranges::find(order_, "b");
    EXPECT_NE(b, order_.end());
    EXPECT_GE(std::count(a, b, "other"), Turns::rounds - 1);
    EXPECT_LE(std::count(a, b, "other"), Turns::rounds + 1);
  });
}

TEST_F(HandshakesTest, OthersGetNoMoreTimeThanAStepTook) {
  on_loop([this](Nursery& nursery) -> Async<void> {
    nursery.spawn(keep_busy(1ms));
    for (const char* name : {"a", "b"}) nursery.spawn(step(0, "1.1.1.1", name));
    co_await settle();
    const auto a = std::ranges::find(order_, "a"), b = std::ranges::find(order_, "b");
    EXPECT_NE(b, order_.end());
    EXPECT_GE(std::count(a, b, "other"), 2);
    EXPECT_LE(std::count(a, b, "other"), 4) << "3 ms, as the step";
  });
}

TEST_F(HandshakesTest, ListenersAndAddressesTakeTurnsWhateverTheCrowd) {
  on_loop([this](Nursery& nursery) -> Async<void> {
    for (int i = 0; i < 20; ++i) nursery.spawn(step(0, "6.6.6.6", "crowd"));
    nursery.spawn(step(0, "7.7.7.7", "honest"));
    nursery.spawn(step(1, "6.6.6.6", "other door"));
    for (int i = 0; i < 20; ++i) co_await settle();
    EXPECT_EQ(order_.size(), 22);
    order_.resize(5);
    // The second of the crowd was called when nobody else was there, which counts as no turn.
    EXPECT_THAT(order_, ElementsAre("crowd", "crowd", "other door", "crowd", "honest"));
  });
}

TEST_F(HandshakesTest, WhoGivesUpInTheLineOrWhenItIsCalledHoldsUpNobody) {
  on_loop([this](Nursery& nursery) -> Async<void> {
    nursery.spawn(step(0, "1.1.1.1", "a"));
    co_await asio::post(loop_, asio::use_awaitable);
    co_await in_nursery([&](Nursery& short_lived) -> Async<void> {
      short_lived.spawn(step(0, "1.1.1.1", "called"));
      short_lived.spawn(step(0, "1.1.1.1", "in the line"));
      for (int i = 0; i < 4; ++i) co_await asio::post(loop_, asio::use_awaitable);
      EXPECT_THAT(order_, ElementsAre("a")) << "the next one is called, and lets the loop go round";
      nursery.spawn(step(0, "1.1.1.1", "b"));
    });
    co_await settle();
    EXPECT_THAT(order_, ElementsAre("a", "b"));
  });
}

TEST_F(HandshakesTest, OfOneAddressThereAreSoManyAndNoMore) {
  std::list<std::unique_ptr<Lobby::Guest>> guests;
  while (guests.size() < Lobby::most_of_one) {
    EXPECT_FALSE(lobby_->has_too_many_of("1.1.1.1"));
    guests.push_back(enter("1.1.1.1"));
  }
  EXPECT_TRUE(lobby_->has_too_many_of("1.1.1.1"));
  EXPECT_FALSE(lobby_->has_too_many_of("1.1.1.2"));
  guests.pop_front();
  EXPECT_FALSE(lobby_->has_too_many_of("1.1.1.1"));
}

TEST_F(HandshakesTest, TheOldestOfTheMostCrowdedAddressMakesRoom) {
  on_loop([this](Nursery&) -> Async<void> {
    std::list<std::unique_ptr<Lobby::Guest>> guests;
    while (guests.size() < Lobby::most - 3) guests.push_back(enter(std::to_string(guests.size())));
    for (int i = 0; i < 3; ++i) guests.push_back(enter("crowd"));
    co_await lobby_->make_room();
    EXPECT_THAT(sent_away_, ElementsAre("crowd"));
    co_await lobby_->make_room();
    EXPECT_THAT(sent_away_, ElementsAre("crowd")) << "there was room";
    guests.push_back(enter("new"));
    co_await lobby_->make_room();
    EXPECT_THAT(sent_away_, ElementsAre("crowd", "crowd"));
  });
}

TEST_F(HandshakesTest, AmongEqualsTheSilentGoAndElseTheNextOneWaits) {
  on_loop([this](Nursery& nursery) -> Async<void> {
    std::list<std::unique_ptr<Lobby::Guest>> guests;
    while (guests.size() < Lobby::most) {
      guests.push_back(enter(std::to_string(guests.size())));
      guests.back()->set_waits_for_peer(guests.size() == 5);
      clock_.move(1us);
    }
    int in = 0;
    const auto come_in = [](Lobby& lobby, int& count) -> Async<void> {
      co_await lobby.make_room();
      ++count;
    };
    nursery.spawn(come_in(*lobby_, in));
    co_await settle();
    EXPECT_EQ(in, 0);
    clock_.move(Lobby::patience);
    co_await settle();
    EXPECT_EQ(in, 1);
    EXPECT_THAT(sent_away_, ElementsAre("4"));
    guests.push_back(enter("new"));
    guests.back()->set_waits_for_peer(false);
    nursery.spawn(come_in(*lobby_, in));
    clock_.move(1h);
    co_await settle();
    EXPECT_EQ(in, 1) << "nobody keeps us waiting";
    guests.pop_front();
    co_await settle();
    EXPECT_EQ(in, 2);
    EXPECT_THAT(sent_away_, ElementsAre("4"));
  });
}

}  // namespace
}  // namespace octo::net
