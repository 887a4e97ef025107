// SPDX-License-Identifier: MIT
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstdio>
#include <ctime>

#include "async/clock.hpp"
#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/nursery.hpp"
#include "async/workers.hpp"
#include "base/expects.hpp"

namespace octo {

using Resume = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;

// Whoever waits for an event of one loop, and whoever was woken and has not gone on yet. A timer that never
// expires would do, and did: in the heap of all timers, with a lock and an allocation for every wait. Ten
// thousand sessions wait for three events each.
class Event::Loop final : public asio::execution_context::service {
 public:
  using key_type = Loop;
  static inline asio::execution_context::id id;
  explicit Loop(asio::execution_context& context) : service(context) {}

  void add(Waiter& waiter);
  void remove(Waiter& waiter);
  void wake(Resume resume);

 private:
  void shutdown() override;
  void run();

  std::vector<Waiter*> waiting_;
  std::vector<Resume> woken_;
  bool over_ = false;
};

// Lives in the frame of the coroutine that waits.
struct Event::Waiter {
  explicit Waiter(Event& of) : event(&of) {}
  ~Waiter() {
    if (resume) (void)take();
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void begin(Resume how) {
    if (auto slot = asio::get_associated_cancellation_slot(how); slot.is_connected()) {
      slot.assign([this](asio::cancellation_type) {
        if (resume) event->loop_.wake(take());
      });
    }
    resume.emplace(std::move(how));
    before = std::exchange(event->last_, this);
    (before == nullptr ? event->first_ : before->next) = this;
    event->loop_.add(*this);
  }
  Resume take() {
    (before == nullptr ? event->first_ : before->next) = next;
    (next == nullptr ? event->last_ : next->before) = before;
    event->loop_.remove(*this);
    Resume how = std::move(*resume);
    resume.reset();
    return how;
  }

  Event* event;
  Waiter* before = nullptr;
  Waiter* next = nullptr;
  std::size_t place = 0;
  std::optional<Resume> resume;  // while it waits
};

void Event::Loop::add(Waiter& waiter) {
  waiter.place = waiting_.size();
  waiting_.push_back(&waiter);
}

void Event::Loop::remove(Waiter& waiter) {
  waiting_.back()->place = waiter.place;
  waiting_[waiter.place] = waiting_.back();
  waiting_.pop_back();
}

void Event::Loop::wake(Resume resume) {
  if (over_) return;
  woken_.push_back(std::move(resume));
  if (woken_.size() == 1)
    asio::post(static_cast<asio::io_context&>(context()).get_executor(), [this] { run(); });
}

// Those that are woken meanwhile come after whatever else the loop has to do.
void Event::Loop::run() {
  std::vector<Resume> woken;
  woken.swap(woken_);
  for (Resume& resume : woken) {
    const Executor executor = asio::get_associated_executor(resume);
    if (executor.target<asio::io_context::executor_type>() != nullptr) std::move(resume)();
    else executor.execute(std::move(resume));
  }
  if (woken_.empty()) {
    woken.clear();
    woken_.swap(woken);  // its room is used again
  }
}

// The loop is destroyed, and whoever waits with it.
void Event::Loop::shutdown() {
  over_ = true;
  while (!waiting_.empty()) (void)waiting_.back()->take();
  std::exchange(woken_, {}).clear();
}

Event::Event(const Executor& executor)
    : loop_(asio::use_service<Loop>(asio::query(executor, asio::execution::context))) {}

Event::~Event() { set(); }

void Event::set() {
  while (first_ != nullptr) loop_.wake(first_->take());
}

Async<void> Event::wait() {
  Waiter waiter(*this);
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [&waiter](Resume resume) { waiter.begin(std::move(resume)); }, asio::use_awaitable);
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

Async<void> wait_until(Clock& clock, Event& event, Instant until) {
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](Clock& time, Instant when, Event& of) -> Async<void> {
      co_await asio::this_coro::throw_if_cancelled(false);
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) co_return;
      co_await time.doze_until(when);
      if (time.now() >= when) of.set();
    }(clock, until, event));
    co_await event.wait();
  });
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
