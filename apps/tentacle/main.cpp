// SPDX-License-Identifier: MIT
// The agent put together: which object needs which, and in what order they begin and end.
#include <pwd.h>
#include <unistd.h>

#include "../private_files.hpp"
#include "addresses.hpp"
#include "async/nursery.hpp"
#include "daemon/daemon.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"
#include "io/host/host.hpp"
#include "io/log/log.hpp"
#include "io/net/tls.hpp"
#include "io/settings/yaml.hpp"
#include "restart.hpp"
#include "tentacle/host/host.hpp"
#include "tentacle/runs/barrier_door.hpp"
#include "tentacle/runs/runs.hpp"
#include "tentacle/workspace/workspace.hpp"

namespace {

using namespace octo;
using settings::TentacleSettings;

Result<NodeName> name_of_node(const TentacleSettings& settings) {
  if (!settings.name.empty()) return parse_node_name(settings.name).with("name");
  return parse_node_name(host::host_name())
      .with("the host's name is taken where the settings have none; set `name`");
}

Result<std::shared_ptr<net::Tls>> load_tls(const TentacleSettings& settings, const NodeName& name) {
  auto tls = OCTO_TRY(
      net::Tls::load({settings.ssl.ca_cert, settings.ssl.cert, settings.ssl.key}, crypto::Role::node));
  const std::string& holder = tls->identity()->name;
  if (holder == name.str()) {
    tls->keep_tickets();
    return tls;
  }
  return fail(
      ErrorCode::forbidden,
      "the settings name this node {} and its certificate {}; change one, or: octopoda certgen node {}",
      quote(name.str()), quote(holder), name);
}

tentacle::Surroundings surroundings_of(const TentacleSettings& settings, const NodeName& name) {
  tentacle::Environment inherited;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text(*one);
    if (const auto equals = text.find('='); equals != std::string_view::npos) {
      inherited.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  const passwd* user = ::getpwuid(::geteuid());
  const std::string home = user == nullptr ? "/root" : user->pw_dir;
  return {.name = name,
          .home = home,
          .workspace = settings.workspace_root,
          .store = settings.workspace_store,
          .log = settings.logger.path,
          .pakma = settings.pakma_root,
          .tools = process::own_folder(),
          .sync = files::absolute(files::join(settings.data, "sync")),
          .basics = tentacle::basics_of(inherited, home),
          .own = settings.environment};
}

Result<void> make_folders(const TentacleSettings& settings) {
  for (const std::string& folder : {settings.data, settings.workspace_store, settings.pakma_root})
    OCTO_TRY(files::make_folders(folder));
  return {};
}

// The interface may have no address yet, or none any more: that is a round that failed, and the next one asks
// again. Never the default route instead, which may be one that costs money, or leads where nobody shall see
// us.
net::SourceAddress source_of(const TentacleSettings& settings) {
  if (settings.net_device.empty()) return nullptr;
  return [device = settings.net_device] { return net::address_of_interface(device).with("netDevice"); };
}

Result<void> check(const TentacleSettings& settings, const std::string& file) {
  if (!settings.auto_restart || !trim(settings.auto_restart_command).empty()) return {};
  return fail(
      ErrorCode::invalid_argument,
      "{}: heartbeat.autoRestart is true and autoRestartCommand is empty: say what restarts this machine "
      "(\"reboot\"), or set autoRestart to false",
      file);
}

// Runs go on in their own processes while and after the agent stops; the next start adopts them.
Async<Result<void>> run_agent(const TentacleSettings& settings, Executor executor, daemon::Stop& stop) {
  const NodeName name = OCTO_CO_TRY(name_of_node(settings));
  const auto tls = OCTO_CO_TRY(load_tls(settings, name));
  OCTO_CO_TRY(make_folders(settings));
  SystemClock clock(executor);
  crypto::SystemRandom random;
  ThreadWorkers run_thread{1}, workspace_thread{1};
  tentacle::LocalRunners runners(files::join(process::own_folder(), "runner"));
  const auto runs =
      OCTO_CO_TRY(co_await tentacle::LocalRuns::open({.folder = files::join(settings.data, "runs"),
                                                      .node = name,
                                                      .runners = runners,
                                                      .clock = clock,
                                                      .workers = run_thread}));
  if (const auto tidy = files::remove_temps(settings.data, files::Others::never); !tidy)
    log::warning("{}", tidy.error().message());
  auto workspace =
      tentacle::GitWorkspace::open(files::absolute(settings.workspace_root), workspace_thread, executor);
  const auto instance = tentacle::load_instance(settings.data, random);
  if (!workspace || !instance) {
    co_await runs->stop();
    co_return fail(workspace ? instance.error() : workspace.error());
  }
  tentacle::LocalHost host(clock, workspace_thread,
                           {settings.workspace_root, settings.logger.path, settings.logger.name_prefix},
                           executor);
  tentacle::Verbs verbs({*runs, **workspace, host, clock}, surroundings_of(settings, name), executor);
  const auto dialer = net::make_dialer(tls, clock, executor, source_of(settings));
  FoundAddresses addresses(settings, files::join(settings.data, "brain.address"), *dialer, clock);
  tentacle::BrainLink::Settings link_settings{
      .name = name,
      .version = OCTO_VERSION,
      .instance = *instance,
      .boot_id = host::boot_id(),
      .labels = settings.labels,
      .clock_samples = static_cast<std::size_t>(settings.clock_samples),
      .folder = settings.data,
      .brain = settings.brain_name,
      .restart_rule = {settings.retry_time, settings.reconnect_interval}};
  if (settings.auto_restart) {
    link_settings.restart = [command = settings.auto_restart_command] {
      return run_restart_command(command);
    };
  }
  tentacle::BrainLink link(std::move(link_settings), verbs, addresses, *dialer, clock, random);
  // Without it the agent is as good as before, and octl-sync says that nobody is there.
  const auto door = tentacle::BarrierDoor::open(files::join(settings.data, "sync"), name, *runs, link, clock);
  if (!door) log::error("barriers are not served: {}", door.error().message());
  log::info("tentacle {} {}, runs in {}", name, OCTO_VERSION, (*workspace)->root());
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn(link.run());
    if (door) nursery.spawn((*door)->serve());
    co_await stop.wait();
  });
  co_await verbs.stop();
  co_await host.stop();
  co_await runs->stop();
  log::info("stopped");
  co_return Result<void>{};
}

Async<Result<void>> body(const daemon::Arguments& arguments, Executor executor, daemon::Stop& stop) {
  const std::string file = OCTO_CO_TRY(settings::find_settings("tentacle", arguments.settings_file));
  const auto loaded = OCTO_CO_TRY(settings::load_tentacle(file));
  OCTO_CO_TRY(check(loaded.settings, file));
  const settings::Logger& logger = loaded.settings.logger;
  OCTO_CO_TRY(log::open({.folder = logger.path,
                         .prefix = logger.name_prefix,
                         .keep_days = logger.roll_days,
                         .terminal = arguments.to_terminal,
                         .program = "tentacle"}));
  for (const std::string& warning : loaded.warnings) log::warning("{}", warning);
  warn_of_public_files({loaded.settings.ssl.key});
  auto ended = co_await run_agent(loaded.settings, executor, stop);
  if (!ended) log::error("{}", ended.error().message());
  co_return ended;
}

}  // namespace

int main(int count, char** words) {
  return octo::daemon::run({words, static_cast<std::size_t>(count)},
                           {.name = "tentacle", .usage_of_rest = "", .body = body});
}
