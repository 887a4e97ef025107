// SPDX-License-Identifier: MIT
#include "tentacle/host/host.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>

#include "async/event.hpp"

namespace octo::tentacle {
namespace {

// Time passes only when the test says so.
class HandClock final : public Clock {
 public:
  explicit HandClock(Executor executor) : moved_(std::move(executor)) {}
  Instant now() const override { return now_; }
  WallTime wall() const override { return WallTime(1'800'000'000s); }
  Async<void> sleep_until(Instant when) override {
    while (now_ < when) co_await moved_.wait();
  }
  void advance(Span span) {
    now_ += span;
    moved_.set();
  }

 private:
  Instant now_{100s};
  Event moved_;
};

TEST(HostTest, TheStatusTellsThisMachine) {
  asio::io_context loop;
  HandClock clock(loop.get_executor());
  InlineWorkers workers;
  LocalHost host(clock, workers, {.disk = "/"}, loop.get_executor());
  bool asked = false;
  asio::co_spawn(
      loop,
      [&]() -> Async<void> {
        const HostStatus status = (co_await host.status()).value();
        EXPECT_NE(status.platform.find("inux"), std::string::npos);
        EXPECT_GE(status.cpu_cores, 1U);
        EXPECT_GT(status.memory_total, status.memory_used);
        EXPECT_GT(status.disk_total, 0U);
        EXPECT_EQ(status.uptime, 100s);
        EXPECT_EQ(status.local_time, clock.wall());
        EXPECT_GE(status.cpu_load_short, 0);
        EXPECT_LE(status.cpu_load_long, 1);
        EXPECT_FALSE(status.clock);
        co_await host.stop();
        asked = true;
      },
      [](std::exception_ptr error) { EXPECT_FALSE(error); });
  loop.run();
  EXPECT_TRUE(asked);
}

TEST(HostTest, AFileSystemThatIsNotThereIsAnError) {
  asio::io_context loop;
  HandClock clock(loop.get_executor());
  InlineWorkers workers;
  LocalHost host(clock, workers, {.disk = "/no/such/place"}, loop.get_executor());
  asio::co_spawn(
      loop,
      [&]() -> Async<void> {
        EXPECT_FALSE((co_await host.status()).has_value());
        co_await host.stop();
      },
      [](std::exception_ptr error) { EXPECT_FALSE(error); });
  loop.run();
}

}  // namespace
}  // namespace octo::tentacle
