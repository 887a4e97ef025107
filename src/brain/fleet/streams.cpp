// SPDX-License-Identifier: MIT
// Streams of a session: runs and their reports, questions, and the blobs that a node asks for.
#include "brain/fleet/session.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"
#include "wire/messages.hpp"

namespace octo::brain {

namespace {

constexpr Span kAnswerWithin = 15s;  // of a node that is online: status reads /proc for a second at most

}  // namespace

Async<void> LinkFleet::serve_streams(std::shared_ptr<Session> session, Nursery& nursery) {
  // start_run() adds streams to the nursery; not any more once this ends, also by cancellation.
  struct Taking {
    Taking(Session& of, Nursery& in) : session(of) { session.orders = &in; }
    ~Taking() { session.orders = nullptr; }
    Session& session;
  } const taking(*session, nursery);
  while (auto channel = co_await session->link->accept())
    nursery.spawn(serve_stream(session, std::move(*channel)));
}

Async<void> LinkFleet::serve_stream(std::shared_ptr<Session> session, link::Channel channel) {
  auto first = co_await channel.receive();
  if (!first || !*first) co_return;
  auto message = wire::decode_from_node(**first);
  if (!message) {
    channel.reset(message.error());
    co_return;
  }
  if (const auto* resume = std::get_if<wire::ResumeRun>(&*message)) {
    RunId run = resume->run;
    if (run.node != session->record.name) {
      channel.reset(Error(ErrorCode::forbidden, "a node may speak of its own runs only"));
      co_return;
    }
    const auto taken = co_await events_.run_offered(run);
    if (!taken) {
      channel.reset(taken.error());
      co_return;
    }
    if (co_await channel.send(
            wire::encode(wire::FromBrain(wire::RunAck{taken->durable, false, taken->flow})))) {
      co_await follow_run(std::move(run), std::move(channel));
    }
  } else if (std::holds_alternative<wire::AskManifest>(*message) ||
             std::holds_alternative<wire::AskChunks>(*message)) {
    co_await serve_blobs(std::move(channel), std::move(*message));
  } else if (auto* barrier = std::get_if<wire::AwaitBarrier>(&*message)) {
    if (barrier->run.node != session->record.name) {
      channel.reset(Error(ErrorCode::forbidden, "a node may speak of its own runs only"));
      co_return;
    }
    co_await serve_barrier(std::move(channel), std::move(*barrier));
  } else {
    channel.reset(Error(ErrorCode::unsupported, "no stream begins with this message"));
  }
}

// Until the barrier is open or never will be, or the run does not wait any more.
Async<void> LinkFleet::serve_barrier(link::Channel channel, wire::AwaitBarrier asked) {
  std::optional<Result<void>> answer;
  bool gone = false;
  Event changed(executor_);
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](FleetEvents& of, const wire::AwaitBarrier& at, std::optional<Result<void>>& into,
                     Event& event) -> Async<void> {
      into = co_await of.barrier_reached(at.run, at.name);
      event.set();
    }(events_, asked, answer, changed));
    nursery.spawn([](link::Channel& on, bool& flag, Event& event) -> Async<void> {
      (void)co_await on.receive();
      flag = true;
      event.set();
    }(channel, gone, changed));
    while (!answer && !gone) co_await changed.wait();
  });
  if (!answer) co_return;
  const auto said = *answer ? wire::FromBrain(wire::Done{}) : wire::FromBrain(wire::Failed{answer->error()});
  if (co_await channel.send(wire::encode(said))) channel.close();
}

Async<void> LinkFleet::serve_blobs(link::Channel channel, wire::FromNode asked) {
  channel.set_priority(wire::Priority::bulk);
  std::vector<Sha256> hashes;
  if (const auto* manifest = std::get_if<wire::AskManifest>(&asked)) hashes.push_back(manifest->hash);
  else hashes = std::move(std::get<wire::AskChunks>(asked).hashes);
  for (const Sha256& hash : hashes) {
    auto bytes = co_await blobs_.get(hash);
    if (!bytes) {
      (void)co_await channel.send(wire::encode(wire::FromBrain(wire::Failed{bytes.error()})));
      co_return channel.close();
    }
    // A manifest may be larger than a frame; its parts follow each other.
    constexpr std::size_t kPart = 512 * 1024;
    for (std::size_t at = 0; at == 0 || at < bytes->size(); at += kPart) {
      if (!co_await channel.send(wire::encode(wire::FromBrain(wire::Blob{bytes->substr(at, kPart)}))))
        co_return;
    }
  }
  channel.close();
}

