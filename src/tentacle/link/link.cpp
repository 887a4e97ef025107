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
constexpr int kRestartsMax = 3;      // without a good session between them: never a loop of reboots
constexpr std::size_t kSmallFile = 4096;

std::int64_t load_number(const std::string& path) {
  const auto text = files::load(path, kSmallFile);
  return text ? parse_number(trim(*text)).value_or(0) : 0;
}

}  // namespace

BrainLink::BrainLink(Settings settings, Verbs& verbs, Addresses& addresses, net::Dialer& dialer, Clock& clock,
                     Random& random)
    : settings_(std::move(settings)),
      verbs_(verbs),
      addresses_(addresses),
      dialer_(dialer),
      clock_(clock),
      random_(random) {}

Async<void> BrainLink::run() {
  int failures = 0;
  while (true) {
    bool joined = false;
    const Error why = co_await round(joined);
    failures = joined ? 0 : failures + 1;
    log::warning("{}: {}", joined ? "the link to the Brain is lost" : "no link to the Brain", why.message());
    if (failures > 0 && failures % std::max(1, settings_.rounds_before_restart) == 0) restart_host(why);
    co_await clock_.sleep(pause_before(failures, why));
  }
}

// Full jitter, so that a thousand nodes do not come back in one instant.
Span BrainLink::pause_before(int failures, const Error& why) {
  const bool refused = why.code() == ErrorCode::forbidden || why.code() == ErrorCode::conflict;
  const Span most = std::min<Span>(kPauseMax, kPauseFirst * (std::int64_t{1} << std::min(failures, 8)));
  const auto random =
      std::chrono::duration_cast<Span>(std::max(most, refused ? kPauseRefused : Span{}) * random_.fraction());
  return refused ? kPauseRefused / 2 + random : random;
}

void BrainLink::restart_host(const Error& why) {
  if (!settings_.restart) return;
  const std::string path = settings_.folder + "/restarts";
  const std::int64_t tried = load_number(path);
  if (tried >= kRestartsMax) return;
  // Counted durably before the restart, or a restart that takes at once would not count.
  if (const auto saved = files::save(path, std::to_string(tried + 1)); !saved) {
    log::error("auto restart is left out, its count cannot be kept: {}", saved.error().message());
    return;
  }
  log::warning("auto restart {} of {}: {}", tried + 1, kRestartsMax, why.message());
  if (const auto started = settings_.restart(); !started)
    log::error("auto restart: {}", started.error().message());
}

Async<Error> BrainLink::round(bool& joined) {
  const auto address = co_await addresses_.find_brain();
  if (!address) co_return address.error();
  auto stream = co_await dialer_.dial(*address, {crypto::Role::brain, settings_.brain});
  if (!stream) co_return stream.error().with(fmt::format("dial the Brain at {}", net::print(*address)));
  wire::Config config;
  config.side = wire::Side::node;
  config.heartbeat_interval = limits::heartbeat_interval;
  config.silence_max = limits::offline_after;
  config.hello.program_version = settings_.version;
  config.hello.name = settings_.name.str();
  config.hello.instance = settings_.instance;
  config.hello.boot_id = settings_.boot_id;
  config.hello.epoch_seen = static_cast<std::uint64_t>(load_number(settings_.folder + "/epoch"));
  const Executor executor = co_await asio::this_coro::executor;
  link::Link link(clock_, std::move(*stream), config, executor);
  const auto session = std::make_shared<Session>(link);
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
    nursery.spawn(serve(session));
    while (!lost) co_await changed.wait();
  });
  co_return *lost;
}

Async<Result<void>> BrainLink::join(link::Link& link) {
  const auto welcome = OCTO_CO_TRY(
      (co_await with_deadline(clock_, wire::limits::hello_timeout, link.welcomed())).with("join the Brain"));
  const auto seen = static_cast<std::uint64_t>(load_number(settings_.folder + "/epoch"));
  if (welcome.epoch < seen) {
    co_return fail(ErrorCode::conflict,
                   "the Brain is at epoch {}, this node has obeyed {}: it runs on an old copy of its data",
                   welcome.epoch, seen);
  }
  if (welcome.epoch > seen)
    OCTO_CO_TRY(files::save(settings_.folder + "/epoch", std::to_string(welcome.epoch)));
  if (files::exists(settings_.folder + "/restarts"))
    OCTO_CO_TRY(files::save(settings_.folder + "/restarts", "0"));
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
