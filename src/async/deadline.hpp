// SPDX-License-Identifier: MIT
// with_deadline(clock, limit, work): work's Result, or timed_out, in which case work was cancelled and has
// ended. It begins soon; what it waits for may have happened before.
#pragma once
#include "async/clock.hpp"
#include "async/event.hpp"
#include "async/nursery.hpp"

namespace octo {

// Waits for the event, but not beyond that instant. Unlike work under a deadline the wait has begun when the
// caller is suspended, so between its look at a fact and this nothing is missed.
Async<void> wait_until(Clock& clock, Event& event, Instant until);

template <class T>
Async<Result<T>> with_deadline(Clock& clock, Span limit, Async<Result<T>> work) {
  std::optional<Result<T>> outcome;
  bool expired = false;
  Event done(co_await asio::this_coro::executor);  // outlives the children, which set it
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](Async<Result<T>> inner, std::optional<Result<T>>& into, Event& event) -> Async<void> {
      into.emplace(co_await std::move(inner));
      event.set();
    }(std::move(work), outcome, done));
    nursery.spawn([](Clock& time, Span span, bool& flag, Event& event) -> Async<void> {
      co_await asio::this_coro::throw_if_cancelled(false);
      // Before its first wait nothing would hear of it any more.
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) co_return;
      const Instant until = time.now() + span;
      co_await time.doze_until(until);
      flag = time.now() >= until;
      event.set();
    }(clock, limit, expired, done));
    while (!outcome && !expired) co_await done.wait();
  });
  if (outcome) co_return std::move(*outcome);
  co_return fail(ErrorCode::timed_out, "no answer within {}", print_span(limit));
}

}  // namespace octo
