// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/deadline.hpp"
#include "async/mailbox.hpp"
#include "async/workers.hpp"

namespace octo {
namespace {

// Runs one coroutine to its end on a fresh loop.
template <class Body>
void on_loop(Body body) {
  asio::io_context loop;
  std::exception_ptr error;
  asio::co_spawn(loop, body(loop.get_executor()), [&](std::exception_ptr e) { error = e; });
  loop.run();
  if (error) std::rethrow_exception(error);
}

Async<void> add_later(Clock& clock, int& sum, int value) {
  co_await clock.sleep(1ms);
  sum += value;
}

TEST(Nursery, JoinWaitsForEveryChild) {
  on_loop([](Executor executor) -> Async<void> {
    SystemClock clock(executor);
    int sum = 0;
    Nursery nursery(executor);
    for (int i = 1; i <= 4; ++i) nursery.spawn(add_later(clock, sum, i));
    co_await nursery.join();
    EXPECT_EQ(sum, 10);
  });
}

TEST(Nursery, LeavingItCancelsAndJoinsWhatStillRuns) {
  on_loop([](Executor executor) -> Async<void> {
    SystemClock clock(executor);
    bool destroyed = false;
    struct Witness {
      bool& flag;
      ~Witness() { flag = true; }
    };
    const int value = co_await in_nursery([&](Nursery& nursery) -> Async<int> {
      nursery.spawn([](Clock& time, bool& flag) -> Async<void> {
        const Witness witness{flag};
        co_await time.sleep(1h);
        ADD_FAILURE() << "an hour has passed";
      }(clock, destroyed));
      co_await clock.sleep(1ms);
      co_return 7;
    });
    EXPECT_EQ(value, 7);
    EXPECT_TRUE(destroyed);
  });
}

TEST(Nursery, AChildSpawnedAfterCancelEndsAtItsFirstWait) {
  on_loop([](Executor executor) -> Async<void> {
    SystemClock clock(executor);
    int sum = 0;
    Nursery nursery(executor);
    nursery.cancel();
    nursery.spawn(add_later(clock, sum, 1));
    co_await nursery.join();
    EXPECT_EQ(sum, 0);
  });
}

Async<Result<int>> answer_after(Clock& clock, Span span) {
  co_await clock.sleep(span);
  co_return 42;
}

Async<void> note_when(Event& event, std::vector<int>& order, int number) {
  co_await event.wait();
  order.push_back(number);
}

TEST(Event, WakesThoseThatWaitNowInTheirOrderAndNotInsideSet) {
  on_loop([](Executor executor) -> Async<void> {
    Event event(executor), other(executor);
    std::vector<int> order;
    Nursery nursery(executor);
    for (int i = 1; i <= 3; ++i) nursery.spawn(note_when(event, order, i));
    nursery.spawn(note_when(other, order, 9));
    co_await asio::post(asio::use_awaitable);
    co_await asio::post(asio::use_awaitable);
    event.set();
    EXPECT_TRUE(order.empty());
    nursery.spawn(note_when(event, order, 4));
    while (order.size() < 3) co_await asio::post(asio::use_awaitable);
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
    other.set();
    while (nursery.size() > 1) co_await asio::post(asio::use_awaitable);
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 9})) << "set() remembers nothing for who comes later";
    event.set();
    co_await nursery.join();
    EXPECT_EQ(order.back(), 4);
  });
}

TEST(Event, WhoIsCancelledLeavesTheOthersWaiting) {
  on_loop([](Executor executor) -> Async<void> {
    Event event(executor);
    std::vector<int> order;
    Nursery stays(executor);
    for (int round = 0; round < 3; ++round) {
      Nursery goes(executor);
      goes.spawn(note_when(event, order, -1));
      stays.spawn(note_when(event, order, round));
      goes.spawn(note_when(event, order, -1));
      co_await asio::post(asio::use_awaitable);
      co_await asio::post(asio::use_awaitable);
      goes.cancel();
      if (round == 2) event.set();  // those that were cancelled have not gone on yet
      co_await goes.join();
    }
    co_await stays.join();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
  });
}

TEST(Event, OneThatGoesWakesWhoWaits) {
  on_loop([](Executor executor) -> Async<void> {
    auto event = std::make_unique<Event>(executor);
    std::vector<int> order;
    Nursery nursery(executor);
    nursery.spawn(note_when(*event, order, 1));
    co_await asio::post(asio::use_awaitable);
    co_await asio::post(asio::use_awaitable);
    event.reset();
    co_await nursery.join();
    EXPECT_EQ(order.size(), 1U);
  });
}

