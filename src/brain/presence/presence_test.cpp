// SPDX-License-Identifier: MIT
// Against a real nameserver over TLS; only the time is the test's.
#include "brain/presence/presence.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "async/event.hpp"
#include "async/nursery.hpp"
#include "io/net/test_certificates.hpp"
#include "nameserver/server.hpp"

namespace octo::brain {
namespace {

class MovedClock final : public Clock {
 public:
  explicit MovedClock(Executor executor) : moved_(std::move(executor)) {}
  Instant now() const override { return Instant(1h) + passed_; }
  WallTime wall() const override {
    return WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) + passed_;
  }
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

class PresenceTest : public testing::Test {
 protected:
  PresenceTest() {
    const auto files = certificates_.files(crypto::Role::nameserver, "ns");
    settings_.net_device = "lo";
    settings_.serve_port = 0;
    settings_.data = certificates_.folder() + "/data";
    settings_.ssl = {files.ca_cert, files.cert, files.key};
    dialer_ = net::make_dialer(certificates_.tls(crypto::Role::brain, "brain"), clock_, loop_.get_executor());
  }
  std::unique_ptr<nameserver::Server> serve() {
    auto server = nameserver::Server::open(settings_, clock_, loop_.get_executor()).value();
    settings_.serve_port = server->address().port;
    return server;
  }
  net::Endpoint at() const { return {"127.0.0.1", settings_.serve_port}; }
  void on_loop(std::function<Async<void>(Nursery&)> body) {
    asio::co_spawn(
        loop_, [&]() -> Async<void> { co_await in_nursery([&](Nursery& nursery) { return body(nursery); }); },
        [](std::exception_ptr error) {
          if (error) std::rethrow_exception(error);
        });
    loop_.run();
  }
  // For the sockets, which are real.
  Async<void> pass(Span real) {
    asio::steady_timer timer(loop_, real);
    co_await timer.async_wait(asio::use_awaitable);
  }
  // The value of a name once it is `wanted`; the sockets are real, so this takes a moment.
  Async<std::string> value_of(client::NameServer& nameserver, std::string name) {
    const auto limit = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < limit) {
      const auto entry = co_await nameserver.find(name);
      if (entry) co_return entry->value;
      co_await asio::post(loop_, asio::use_awaitable);
    }
    co_return "(none)";
  }
  const std::vector<Presence::Face> faces_ = {
      {{"brain.tentacleFace.link", "brain.tentacleFace.message"}, "lo", "", 3457},
      {{"brain.octlFace.request"}, "", "10.1.2.3", 12345},
      {{"brain.sshFace"}, "", "", 22}};
  asio::io_context loop_;
  MovedClock clock_{loop_.get_executor()};
  net::TestCertificates certificates_;
  settings::NameServerSettings settings_;
  std::unique_ptr<net::Dialer> dialer_;
};

TEST_F(PresenceTest, EveryFaceIsRegisteredAndRenewedBeforeItRunsOut) {
  on_loop([this](Nursery& nursery) -> Async<void> {
    const auto server = serve();
    client::NameServer ours(*dialer_, at(), clock_), theirs(*dialer_, at(), clock_);
    Presence presence(faces_, ours, at(), clock_, 1s);
    co_await in_nursery([&](Nursery& inner) -> Async<void> {
      inner.spawn(server->serve());
      inner.spawn(presence.run());
      EXPECT_EQ(co_await value_of(theirs, "brain.tentacleFace.link"), "127.0.0.1:3457");
      EXPECT_EQ(co_await value_of(theirs, "brain.tentacleFace.message"), "127.0.0.1:3457");
      EXPECT_EQ(co_await value_of(theirs, "brain.octlFace.request"), "10.1.2.3:12345");
      EXPECT_EQ(co_await value_of(theirs, "brain.sshFace"), "127.0.0.1:22")
          << "the route to the nameserver decides";
      for (int second = 0; second < 150; ++second) {
        clock_.move(1s);
        // Never a moment without: it is there at once, not after some asking.
        if (second % 10 == 9) EXPECT_TRUE(co_await theirs.find("brain.octlFace.request")) << second;
        co_await pass(5ms);
      }
    });
    nursery.cancel();
  });
}

TEST_F(PresenceTest, ANameserverThatComesLaterOrComesBackIsToldAgain) {
  on_loop([this](Nursery&) -> Async<void> {
    (void)serve();  // chooses the port, and leaves it
    client::NameServer ours(*dialer_, at(), clock_);
    Presence presence(faces_, ours, at(), clock_, 1s);
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn(presence.run());
      for (int life = 0; life < 2; ++life) {
        clock_.move(2min);  // whatever was registered has run out
        co_await pass(5ms);
        const auto server = serve();
        client::NameServer theirs(*dialer_, at(), clock_);
        co_await in_nursery([&](Nursery& inner) -> Async<void> {
          inner.spawn(server->serve());
          inner.spawn([](MovedClock& clock, asio::io_context& loop) -> Async<void> {
            while (true) {
              clock.move(1s);
              for (int i = 0; i < 50; ++i) co_await asio::post(loop, asio::use_awaitable);
            }
          }(clock_, loop_));
          EXPECT_EQ(co_await value_of(theirs, "brain.octlFace.request"), "10.1.2.3:12345") << life;
        });
      }
    });
  });
}

}  // namespace
}  // namespace octo::brain
