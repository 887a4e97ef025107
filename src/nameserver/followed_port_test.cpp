// SPDX-License-Identifier: MIT
#include "nameserver/followed_port.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "async/deadline.hpp"
#include "async/nursery.hpp"
#include "io/net/test_certificates.hpp"
#include "io/net/tls.hpp"

namespace octo::nameserver {
namespace {

// Goes on when it is told to.
class HandClock final : public Clock {
 public:
  explicit HandClock(Executor executor) : changed_(std::move(executor)) {}
  Instant now() const override { return now_; }
  WallTime wall() const override { return {}; }
  Async<void> sleep_until(Instant when) override {
    while (now_ < when) co_await changed_.wait();
  }
  void advance(Span span) {
    now_ += span;
    changed_.set();
  }

 private:
  Instant now_{};
  Event changed_;
};

class FollowedPortTest : public testing::Test {
 protected:
  void on_loop(std::function<Async<void>()> body) {
    std::exception_ptr error;
    asio::co_spawn(loop_, body(), [&](std::exception_ptr e) { error = e; });
    loop_.run();
    if (error) std::rethrow_exception(error);
  }
  // Who dials there is accepted.
  Async<bool> reaches(FollowedPort& port, net::Endpoint at) {
    const auto dialer =
        net::make_dialer(certificates_.tls(crypto::Role::client, "ann"), clock_, loop_.get_executor());
    std::optional<bool> accepted;
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      Event done(loop_.get_executor());  // the dialer is through before the other side is
      nursery.spawn([](FollowedPort& on, std::optional<bool>& flag, Event& event) -> Async<void> {
        auto stream = co_await on.accept();
        flag = stream && co_await (*stream)->handshake();
        event.set();
      }(port, accepted, done));
      const auto stream =
          co_await with_deadline(clock_, 10s, dialer->dial(at, {crypto::Role::nameserver, ""}));
      while (stream && !accepted) co_await done.wait();
    });
    co_return accepted.value_or(false);
  }

  asio::io_context loop_;
  SystemClock clock_{loop_.get_executor()};
  net::TestCertificates certificates_;
};

TEST_F(FollowedPortTest, GoesWhereTheInterfaceIsAndWaitsForOneWithoutAddress) {
  on_loop([this]() -> Async<void> {
    HandClock hand(loop_.get_executor());
    Result<std::string> found = std::string("127.0.0.1");
    const auto tls = certificates_.tls(crypto::Role::nameserver, "ns");
    const auto port = FollowedPort::open([&] { return found; },
                                         [&](const std::string& ip, std::uint16_t number) {
                                           return net::listen({.ip = ip, .port = number}, tls, clock_,
                                                              loop_.get_executor());
                                         },
                                         0)
                          .value();
    const net::Endpoint first = port->address();
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn(port->follow(hand));
      EXPECT_TRUE(co_await reaches(*port, first));
      found = fail(ErrorCode::unavailable, "no address now");
      hand.advance(FollowedPort::look_every);
      EXPECT_TRUE(co_await reaches(*port, first)) << "where it was, until there is another";
      found = std::string("127.0.0.2");
      bool accepted = false;
      Event done(loop_.get_executor());
      // One that waits already is not told that the port is lost.
      nursery.spawn([](FollowedPort& on, bool& flag, Event& event) -> Async<void> {
        auto stream = co_await on.accept();
        flag = stream && co_await (*stream)->handshake();
        event.set();
      }(*port, accepted, done));
      hand.advance(FollowedPort::look_every);
      while (port->address().host != "127.0.0.2") co_await clock_.sleep(1ms);
      EXPECT_EQ(port->address().port, first.port);
      const auto dialer =
          net::make_dialer(certificates_.tls(crypto::Role::client, "ann"), clock_, loop_.get_executor());
      EXPECT_TRUE(co_await dialer->dial(port->address(), {crypto::Role::nameserver, ""}));
      while (!accepted) co_await done.wait();
      EXPECT_FALSE(co_await dialer->dial(first, {crypto::Role::nameserver, ""}))
          << "nobody is there any more";
    });
  });
}

TEST_F(FollowedPortTest, AnInterfaceWithoutAddressIsAnErrorAtTheStart) {
  const auto opened = FollowedPort::open(
      []() -> Result<std::string> { return fail(ErrorCode::not_found, "there is no interface eth7"); },
      [](const std::string&, std::uint16_t) -> Result<std::unique_ptr<net::Listener>> {
        return fail(ErrorCode::internal, "never asked");
      },
      0);
  EXPECT_EQ(opened.error().message(), "there is no interface eth7");
}

}  // namespace
}  // namespace octo::nameserver
