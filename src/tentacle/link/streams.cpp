// SPDX-License-Identifier: MIT
// Streams of a session: runs that the Brain starts or that we offer again, and its questions.
#include "async/event.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"
#include "tentacle/link/session.hpp"
#include "tentacle/link/timeliness.hpp"

namespace octo::tentacle {

namespace {

constexpr Span kOfferAgain = 5s;

Bytes bytes_of(wire::FromNode message) { return wire::encode(message); }

Async<void> reply(link::Channel& channel, wire::FromNode message) {
  if (co_await channel.send(wire::encode(message))) channel.close();
}

Async<void> answer(link::Channel& channel, Result<void> done) {
  if (done) co_await reply(channel, wire::Done{});
  else co_await reply(channel, wire::Failed{done.error()});
}

// What is told of one run: `begun`, unless the Brain knows it, then output from `mark` on, then the end.
struct Telling {
  RunId run;
  std::optional<wire::RunProgress> begun;
  OutputMark mark;
};

// Ends after the end was sent.
Async<Result<void>> send_news(Verbs& verbs, link::Channel& channel, Telling telling) {
  auto& [run, begun, mark] = telling;
  if (begun) OCTO_CO_TRY(co_await channel.send(bytes_of(*begun)));
  std::optional<std::int64_t> told_pid = begun ? begun->pid : std::nullopt;
  while (true) {
    auto news = OCTO_CO_TRY(co_await verbs.next(run, mark));
    if (news.facts.pid && news.facts.pid != told_pid && !news.facts.end) {
      told_pid = news.facts.pid;
      OCTO_CO_TRY(co_await channel.send(bytes_of(wire::RunProgress{
          .state = RunState::running, .pid = told_pid, .clock_bound = {}, .start = news.facts.start})));
    }
    if (!news.pieces.empty()) channel.set_priority(wire::Priority::output);
    for (OutputPiece& piece : news.pieces) {
      mark.of(piece.stream) = piece.offset + piece.bytes.size();
      OCTO_CO_TRY(co_await channel.send(bytes_of(wire::RunOutput{std::move(piece)})));
    }
    if (news.pieces.empty() && news.facts.end) {
      RunEnd& end = *news.facts.end;
      if (news.facts.pid != told_pid) end.pid = news.facts.pid;
      OCTO_CO_TRY(co_await channel.send(bytes_of(wire::RunEnded{std::move(end)})));
      channel.close();  // at once, and not with a packet of its own once that is acknowledged
      co_return Result<void>{};
    }
  }
}

// Until the Brain has the end for good, or the stream is gone.
Async<Result<void>> take_acks(Verbs& verbs, const RunId& run, link::Channel& channel) {
  while (true) {
    const auto bytes = OCTO_CO_TRY(co_await channel.receive());
    if (!bytes) co_return Result<void>{};
    const auto message = OCTO_CO_TRY(wire::decode_from_brain(*bytes));
    const auto* ack = std::get_if<wire::RunAck>(&message);
    if (ack == nullptr)
      co_return fail(ErrorCode::invalid_argument, "the Brain sends acknowledgements only on a run's stream");
    verbs.set_flow(run, ack->flow);
    OCTO_CO_TRY(co_await verbs.acknowledge(run, ack->durable, ack->end_durable));
    if (ack->end_durable) co_return Result<void>{};
  }
}

// True once the Brain has all of it.
Async<bool> follow(Verbs& verbs, link::Channel channel, Telling telling) {
  const RunId run = telling.run;
  std::optional<Result<void>> acknowledged;
  Event changed(co_await asio::this_coro::executor);
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](Verbs& on, link::Channel& over, Telling what) -> Async<void> {
      const auto sent = co_await send_news(on, over, std::move(what));
      if (!sent && sent.error().code() != ErrorCode::unavailable) over.reset(sent.error());
    }(verbs, channel, std::move(telling)));
    nursery.spawn([](Verbs& on, const RunId& id, link::Channel& over, std::optional<Result<void>>& into,
                     Event& event) -> Async<void> {
      into = co_await take_acks(on, id, over);
      event.set();
    }(verbs, run, channel, acknowledged, changed));
    while (!acknowledged) co_await changed.wait();
  });
  if (*acknowledged) {
    channel.close();
  } else if (acknowledged->error().code() != ErrorCode::unavailable) {
    log::warning("run {} is not heard: {}", local_name(run), acknowledged->error().message());
  }
  co_return acknowledged->has_value();
}

