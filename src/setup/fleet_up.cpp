// SPDX-License-Identifier: MIT
#include "setup/fleet_up.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "async/deadline.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"
#include "io/host/host.hpp"
#include "setup/addresses.hpp"
#include "setup/certgen.hpp"
#include "setup/fleet_start.hpp"
#include "setup/fleet_stop.hpp"
#include "setup/shell_word.hpp"

namespace octo::setup {

namespace {

constexpr Ports kUsualPorts{3455, 3457, 12345};  // of the original's settings
constexpr int kUsualNodes = 3;

bool is_set_up(const Layout& layout) { return files::exists(layout.octl_settings()); }

Result<std::vector<NodeName>> choose_nodes(const UpOrder& order, const Layout& layout) {
  if (!order.names.empty()) {
    const int count = static_cast<int>(order.names.size());
    if (order.nodes && *order.nodes != count) {
      return fail(ErrorCode::invalid_argument, "--nodes {} and --names with {} names contradict each other",
                  *order.nodes, count);
    }
    return parse_fleet_names(order.names);
  }
  if (!order.nodes) {
    auto there = OCTO_TRY(find_nodes(layout));
    if (!there.empty()) return there;
  }
  std::vector<NodeName> nodes;
  for (int i = 0; i < order.nodes.value_or(kUsualNodes); ++i) nodes.emplace_back(fmt::format("pi{}", i));
  return nodes;
}

// Below the range that outgoing connections take their own ports from: a port of that range may be taken
// while a program is restarted, even by the very peer that dials it.
std::uint16_t pick_port(Random& random) {
  constexpr std::uint64_t kLow = 10'000, kHigh = 32'000;
  return static_cast<std::uint16_t>(kLow + random.number() % (kHigh - kLow));
}

// Those of `at` that nobody has taken, others instead of the rest.
Result<Ports> free_ports(const Layout& layout, const Addresses& at, Clock& clock, const Executor& executor) {
  const PemFiles pem = holder_files(layout.nameserver() + "/cert", crypto::Role::nameserver);
  const auto tls = OCTO_TRY(net::Tls::load({layout.nameserver() + "/cert/ca.pem", pem.certificate, pem.key},
                                           crypto::Role::nameserver));
  crypto::SystemRandom random;
  Ports ports = at.ports;
  std::vector<std::unique_ptr<net::Listener>> taken;  // all at once, so that no port is given twice
  for (std::uint16_t* port : {&ports.nameserver, &ports.tentacles, &ports.operators}) {
    constexpr int kTriesMax = 200;
    for (int tries = 0;; ++tries) {
      if (*port == 0) *port = pick_port(random);
      auto listener = net::listen({at.ip, *port}, tls, clock, executor);
      if (listener) {
        taken.push_back(std::move(*listener));
        break;
      }
      if (tries == kTriesMax) return fail(std::move(listener).error().with("find a free port"));
      *port = 0;
    }
  }
  return ports;
}

// Everything on disk that the programs need.
Result<void> prepare(const Layout& layout, const std::vector<NodeName>& nodes, Clock& clock,
                     const Executor& executor) {
  const auto before = OCTO_TRY(load_addresses(layout));
  Addresses at = before.value_or(Addresses{});
  OCTO_TRY(complete_certificates(layout, nodes, at.ip, clock.wall()).with("make the certificates"));
  at.ports = OCTO_TRY(free_ports(layout, at, clock, executor));
  if (before && before->ports != at.ports) OCTO_TRY(change_ports(layout, before->ports, at.ports));
  crypto::SystemRandom random;
  return complete_settings(layout, nodes, at, crypto::make_password(random)).with("write the settings");
}

Result<void> refuse_running(const Layout& layout) {
  const auto living = find_living(layout, OCTO_TRY(load_record(layout)));
  if (living.empty()) return {};
  std::vector<std::string> who;
  constexpr std::size_t kShown = 5;
  for (const auto& entry : living) {
    if (who.size() < kShown) who.push_back(fmt::format("{} (pid {})", entry.name, entry.id.pid));
  }
  if (living.size() > kShown) who.push_back(fmt::format("{} more", living.size() - kShown));
  return fail(ErrorCode::conflict, "a fleet runs in {} already: {}; stop it with: octopoda down --dir {}",
              quote(layout.folder()), join(who, ", "), shell_word(layout.folder()));
}

// Until told to stop, or until nothing is left to stop.
Async<void> keep(const FleetRecord& record, const UpOrder& order) {
  Event changed(co_await asio::this_coro::executor);
  std::size_t living = 0;
  bool told = false;
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    for (const FleetRecord::Entry& entry : record.processes) {
      if (entry.id.pid == ::getpid()) continue;
      ++living;
      nursery.spawn([](const FleetRecord::Entry& one, const UpOrder& to, std::size_t& count,
                       Event& event) -> Async<void> {
        auto process = process::Process::open(one.id.pid);
        const auto status = process ? co_await process->wait() : Result<std::optional<int>>();
        to.say(fmt::format("{} has ended{}", one.name,
                           status && *status ? ": " + describe_status(**status) : ""));
        --count;
        event.set();
      }(entry, order, living, changed));
    }
    nursery.spawn([](bool& flag, Event& event) -> Async<void> {
      (void)co_await process::stop_signal();
      flag = true;
      event.set();
    }(told, changed));
    while (!told && living > 0) co_await changed.wait();
  });
  order.say(told ? "stopping" : "all programs of the fleet have ended");
}

}  // namespace

