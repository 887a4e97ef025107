// SPDX-License-Identifier: MIT
#include "octl/verbs/listen.hpp"

namespace octo::octl {

namespace {

constexpr Span kSilenceMax = 60s;  // of the Brain, until we give up listening
constexpr Span kRetryFirst = 100ms;
constexpr Span kRetryLongest = 5s;

bool may_come_back(const Error& error) {
  return error.code() == ErrorCode::unavailable || error.code() == ErrorCode::timed_out;
}

}  // namespace

Async<void> Listener::listen() {
  auto started = co_await begin();
  if (!started) {
    into_.put(Ended{fail(std::move(started).error())});
    co_return;
  }
  const TaskId task = started->task;
  into_.put(Begun{task});
  std::unique_ptr<client::TaskEvents> events = std::move(started->events);
  std::uint64_t seen = 0;
  while (true) {
    auto drained = co_await drain(*events, seen);
    events.reset();
    if (drained || !may_come_back(drained.error())) {
      into_.put(Ended{std::move(drained)});
      co_return;
    }
    auto again = co_await patiently<std::unique_ptr<client::TaskEvents>>(
        [&](client::Brain& brain) { return events_after(brain, task, seen); }, drained.error());
    if (!again) {
      into_.put(Ended{fail(std::move(again).error().with(fmt::format("listen to task {}", task)))});
      co_return;
    }
    events = std::move(*again);
  }
}

// Until `done`, or why not.
Async<Result<void>> Listener::drain(client::TaskEvents& events, std::uint64_t& seen) {
  bool done = false;
  while (auto event = OCTO_CO_TRY(co_await events.next())) {
    seen = event->number;
    lost_since_.reset();
    done = event->kind == TaskEvent::Kind::done;
    into_.put(std::move(*event));
  }
  if (!done) co_return fail(ErrorCode::unavailable, "the Brain ended the stream of events");
  co_return Result<void>();
}

Async<Result<std::unique_ptr<client::TaskEvents>>> Listener::events_after(client::Brain& brain,
                                                                          const TaskId& task,
                                                                          std::uint64_t seen) const {
  if (replay_ == Replay::all) return brain.events(task, seen + 1);
  return brain.changes(task, seen == 0 ? std::nullopt : std::optional(seen + 1));
}

Async<Result<client::Brain::Started>> Listener::begin() {
  if (const TaskId* task = std::get_if<TaskId>(&what_)) {
    auto events = OCTO_CO_TRY(
        co_await call_.session.call([&](client::Brain& brain) { return events_after(brain, *task, 0); }));
    co_return client::Brain::Started{.task = *task, .events = std::move(events)};
  }
  const std::string key = OCTO_CO_TRY(co_await call_.session.make_key_and_dial());
  const auto start = [&](client::Brain& brain) { return std::get<Start>(what_)(brain, key); };
  auto started = co_await call_.session.call(start);
  // Nothing was sent where the Brain cannot be reached; a request without an answer may have started the
  // task.
  const bool sent = started || started.error().code() == ErrorCode::timed_out;
  if (!started && sent) started = co_await patiently<client::Brain::Started>(start, started.error());
  if (started || !sent || !may_come_back(started.error())) call_.session.drop_key(key);
  co_return started;
}

template <class T>
Async<Result<T>> Listener::patiently(std::function<Async<Result<T>>(client::Brain&)> ask, Error lost) {
  call_.output.say(
      fmt::format("lost the Brain ({}); trying again for {}", lost.message(), print_span(kSilenceMax)));
  // An answer alone is no progress: a stream may break again before its first event.
  if (!lost_since_) {
    lost_since_ = call_.clock.now();
    pause_ = kRetryFirst;
  }
  while (true) {
    co_await call_.clock.sleep(pause_);
    pause_ = std::min(2 * pause_, kRetryLongest);
    auto answer = co_await call_.session.call(ask);
    const bool too_long = call_.clock.now() - *lost_since_ >= kSilenceMax;
    if (answer && too_long) co_return fail(std::move(lost));
    if (answer) call_.output.say("the Brain is back");
    if (answer || too_long || !may_come_back(answer.error())) co_return answer;
  }
}

Async<void> Listener::learn_runs(TaskId task) {
  auto detail = co_await beside<api::TaskDetail>([&](client::Brain& brain) { return brain.task(task); });
  if (detail) into_.put(Known{std::move(detail->runs)});
  else into_.put(Ended{fail(std::move(detail).error().with("learn what has started"))});
}

Async<Result<void>> Listener::cancel(TaskId task) {
  const std::string key = OCTO_CO_TRY(call_.session.make_key());
  auto cancelled = co_await beside<void>([&](client::Brain& brain) { return brain.cancel(task, key); });
  if (cancelled || !may_come_back(cancelled.error())) call_.session.drop_key(key);
  if (!cancelled && cancelled.error().code() == ErrorCode::conflict) co_return Result<void>();
  co_return cancelled;
}

template <class T>
Async<Result<T>> Listener::beside(std::function<Async<Result<T>>(client::Brain&)> ask) {
  for (Span pause = kRetryFirst;; pause *= 2) {
    auto answer = co_await ask_beside(ask);
    if (answer || !may_come_back(answer.error()) || pause > kRetryLongest) co_return answer;
    co_await call_.clock.sleep(pause);
  }
}

template <class T>
Async<Result<T>> Listener::ask_beside(const std::function<Async<Result<T>>(client::Brain&)>& ask) {
  auto brain = OCTO_CO_TRY(co_await call_.session.another());
  co_return co_await ask(*brain);
}

}  // namespace octo::octl
