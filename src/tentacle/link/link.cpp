// SPDX-License-Identifier: MIT
// Dialling, joining, and what happens when that fails. What travels on streams is in streams.cpp.
#include "tentacle/link/link.hpp"

#include <algorithm>

#include "async/deadline.hpp"
#include "async/event.hpp"
#include "domain/limits.hpp"
#include "io/files/files.hpp"
#include "io/log/log.hpp"
#include "tentacle/link/session.hpp"

namespace octo::tentacle {

namespace {

constexpr Span kPauseFirst = 250ms;
constexpr Span kPauseMax = 60s;
constexpr Span kPauseRefused = 10s;  // a refusal is not cured by asking again quickly
constexpr Span kLookAgain = 5s;      // at runs that are tied, without a Brain
constexpr std::size_t kSmallFile = 4096;

// The highest that this node has obeyed; 0: none yet. What cannot be read is no 0: any Brain would do then,
// also one that runs on an old copy of its data.
Result<std::uint64_t> load_epoch(const std::string& folder) {
  const std::string path = folder + "/epoch";
  if (!files::exists(path)) return 0;
  const Bytes text = OCTO_TRY(files::load(path, kSmallFile));
  if (const auto number = parse_number(trim(text)); number && *number >= 0)
    return static_cast<std::uint64_t>(*number);
  return fail(
      ErrorCode::corrupt,
      "{} is damaged: it holds {}, not the number of the newest start of the Brain; remove it, if the "
      "Brain that runs now is the right one",
      path, quote(text.substr(0, 40)));
}

}  // namespace

BrainLink::BrainLink(Settings settings, Verbs& verbs, Addresses& addresses, net::Dialer& dialer, Clock& clock,
                     Random& random)
    : settings_(std::move(settings)),
      verbs_(verbs),
      addresses_(addresses),
      dialer_(dialer),
      clock_(clock),
      random_(random),
      auto_restart_(settings_.restart_rule, settings_.folder + "/restarts", settings_.boot_id, clock_.now()) {
}

Async<void> BrainLink::run() {
  if (const auto& damage = auto_restart_.damage(); damage && settings_.restart) {
    log::error(
        "there is no auto restart until the next session with the Brain: how many were tried is not known, "
        "{}",
        damage->message());
  }
  last_heard_ = clock_.now();
  co_await in_nursery([this](Nursery& nursery) {
    nursery.spawn(end_ties());
    return run_rounds(nursery);
  });
}

// Tied runs end with their Brain: when it calls this node offline, whatever is being tried meanwhile.
Async<void> BrainLink::end_ties() {
  const auto last_heard = [this] {
    const auto session = session_.lock();
    return session == nullptr || session->link == nullptr ? last_heard_ : session->link->last_heard();
  };
  while (true) {
    if (const Instant due = last_heard() + limits::offline_after; clock_.now() < due) {
      co_await clock_.sleep_until(due);
    } else {
      verbs_.end_tied();
      co_await clock_.sleep(kLookAgain);
    }
  }
}

Async<void> BrainLink::run_rounds(Nursery& nursery) {
  int failures = 0;
  while (true) {
    bool joined = false;
    const Error why = co_await round(joined);
    const Instant now = clock_.now();
    failures = joined ? 0 : failures + 1;
    if (joined) auto_restart_.session_ended(now);
    else auto_restart_.round_failed(why, now);
    log::warning("{}: {}", joined ? "the link to the Brain is lost" : "no link to the Brain", why.message());
    if (settings_.restart && auto_restart_.is_due(now)) restart_host(why, nursery);
    co_await clock_.sleep(pause_before(failures, why));
  }
}

// Full jitter, so that a thousand nodes do not come back in one instant.
Span BrainLink::pause_before(int failures, const Error& why) {
  const bool refused = is_refusal(why);
  const Span most = std::min<Span>(kPauseMax, kPauseFirst * (std::int64_t{1} << std::min(failures, 8)));
  const auto random =
      std::chrono::duration_cast<Span>(std::max(most, refused ? kPauseRefused : Span{}) * random_.fraction());
  return refused ? kPauseRefused / 2 + random : random;
}

void BrainLink::restart_host(const Error& why, Nursery& nursery) {
  const auto number = auto_restart_.begin(clock_.now());
  if (!number) {
    log::error("auto restart is left out: {}", number.error().message());
    return;
  }
  log::warning("auto restart {} of {}: {}", *number, AutoRestart::starts_max, why.message());
  nursery.spawn(run_restart());
}

Async<void> BrainLink::run_restart() {
  const auto ended = co_await settings_.restart();
  if (!ended) log::error("auto restart: {}", ended.error().message());
  auto_restart_.ended();
}

Async<Error> BrainLink::round(bool& joined) {
  const auto seen = load_epoch(settings_.folder);
  if (!seen) co_return seen.error();
  const auto address = co_await addresses_.find_brain();
  if (!address) co_return address.error();
  auto stream = co_await dialer_.dial(*address, {crypto::Role::brain, settings_.brain});
  if (!stream) co_return stream.error().with(fmt::format("dial the Brain at {}", net::print(*address)));
  wire::Config config;
  config.side = wire::Side::node;
  config.heartbeat_interval = limits::heartbeat_interval;
  config.silence_max = limits::offline_after;
  config.hello.features = {std::string(wire::kSecretsFeature), std::string(wire::kTogether)};
  config.hello.program_version = settings_.version;
  config.hello.name = settings_.name.str();
  config.hello.instance = settings_.instance;
  config.hello.boot_id = settings_.boot_id;
  config.hello.labels = settings_.labels;
  config.hello.epoch_seen = *seen;
  const Executor executor = co_await asio::this_coro::executor;
  const Instant begun = clock_.now();
  link::Link link(clock_, std::move(*stream), config, executor);
  const auto session = std::make_shared<Session>(link, begun);
  const Session::Guard guard(*session);
  std::optional<Error> lost;
  Event changed(executor);
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](link::Link& on, std::optional<Error>& why, Event& event) -> Async<void> {
      why = co_await on.run();
      event.set();
    }(link, lost, changed));
    const auto welcome = co_await join(link);
    if (!welcome) {
      lost = welcome.error();
      co_return;
    }
    joined = true;
    session_ = session;
    nursery.spawn(serve(session));
    while (!lost) co_await changed.wait();
  });
  if (joined) last_heard_ = link.last_heard();
  co_return *lost;
}