// Until all is told, or, of one that is followed, until the Brain wants no more.
Async<void> send_log(Verbs& verbs, const LogQuestion& question, link::Channel& channel) {
  const auto next = co_await verbs.read_log(question);
  if (!next) co_return co_await reply(channel, wire::Failed{next.error()});
  channel.set_priority(wire::Priority::output);
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    bool over = false;
    Event ended(co_await asio::this_coro::executor);
    nursery.spawn([](link::Channel& on, bool& flag, Event& event) -> Async<void> {
      (void)co_await on.receive();  // the Brain says nothing on it, but that it is closed
      flag = true;
      event.set();
    }(channel, over, ended));
    nursery.spawn([](const NextLines& read, link::Channel& on, bool& flag, Event& event) -> Async<void> {
      while (true) {
        auto lines = co_await read();
        if (!lines || lines->empty() || !co_await on.send(bytes_of(wire::LogLines{std::move(*lines)}))) break;
      }
      flag = true;
      event.set();
    }(*next, channel, over, ended));
    while (!over) co_await ended.wait();
  });
  channel.close();
}

}  // namespace

Async<void> BrainLink::serve(std::shared_ptr<Session> session) {
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    for (const RunId& run : verbs_.unacknowledged()) nursery.spawn(tell(session, run));
    while (auto channel = co_await session->link->accept())
      nursery.spawn(serve_stream(session, std::move(*channel)));
  });
}

// Of a run that the sessions before this one began to tell. The Brain need not ask for it again: one that it
// cancels or calls off it only ends.
Async<void> BrainLink::tell(std::shared_ptr<Session> session, RunId run) {
  // Offered before that is decided, it would be taken for one that has begun, and may come to nothing.
  if (!co_await verbs_.begun(run)) co_return;
  // Or by a repeated order meanwhile.
  if (session->told.insert(run).second) co_await resume(session, run);
}

// Until the Brain has all of the run, or the session is over: a Brain whose disk is full may have room later.
Async<void> BrainLink::resume(std::shared_ptr<Session> session, RunId run) {
  while (session->link != nullptr && !co_await offer(*session, run)) co_await clock_.sleep(kOfferAgain);
}

// True when there is nothing more to tell.
Async<bool> BrainLink::offer(Session& session, const RunId& run) {
  auto channel = session.link->open(wire::Priority::control);
  if (!channel || !co_await channel->send(bytes_of(wire::ResumeRun{run}))) co_return false;
  const auto bytes = co_await channel->receive();
  if (!bytes && bytes.error().code() == ErrorCode::not_found) {
    // The Brain does not know it (any more): nobody will ask for it.
    const auto forgotten = co_await verbs_.acknowledge(run, {}, true);
    if (!forgotten)
      log::warning("run {} cannot be forgotten: {}", local_name(run), forgotten.error().message());
    co_return forgotten.has_value();
  }
  if (!bytes || !*bytes) co_return false;
  const auto message = wire::decode_from_brain(**bytes);
  const auto* mark = message ? std::get_if<wire::RunAck>(&*message) : nullptr;
  if (mark != nullptr) verbs_.set_flow(run, mark->flow);
  co_return mark != nullptr&& co_await follow(verbs_, std::move(*channel),
                                              {.run = run, .begun = {}, .mark = mark->durable});
}

// Nothing runs late, however long an order was held up on its way.
Async<Result<void>> BrainLink::check_in_time(Session& session, const wire::StartRun& order) {
  auto judged = judge(order, clock_.now(), session.begun, session.link->clock());
  while (judged == Timeliness::not_known) {
    const auto reading = OCTO_CO_TRY(co_await session.link->measured_clock());
    judged = judge(order, clock_.now(), session.begun, reading);
  }
  if (judged == Timeliness::in_time) co_return Result<void>{};
  co_return fail(ErrorCode::timed_out, "the delivery deadline has passed");
}

