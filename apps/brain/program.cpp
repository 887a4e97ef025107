// SPDX-License-Identifier: MIT
#include "program.hpp"

#include "async/nursery.hpp"
#include "brain/blobs/blobs.hpp"
#include "brain/blobs/event_log.hpp"
#include "brain/doors/doors.hpp"
#include "brain/fleet/fleet.hpp"
#include "brain/ledger/ledger.hpp"
#include "brain/presence/presence.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"
#include "io/log/log.hpp"
#include "io/net/tls.hpp"
#include "setup/passwd.hpp"
#include "tentacle/host/host.hpp"

namespace octo {

namespace {

using settings::BrainSettings;

constexpr std::size_t kTokenKeyBytes = 32, kTicketKeyBytes = 80;

brain::Keep keep_of(const BrainSettings& settings) {
  constexpr std::uint64_t kMegabyte = 1'000'000;
  return {.age = settings.keep_days * 24h,
          .output_bytes = static_cast<std::uint64_t>(settings.keep_megabytes) * kMegabyte,
          .run_output_bytes = static_cast<std::uint64_t>(settings.keep_run_megabytes) * kMegabyte};
}

// Random bytes made at the first start and kept, so that tokens and TLS tickets survive a restart.
Result<Bytes> load_or_make_key(const std::string& file, std::size_t bytes, Random& random) {
  if (!files::exists(file)) OCTO_TRY(files::save_new(file, random.bytes(bytes)));
  Bytes key = OCTO_TRY(files::load(file, bytes));
  if (key.size() == bytes) return key;
  return fail(ErrorCode::corrupt, "{} has {} bytes instead of {}; remove it, and operators will log in again",
              quote(file), key.size(), bytes);
}

Result<std::shared_ptr<net::Tls>> load_tls(const BrainSettings& settings, Random& random) {
  auto tls = OCTO_TRY(
      net::Tls::load({settings.ssl.ca_cert, settings.ssl.cert, settings.ssl.key}, crypto::Role::brain));
  const std::string& holder = tls->identity()->name;
  if (holder != settings.name) {
    return fail(ErrorCode::forbidden,
                "the settings name this Brain {} and its certificate {}; change one, or: octopoda certgen "
                "brain {} <address>",
                quote(settings.name), quote(holder), settings.name);
  }
  tls->set_ticket_keys(
      OCTO_TRY(load_or_make_key(files::join(settings.data, "ticket.keys"), kTicketKeyBytes, random)));
  return tls;
}

// A face with an interface follows its address, which may change: it listens on all and tells the one it has.
Result<std::unique_ptr<net::Listener>> listen(const BrainSettings::Face& face, std::shared_ptr<net::Tls> tls,
                                              Clock& clock, Executor executor, net::ListenAt at = {}) {
  if (!face.ip.empty()) at.ip = face.ip;
  at.port = face.port;
  return net::listen(at, std::move(tls), clock, std::move(executor));
}

// Nodes that come back all at once wait in the kernel, as many as get their turn within the time that a
// handshake may take. Whoever does not fit in asks again after one, three and seven seconds, so with fewer
// the Brain would be idle in between.
constexpr int kTentacleBacklog = 4096;

// Threads that end first, and what they work on.
struct Stores {
  ThreadWorkers ledger_thread{1}, event_thread{1}, blob_thread{1}, hash_thread{1};
  std::unique_ptr<brain::SqliteLedger> ledger;
  std::unique_ptr<brain::FileEventLog> events;
  std::unique_ptr<brain::ChunkBlobs> blobs;

  Result<void> open(const std::string& folder, Executor executor) {
    ledger = OCTO_TRY(brain::SqliteLedger::open(folder, ledger_thread, std::move(executor)));
    events = OCTO_TRY(brain::FileEventLog::open(folder, event_thread));
    blobs = OCTO_TRY(brain::ChunkBlobs::open(folder, blob_thread));
    return {};
  }
};

class Running {
 public:
  Running(const BrainSettings& settings, Clock& clock, Executor executor, daemon::Stop& stop)
      : settings_(settings), clock_(clock), executor_(std::move(executor)), stop_(stop) {}