std::shared_ptr<const PreparedDeed> LinkFleet::prepare(const Deed& deed) const {
  const auto prepared = std::make_shared<PreparedDeed>();
  if (const auto* exec = std::get_if<ExecOrder>(&deed)) {
    prepared->together = exec->together.has_value();
    prepared->secrets = !exec->secrets.empty();
  }
  prepared->bytes = wire::encode_deed(deed);
  return prepared;
}

Result<void> LinkFleet::start_run(const RunId& run, std::shared_ptr<const PreparedDeed> what,
                                  const StartTimes& times) {
  const auto session = OCTO_TRY(get(run.node));
  if (session->orders == nullptr) return fail(ErrorCode::unavailable, "node {} is leaving", run.node);
  const auto has = [&](std::string_view feature) {
    return std::ranges::find(session->features, feature) != session->features.end();
  };
  // An older agent would not see what it does not know, and start at once.
  if (what->together && !has(wire::kTogether)) {
    return fail(ErrorCode::unsupported,
                "the tentacle of {} ({}) cannot start together with others: upgrade it", run.node,
                session->record.version);
  }
  if (what->secrets && !has(wire::kSecretsFeature)) {
    return fail(ErrorCode::unsupported, "the tentacle of {} ({}) takes no secrets yet: upgrade it", run.node,
                session->record.version);
  }
  if (!session->link->writable())
    return fail(ErrorCode::unavailable, "node {} is slow to take what was sent before", run.node);
  auto channel = OCTO_TRY(session->link->open(wire::Priority::control));
  const wire::StartHead head{run, times.within, clock_.now(), times.delay, times.hold};
  const Bytes* const deed = &what->bytes;
  OCTO_TRY(channel.post(wire::encode_start(head, deed->size()), {std::move(what), deed}));
  session->orders->spawn(follow_run(run, std::move(channel)));
  return {};
}

// Until the end is durable here and acknowledged, or the stream is gone; then the node resumes it on another
// one.
Async<void> LinkFleet::follow_run(RunId run, link::Channel channel) {
  bool over = false;
  while (!over) {
    auto message = co_await channel.receive();
    if (!message || !*message) {
      // A node that resets the stream of a run refuses it; a lost link says nothing about it.
      if (!message && message.error().code() != ErrorCode::unavailable)
        (void)co_await events_.run_refused(run, message.error());
      co_return;
    }
    const auto done = co_await report(run, channel, std::move(**message), over);
    if (!done) {
      log::warning("a report of run {} on {} was not taken: {}", local_name(run), run.node,
                   done.error().message());
      channel.reset(done.error());
      co_return;
    }
  }
  channel.close();
}

Async<Result<void>> LinkFleet::report(const RunId& run, link::Channel& channel, Bytes bytes, bool& over) {
  auto message = OCTO_CO_TRY(wire::decode_from_node(bytes));
  if (auto* progress = std::get_if<wire::RunProgress>(&message))
    co_return co_await events_.run_progress(run, *progress);
  if (auto* output = std::get_if<wire::RunOutput>(&message)) {
    const auto taken = OCTO_CO_TRY(co_await events_.run_output(run, std::move(output->piece)));
    co_return co_await channel.send(
        wire::encode(wire::FromBrain(wire::RunAck{taken.durable, false, taken.flow})));
  }
  if (auto* ended = std::get_if<wire::RunEnded>(&message)) {
    OCTO_CO_TRY(co_await events_.run_ended(run, ended->end));
    over = true;
    co_return co_await channel.send(wire::encode(wire::FromBrain(
        wire::RunAck{OutputMark{ended->end.out_bytes, ended->end.err_bytes, ended->end.note_bytes}, true})));
  }
  if (auto* failed = std::get_if<wire::Failed>(&message)) {
    over = true;
    co_return co_await events_.run_refused(run, failed->error);
  }
  co_return fail(ErrorCode::invalid_argument, "a run's stream carries reports only");
}

