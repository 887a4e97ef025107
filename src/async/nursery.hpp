// SPDX-License-Identifier: MIT
// Nursery owns coroutines: nothing runs detached. in_nursery(body) cancels and joins every child on every
// exit of body. A daemon's object may own a Nursery too; it must cancel() and join() it before it dies.
//
// A child handles its own errors. An exception that leaves a child and is not cancellation is a bug and ends
// the program.
#pragma once
#include <boost/asio/cancellation_signal.hpp>
#include <exception>
#include <functional>
#include <list>
#include <optional>
#include <type_traits>
#include <vector>

#include "async/async.hpp"

namespace octo {

class Nursery {
 public:
  explicit Nursery(Executor executor);
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  // The child starts soon, never inside spawn(). After cancel() a new child is cancelled at its first wait.
  void spawn(Async<void> child);
  void cancel();
  // Until no child is left; goes on waiting even if the caller is cancelled meanwhile. A caller that may be
  // cancelled already has to say throw_if_cancelled(false) first, as in_nursery does.
  Async<void> join();
  std::size_t size() const { return children_.size(); }
  const Executor& executor() const { return executor_; }

 private:
  using Children = std::list<asio::cancellation_signal>;
  void ended(Children::iterator child, std::exception_ptr error) noexcept;

  Executor executor_;
  Children children_;
  std::vector<std::move_only_function<void()>> joiners_;
  bool cancelled_ = false;
};

// co_await in_nursery([&](Nursery& nursery) -> Async<T> { … });
template <class Body>
auto in_nursery(Body body) -> std::invoke_result_t<Body&, Nursery&> {
  using T = typename std::invoke_result_t<Body&, Nursery&>::value_type;
  Nursery nursery(co_await asio::this_coro::executor);
  std::exception_ptr error;
  if constexpr (std::is_void_v<T>) {
    try {
      co_await body(nursery);
    } catch (...) {  // rethrown below, once the children are gone
      error = std::current_exception();
    }
    nursery.cancel();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await nursery.join();
    co_await asio::this_coro::throw_if_cancelled(true);
    if (error) std::rethrow_exception(error);
  } else {
    std::optional<T> value;
    try {
      value.emplace(co_await body(nursery));
    } catch (...) {  // rethrown below, once the children are gone
      error = std::current_exception();
    }
    nursery.cancel();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await nursery.join();
    co_await asio::this_coro::throw_if_cancelled(true);
    if (error) std::rethrow_exception(error);
    co_return std::move(*value);
  }
}

}  // namespace octo