  Async<Result<void>> run() {
    OCTO_CO_TRY(files::make_folders(settings_.data));
    const auto lock = OCTO_CO_TRY(files::FolderLock::take(settings_.data));
    if (const auto tidy = files::remove_temps(settings_.data, files::Others::never); !tidy)
      log::warning("{}", tidy.error().message());
    const std::string hash = OCTO_CO_TRY(setup::load_root_password_hash(settings_.data));
    const auto tls = OCTO_CO_TRY(load_tls(settings_, random_));
    const Secret token_key(
        OCTO_CO_TRY(load_or_make_key(files::join(settings_.data, "token.key"), kTokenKeyBytes, random_)));
    OCTO_CO_TRY(stores_.open(settings_.data, executor_));
    auto verbs = OCTO_CO_TRY(co_await brain::Verbs::open({.ledger = *stores_.ledger,
                                                          .events = *stores_.events,
                                                          .blobs = *stores_.blobs,
                                                          .clock = clock_,
                                                          .random = random_,
                                                          .keep = keep_of(settings_)},
                                                         executor_));
    brain::LinkFleet fleet({settings_.name, OCTO_VERSION, stores_.ledger->epoch()}, verbs->fleet_events(),
                           *stores_.blobs, clock_, executor_);
    verbs->set_fleet(fleet);
    brain::Gate gate({settings_.name, hash, token_key}, stores_.hash_thread, clock_);
    tentacle::LocalHost host(clock_, stores_.hash_thread,
                             {settings_.data, settings_.logger.path, settings_.logger.name_prefix},
                             executor_);
    auto served = co_await serve(*verbs, fleet, gate, host, tls);
    co_await verbs->stop();
    co_await host.stop();
    co_await stores_.ledger->close();
    log::info("stopped");
    co_return served;
  }

 private:
  Async<Result<void>> serve(brain::Verbs& verbs, brain::LinkFleet& fleet, brain::Gate& gate,
                            tentacle::LocalHost& host, std::shared_ptr<net::Tls> tls) {
    const auto tentacles =
        OCTO_CO_TRY(listen(settings_.tentacle_face, tls, clock_, executor_, {.backlog = kTentacleBacklog})
                        .with("tentacleFace"));
    const auto operators = OCTO_CO_TRY(listen(settings_.octl_face, tls, clock_, executor_).with("octlFace"));
    brain::Doors doors(
        {verbs, fleet, *stores_.ledger, *stores_.blobs, gate, clock_, [&host] { return host.status(); },
         [&host](const LogQuestion& question) { return host.read_log(question); }},
        {settings_.name, OCTO_VERSION, net::print(operators->address())});
    log::info("Brain {} {}: tentacles at {}, operators at {}", settings_.name, OCTO_VERSION,
              net::print(tentacles->address()), net::print(operators->address()));
    const auto dialer = net::make_dialer(tls, clock_, executor_);
    const net::Endpoint nameserver_at{settings_.name_server.host, settings_.name_server.port};
    client::NameServer nameserver(*dialer, nameserver_at, clock_);
    brain::Presence presence(faces(tentacles->address().port, operators->address().port), nameserver,
                             nameserver_at, clock_, settings_.name_server.request_interval);
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn(keep(fleet.serve(*tentacles), "the port for tentacles is lost"));
      nursery.spawn(keep(http::serve(*operators, doors, clock_), "the port for operators is lost"));
      if (settings_.name_server.enable) nursery.spawn(presence.run());
      co_await stop_.wait();
    });
    co_return lost_;
  }

  // `work` ends by itself only when it can go on no more; without it a Brain is of no use.
  Async<void> keep(Async<void> work, std::string_view lost) {
    co_await std::move(work);
    lost_ = fail(ErrorCode::unavailable, "{}", lost);
    stop_.request();
  }

  std::vector<brain::Presence::Face> faces(std::uint16_t tentacles, std::uint16_t operators) const {
    const std::string& name = settings_.name;
    const auto& [tentacle_face, octl_face] = std::tie(settings_.tentacle_face, settings_.octl_face);
    return {{{name + ".tentacleFace.link", name + ".tentacleFace.message"},
             tentacle_face.net_device,
             tentacle_face.ip,
             tentacles},
            {{name + ".octlFace.request"}, octl_face.net_device, octl_face.ip, operators}};
  }

  const BrainSettings& settings_;
  Clock& clock_;
  Executor executor_;
  daemon::Stop& stop_;
  crypto::SystemRandom random_;
  Stores stores_;
  Result<void> lost_;
};

}  // namespace

Async<Result<void>> run_brain(const BrainSettings& settings, Executor executor, daemon::Stop& stop) {
  SystemClock clock(executor);
  Running running(settings, clock, executor, stop);
  co_return co_await running.run();
}

}  // namespace octo