Async<void> BrainLink::start(std::shared_ptr<Session> session, link::Channel channel, wire::StartRun given) {
  RunOrder& order = given.order;
  const RunId run = order.id;
  if (run.node != settings_.name) {
    co_return co_await reply(
        channel, wire::Failed{Error(ErrorCode::invalid_argument, "this run is for another node")});
  }
  if (!verbs_.find(run)) {
    const auto in_time = co_await check_in_time(*session, given);
    if (!in_time) co_return co_await reply(channel, wire::Failed{in_time.error()});
  }
  wire::RunProgress progress;
  if (const auto* exec = std::get_if<ExecOrder>(&order.deed); exec != nullptr && exec->together) {
    auto bound = co_await learn_time(*session, exec->together->max_skew);
    if (!bound && !verbs_.find(run)) co_return co_await reply(channel, wire::Failed{bound.error()});
    if (bound) progress.clock_bound = *bound;
  }
  auto source = std::make_shared<LinkSource>([session] { return session->link; }, clock_);
  const auto facts = co_await verbs_.start(std::move(order), std::move(source));
  if (!facts) co_return co_await reply(channel, wire::Failed{facts.error()});
  // One that has ended may never have begun: its end says all.
  progress.state = facts->state;
  progress.pid = facts->pid;
  progress.start = facts->start;
  Telling telling{.run = run, .begun = {}, .mark = {}};
  if (!is_final(facts->state)) telling.begun = progress;
  // A repeated order: what becomes of the run is told on another stream already.
  if (!session->told.insert(run).second) {
    if (telling.begun) (void)co_await channel.send(bytes_of(*telling.begun));
    co_return channel.close();
  }
  if (!co_await follow(verbs_, std::move(channel), std::move(telling))) co_await resume(session, run);
}

Async<void> BrainLink::serve_stream(std::shared_ptr<Session> session, link::Channel channel) {
  const auto bytes = co_await channel.receive();
  if (!bytes || !*bytes) co_return;
  auto message = wire::decode_from_brain(**bytes);
  if (!message) co_return channel.reset(message.error());
  if (auto* order = std::get_if<wire::StartRun>(&*message)) {
    co_await start(session, std::move(channel), std::move(*order));
  } else if (const auto* cancel = std::get_if<wire::CancelRun>(&*message)) {
    co_await answer(channel, co_await verbs_.cancel(cancel->run));
  } else if (const auto* when = std::get_if<wire::CommitRun>(&*message)) {
    co_await answer(channel, co_await commit(*session, when->run, when->at, when->max_skew));
  } else if (const auto* go = std::get_if<wire::GoRun>(&*message)) {
    co_await answer(channel, co_await verbs_.go(go->run));
  } else if (const auto* off = std::get_if<wire::CallOffRun>(&*message)) {
    co_await answer(channel, co_await verbs_.call_off(off->run, off->reason));
  } else if (std::holds_alternative<wire::AskStatus>(*message)) {
    auto status = co_await verbs_.status();
    if (status && session->link != nullptr) status->clock = session->link->clock();
    if (status) co_await reply(channel, wire::StatusAnswer{std::move(*status)});
    else co_await reply(channel, wire::Failed{status.error()});
  } else if (auto* ask = std::get_if<wire::AskApps>(&*message)) {
    auto apps = co_await verbs_.apps(ask->app, ask->offset, ask->limit);
    if (apps) co_await reply(channel, wire::AppsAnswer{std::move(*apps)});
    else co_await reply(channel, wire::Failed{apps.error()});
  } else if (const auto* log = std::get_if<wire::AskLog>(&*message)) {
    co_await send_log(verbs_, log->question, channel);
  } else {
    channel.reset(Error(ErrorCode::unsupported, "no stream begins with this message"));
  }
}

}  // namespace octo::tentacle