TEST(Event, ALoopThatIsDestroyedTakesWhoWaitsWithIt) {
  bool destroyed = false;
  struct Witness {
    bool& flag;
    ~Witness() { flag = true; }
  };
  {
    asio::io_context loop;
    asio::co_spawn(
        loop,
        [](Executor executor, bool& flag) -> Async<void> {
          Event event(executor);  // in the frame that waits for it
          const Witness witness{flag};
          co_await event.wait();
        }(loop.get_executor(), destroyed),
        [](std::exception_ptr) {});
    loop.poll();
    EXPECT_FALSE(destroyed);
  }
  EXPECT_TRUE(destroyed);
}

TEST(Deadline, TheFasterOneWins) {
  on_loop([](Executor executor) -> Async<void> {
    SystemClock clock(executor);
    EXPECT_EQ((co_await with_deadline(clock, 10s, answer_after(clock, 1ms))).value(), 42);
    const auto late = co_await with_deadline(clock, 1ms, answer_after(clock, 1h));
    EXPECT_EQ(late.error().code(), ErrorCode::timed_out);
  });
}

TEST(Deadline, IsItselfCancellable) {
  on_loop([](Executor executor) -> Async<void> {
    SystemClock clock(executor);
    Nursery nursery(executor);
    bool ended = false;
    nursery.spawn([](Clock& time, bool& flag) -> Async<void> {
      (void)co_await with_deadline(time, 1h, answer_after(time, 1h));
      flag = true;
    }(clock, ended));
    co_await clock.sleep(1ms);
    nursery.cancel();
    co_await nursery.join();
    EXPECT_FALSE(ended);
  });
}

TEST(WaitUntil, MissesNothingFromTheMomentItIsAwaitedAndEndsInTime) {
  on_loop([](Executor executor) -> Async<void> {
    SystemClock clock(executor);
    Event event(executor);
    int ended = 0;
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn([](Clock& time, Event& of, int& count) -> Async<void> {
        co_await wait_until(time, of, time.now() + 1h);
        ++count;
        co_await wait_until(time, of, time.now() + 1ms);
        ++count;
        co_await wait_until(time, of, time.now() - 1ms);
        ++count;
      }(clock, event, ended));
      co_await asio::post(asio::use_awaitable);  // now it waits, and nothing else has run since
      event.set();
      co_await nursery.join();
    });
    EXPECT_EQ(ended, 3);
  });
}

// Two of them must not keep each other awake.
TEST(WaitUntil, WhoeverIsWokenByTheEventWakesNobodyElse) {
  on_loop([](Executor executor) -> Async<void> {
    SystemClock clock(executor);
    Event event(executor);
    int wakes = 0;
    Nursery nursery(executor);
    for (int i = 0; i < 2; ++i) {
      nursery.spawn([](Clock& time, Event& of, int& count) -> Async<void> {
        for (;; ++count) co_await wait_until(time, of, time.now() + 1h);
      }(clock, event, wakes));
    }
    co_await asio::post(asio::use_awaitable);
    event.set();
    for (int turn = 0; turn < 50; ++turn) co_await asio::post(asio::use_awaitable);
    EXPECT_EQ(wakes, 2);
    nursery.cancel();
    co_await nursery.join();
  });
}

TEST(Mailbox, TakersGetWhatWasPutAndThenTheEnd) {
  on_loop([](Executor executor) -> Async<void> {
    Mailbox<int> box(executor);
    Nursery nursery(executor);
    nursery.spawn([](Mailbox<int>& to) -> Async<void> {
      to.put(1);
      to.put(2);
      to.close();
      co_return;
    }(box));
    EXPECT_EQ(co_await box.take(), 1);
    EXPECT_EQ(co_await box.take_all(), std::vector<int>{2});
    EXPECT_EQ(co_await box.take(), std::nullopt);
    co_await nursery.join();
  });
}

TEST(Workers, AJobRunsOffTheLoopAndItsValueComesBack) {
  on_loop([](Executor) -> Async<void> {
    ThreadWorkers workers(2);
    const auto loop_thread = std::this_thread::get_id();
    const auto job_thread = co_await workers.run([] { return std::this_thread::get_id(); });
    EXPECT_NE(job_thread, loop_thread);
    EXPECT_EQ(std::this_thread::get_id(), loop_thread);
  });
}

}  // namespace
}  // namespace octo
