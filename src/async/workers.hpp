// SPDX-License-Identifier: MIT
// Blocking work (SQLite, libgit2, hashing, big files) leaves the loop: co_await workers.run([…] { … }).
// A job always runs to its end, also when the coroutine that waits is cancelled, so it may use that
// coroutine's locals.
#pragma once
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

#include "async/async.hpp"

namespace octo {

class Workers {
 public:
  virtual ~Workers() = default;
  virtual void submit(std::move_only_function<void()> job) = 0;

  template <class Job>
  Async<std::invoke_result_t<Job&>> run(Job job) {
    using T = std::invoke_result_t<Job&>;
    const Executor executor = co_await asio::this_coro::executor;
    if constexpr (std::is_void_v<T>) {
      co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
          [&](auto handler) {
            submit([&job, executor, guard = asio::make_work_guard(executor),
                    done = std::move(handler)]() mutable {
              job();
              asio::post(executor, std::move(done));
            });
          },
          asio::use_awaitable);
    } else {
      std::optional<T> value;
      co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
          [&](auto handler) {
            submit([&job, &value, executor, guard = asio::make_work_guard(executor),
                    done = std::move(handler)]() mutable {
              value.emplace(job());
              asio::post(executor, std::move(done));
            });
          },
          asio::use_awaitable);
      co_return std::move(*value);
    }
  }
};

// With one thread, jobs run one after another in the order of run(): how a store has a single writer.
class ThreadWorkers final : public Workers {
 public:
  explicit ThreadWorkers(int threads);
  ~ThreadWorkers() override;
  void submit(std::move_only_function<void()> job) override;

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> jobs_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

// Runs the job at once, on the loop: for simulations and tests.
class InlineWorkers final : public Workers {
 public:
  void submit(std::move_only_function<void()> job) override { job(); }
};

}  // namespace octo