Async<Result<Bytes>> LinkFleet::ask(const NodeName& node, Bytes question) {
  const auto session = OCTO_CO_TRY(get(node));
  auto channel = OCTO_CO_TRY(session->link->open(wire::Priority::control));
  OCTO_CO_TRY(co_await channel.send(std::move(question)));
  auto answer = OCTO_CO_TRY(co_await with_deadline(clock_, kAnswerWithin, channel.receive()));
  if (!answer) co_return fail(ErrorCode::unavailable, "node {} did not answer", node);
  channel.close();
  co_return std::move(*answer);
}

Async<Result<void>> LinkFleet::cancel_run(const RunId& run) { return tell(run.node, wire::CancelRun{run}); }
Async<Result<void>> LinkFleet::commit_run(const RunId& run, Instant at, Span max_skew) {
  return tell(run.node, wire::CommitRun{run, at, max_skew});
}
Async<Result<void>> LinkFleet::go_run(const RunId& run) { return tell(run.node, wire::GoRun{run}); }
Async<Result<void>> LinkFleet::call_off_run(const RunId& run, const std::string& reason) {
  return tell(run.node, wire::CallOffRun{run, reason});
}

Async<Result<void>> LinkFleet::tell(const NodeName& node, wire::FromBrain message) {
  const NodeName to = node;
  const Bytes bytes = OCTO_CO_TRY(co_await ask(to, wire::encode(message)));
  const auto answer = OCTO_CO_TRY(wire::decode_from_node(bytes));
  if (const auto* failed = std::get_if<wire::Failed>(&answer)) co_return fail(failed->error);
  co_return Result<void>{};
}

Async<Result<HostStatus>> LinkFleet::status(const NodeName& node) {
  const Bytes bytes = OCTO_CO_TRY(co_await ask(node, wire::encode(wire::FromBrain(wire::AskStatus{}))));
  auto answer = OCTO_CO_TRY(wire::decode_from_node(bytes));
  if (auto* status = std::get_if<wire::StatusAnswer>(&answer)) co_return std::move(status->status);
  if (const auto* failed = std::get_if<wire::Failed>(&answer))
    co_return fail(failed->error.with(fmt::format("status of {}", node)));
  co_return fail(ErrorCode::invalid_argument, "node {} answered something else than its status", node);
}

Async<Result<std::vector<NodeAppInfo>>> LinkFleet::apps(const NodeName& node, const std::optional<AppAt>& app,
                                                        std::uint64_t offset, std::uint64_t limit) {
  const Bytes bytes =
      OCTO_CO_TRY(co_await ask(node, wire::encode(wire::FromBrain(wire::AskApps{app, offset, limit}))));
  auto answer = OCTO_CO_TRY(wire::decode_from_node(bytes));
  if (auto* apps = std::get_if<wire::AppsAnswer>(&answer)) co_return std::move(apps->apps);
  if (const auto* failed = std::get_if<wire::Failed>(&answer))
    co_return fail(failed->error.with(fmt::format("apps of {}", node)));
  co_return fail(ErrorCode::invalid_argument, "node {} answered something else than its apps", node);
}

Async<Result<NextLines>> LinkFleet::read_log(const NodeName& node, const LogQuestion& question) {
  const auto session = OCTO_CO_TRY(get(node));
  // Closed with the last copy of the function below, so that a node stops telling what nobody reads.
  struct Reading {
    explicit Reading(link::Channel on) : channel(std::move(on)) {}
    ~Reading() { channel.close(); }
    link::Channel channel;
  };
  const auto reading = std::make_shared<Reading>(OCTO_CO_TRY(session->link->open(wire::Priority::control)));
  OCTO_CO_TRY(co_await reading->channel.send(wire::encode(wire::FromBrain(wire::AskLog{question}))));
  co_return NextLines([reading, node]() -> Async<Result<std::vector<std::string>>> {
    return [](std::shared_ptr<Reading> from, NodeName of) -> Async<Result<std::vector<std::string>>> {
      const auto bytes = OCTO_CO_TRY(co_await from->channel.receive());
      if (!bytes) co_return std::vector<std::string>();
      auto message = OCTO_CO_TRY(wire::decode_from_node(*bytes));
      if (auto* lines = std::get_if<wire::LogLines>(&message)) co_return std::move(lines->lines);
      if (const auto* failed = std::get_if<wire::Failed>(&message))
        co_return fail(failed->error.with(fmt::format("log of {}", of)));
      co_return fail(ErrorCode::invalid_argument, "node {} answered something else than its log", of);
    }(reading, node);
  });
}

}  // namespace octo::brain