Result<void> init(const InitOrder& order, const std::function<Result<Secret>()>& password, WallTime now) {
  // Before anything is made: what was made for a wrong address cannot be mended by another init.
  OCTO_TRY(check_machine_ip(order.ip).with("--ip"));
  const auto nodes = OCTO_TRY(parse_fleet_names({order.node}).with("--node"));
  const Layout layout(files::absolute(order.folder));
  const auto lock = OCTO_TRY(files::FolderLock::take(layout.folder()));
  if (is_set_up(layout)) {
    return fail(ErrorCode::conflict,
                "{} is set up already ({} is there); remove the folder to begin anew, or make single "
                "certificates with: octopoda certgen",
                quote(layout.folder()), layout.octl_settings());
  }
  const Secret secret = OCTO_TRY(password());
  OCTO_TRY(complete_certificates(layout, nodes, order.ip, now).with("make the certificates"));
  return complete_settings(layout, nodes, {order.ip, kUsualPorts}, secret).with("write the settings");
}

Async<Result<void>> up(const UpOrder& order, Clock& clock) {
  const Executor executor = co_await asio::this_coro::executor;
  const Layout layout(files::absolute(order.folder));
  std::optional lock = OCTO_CO_TRY(files::FolderLock::take(layout.folder()));
  OCTO_CO_TRY(refuse_running(layout));
  OCTO_CO_TRY(check_programs());
  const auto nodes = OCTO_CO_TRY(choose_nodes(order, layout));
  OCTO_CO_TRY(prepare(layout, nodes, clock, executor));

  FleetRecord record{host::boot_id(), {}};
  if (order.stay == Stay::foreground) record.processes.push_back({"up", *identify(::getpid())});
  const auto started = co_await start_or_interrupt({layout, nodes, order.stay, clock}, record);
  if (started) {
    order.say(fmt::format("fleet in {}: nameserver, brain and {} are up", layout.folder(),
                          nodes.size() == 1 ? "1 node" : fmt::format("{} nodes", nodes.size())));
    order.say(
        fmt::format("use it:   export OCTL_CONFIG={}; octl node get", shell_word(layout.octl_settings())));
    if (order.stay == Stay::detached) {
      order.say(fmt::format("stop it:  octopoda down --dir {}", shell_word(layout.folder())));
      co_return Result<void>{};
    }
    order.say("stop it:  Ctrl-C");
    lock.reset();  // so that `down` may come
    co_await keep(record, order);
  }
  std::erase_if(record.processes, [](const auto& entry) { return entry.id.pid == ::getpid(); });
  const auto stopped = co_await stop_fleet(layout, record.processes, clock);
  if (!started) co_return fail(started.error());
  co_return stopped;
}

}  // namespace octo::setup
