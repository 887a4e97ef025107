// SPDX-License-Identifier: MIT
// What a node must know of the time to start together with others (spec/time.md).
#include "tentacle/link/session.hpp"

namespace octo::tentacle {

namespace {

constexpr Span kMeasuredFor = 500ms;  // as long as drift is small against what a path leaves open
constexpr Span kMeasureWithin = 3s;
constexpr Span kPoll = 1ms;
constexpr Span kAskAgain = 200ms;

Error too_uncertain(Span bound, Span max_skew) {
  return Error(ErrorCode::conflict,
               fmt::format("its clock is known to within ±{}, and a skew of {} needs ±{}", print_span(bound),
                           print_span(max_skew), print_span(max_skew / 2)));
}

}  // namespace

// Measured now, unless that was done a moment ago. The bound, if it is good enough.
Async<Result<Span>> BrainLink::learn_time(Session& session, Span max_skew) {
  const auto is_fresh = [&] { return session.measured && clock_.now() - *session.measured < kMeasuredFor; };
  // One measurement serves all that need it.
  while (session.measuring && session.link != nullptr) co_await clock_.sleep(kPoll);
  if (session.link != nullptr && !is_fresh()) {
    session.measuring = true;
    struct Measuring {
      ~Measuring() { flag = false; }
      bool& flag;
    } const measuring{session.measuring};
    co_await session.link->measure_clock({.samples = settings_.clock_samples, .within = kMeasureWithin});
    session.measured = clock_.now();
  }
  const auto reading = session.link == nullptr ? std::nullopt : session.link->clock();
  if (!reading) co_return fail(ErrorCode::unavailable, "its clock was not compared with the Brain's yet");
  if (reading->bound > max_skew / 2) co_return fail(too_uncertain(reading->bound, max_skew));
  co_return reading->bound;
}

Async<Result<void>> BrainLink::commit(Session& session, RunId run, Instant brain_at, Span max_skew) {
  (void)OCTO_CO_TRY(co_await learn_time(session, max_skew));
  // The offset at that instant, not at this one: until then the clocks drift on. Found from now's, which is
  // nearly it; the Brain's reading may be years away from ours, and a drift over years is no start.
  Instant at = clock_.now();
  std::optional<ClockReading> then;
  for (int i = 0; i < 3; ++i) {
    then = session.link == nullptr ? std::nullopt : session.link->clock_at(at);
    if (!then) co_return fail(ErrorCode::unavailable, "the link to the Brain is lost");
    at = brain_at - then->offset;
  }
  if (then->bound > max_skew / 2) co_return fail(too_uncertain(then->bound, max_skew));
  if (at <= clock_.now()) co_return fail(ErrorCode::timed_out, "the instant has passed");
  co_return co_await verbs_.commit(run, StartAt{at, brain_at, then->bound});
}

// Asked on every session until there is an answer: the Brain keeps nothing of who waits.
Async<Result<void>> BrainLink::await_barrier(RunId run, std::string name) {
  while (true) {
    const auto session = session_.lock();
    auto channel = session == nullptr || session->link == nullptr
                       ? Result<link::Channel>(fail(ErrorCode::unavailable, "no link to the Brain"))
                       : session->link->open(wire::Priority::control);
    if (channel && co_await channel->send(wire::encode(wire::FromNode(wire::AwaitBarrier{run, name})))) {
      const auto bytes = co_await channel->receive();
      if (bytes && *bytes) {
        const auto message = OCTO_CO_TRY(wire::decode_from_brain(**bytes));
        if (std::holds_alternative<wire::Done>(message)) co_return Result<void>{};
        if (const auto* failed = std::get_if<wire::Failed>(&message)) co_return fail(failed->error);
      }
      if (!bytes && bytes.error().code() != ErrorCode::unavailable) co_return fail(bytes.error());
    }
    co_await clock_.sleep(kAskAgain);
  }
}

}  // namespace octo::tentacle
