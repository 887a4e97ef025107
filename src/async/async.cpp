// SPDX-License-Identifier: MIT
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstdio>
#include <ctime>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "async/nursery.hpp"
#include "async/workers.hpp"
#include "base/expects.hpp"

namespace octo {

Event::Event(Executor executor) : waiters_(std::move(executor), asio::steady_timer::time_point::max()) {}

void Event::set() { waiters_.cancel(); }

Async<void> Event::wait() {
  (void)co_await waiters_.async_wait(asio::as_tuple(asio::use_awaitable));
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

Nursery::Nursery(Executor executor) : executor_(std::move(executor)) {}

Nursery::~Nursery() { OCTO_EXPECTS(children_.empty()); }

namespace {
Async<void> started_later(Async<void> child) {
  co_await asio::post(asio::use_awaitable);
  co_await std::move(child);
}
}  // namespace

void Nursery::spawn(Async<void> child) {
  const auto place = children_.emplace(children_.end());
  asio::co_spawn(executor_, started_later(std::move(child)),
                 asio::bind_cancellation_slot(
                     place->slot(), [this, place](std::exception_ptr error) { ended(place, error); }));
  if (cancelled_) place->emit(asio::cancellation_type::terminal);
}

void Nursery::ended(Children::iterator child, std::exception_ptr error) noexcept {
  if (error) {
    try {
      std::rethrow_exception(error);
    } catch (const boost::system::system_error& aborted) {
      if (aborted.code() != asio::error::operation_aborted) {
        std::fprintf(stderr, "octopoda: bug: a coroutine ended with: %s\n", aborted.what());
        std::abort();
      }
    } catch (const std::exception& bug) {
      std::fprintf(stderr, "octopoda: bug: a coroutine ended with: %s\n", bug.what());
      std::abort();
    }
  }
  children_.erase(child);
  if (!children_.empty()) return;
  for (auto& joiner : std::exchange(joiners_, {})) asio::post(executor_, std::move(joiner));
}

void Nursery::cancel() {
  cancelled_ = true;
  // A child may end inside emit(), so the next place is taken first.
  for (auto child = children_.begin(); child != children_.end();) {
    const auto current = child++;
    current->emit(asio::cancellation_type::terminal);
  }
}

Async<void> Nursery::join() {
  if (children_.empty()) co_return;
  // An operation without a cancellation slot cannot be interrupted; what cancels the caller is seen at its
  // next wait.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [this](auto joiner) { joiners_.emplace_back(std::move(joiner)); }, asio::use_awaitable);
  co_await asio::this_coro::throw_if_cancelled(throws);
}

namespace {
// Asio's timer does not count the time that the machine sleeps; so it is looked at in slices.
constexpr Span kSlice = 10s;
}  // namespace

Async<void> Clock::doze_until(Instant when) {
  try {
    co_await sleep_until(when);
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) throw;
  }
}

SystemClock::SystemClock(Executor executor) : executor_(std::move(executor)) {}

Instant SystemClock::now() const {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

WallTime SystemClock::wall() const {
  return std::chrono::time_point_cast<Span>(std::chrono::system_clock::now());
}

Async<void> SystemClock::sleep_until(Instant when) {
  asio::steady_timer timer(executor_);
  for (Instant now = this->now(); now < when; now = this->now()) {
    timer.expires_after(std::min<Span>(when - now, kSlice));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

Async<void> SystemClock::doze_until(Instant when) {
  asio::steady_timer timer(executor_);
  for (Instant now = this->now(); now < when; now = this->now()) {
    timer.expires_after(std::min<Span>(when - now, kSlice));
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
  }
}

ThreadWorkers::ThreadWorkers(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadWorkers::~ThreadWorkers() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadWorkers::submit(std::move_only_function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void ThreadWorkers::work() {
  while (true) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
  }
}

}  // namespace octo