Async<Result<void>> BrainLink::join(link::Link& link) {
  const auto welcome = OCTO_CO_TRY(
      (co_await with_deadline(clock_, wire::limits::hello_timeout, link.welcomed())).with("join the Brain"));
  const std::uint64_t seen = OCTO_CO_TRY(load_epoch(settings_.folder));
  if (welcome.epoch < seen) {
    co_return fail(ErrorCode::conflict,
                   "the Brain is at epoch {}, this node has obeyed {}: it runs on an old copy of its data",
                   welcome.epoch, seen);
  }
  if (welcome.epoch > seen)
    OCTO_CO_TRY(files::save(settings_.folder + "/epoch", std::to_string(welcome.epoch)));
  // A full disk is no reason to refuse the Brain: what is not forgotten only makes a reboot less likely.
  if (const auto forgotten = auto_restart_.joined(); !forgotten)
    log::warning("{}", forgotten.error().message());
  log::info("joined Brain {} (version {}) as {}", welcome.brain, welcome.program_version, settings_.name);
  co_return Result<void>{};
}

Result<std::string> load_instance(const std::string& folder, Random& random) {
  const std::string path = folder + "/instance";
  if (files::exists(path)) return std::string(trim(OCTO_TRY(files::load(path, kSmallFile))));
  const std::string instance = print_hex(random.bytes(16));
  OCTO_TRY(files::save(path, instance).with("keep this node's instance id"));
  return instance;
}

}  // namespace octo::tentacle
