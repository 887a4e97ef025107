// SPDX-License-Identifier: MIT
#include "../private_files.hpp"
#include "async/nursery.hpp"
#include "daemon/daemon.hpp"
#include "io/log/log.hpp"
#include "io/settings/settings.hpp"
#include "io/settings/yaml.hpp"
#include "nameserver/server.hpp"

namespace {

using namespace octo;

Async<void> serve(nameserver::Server& server, daemon::Stop& stop) {
  co_await server.serve();
  log::error("the port is lost");
  stop.request();
}

Async<Result<void>> body(const daemon::Arguments& arguments, Executor executor, daemon::Stop& stop) {
  const std::string file = OCTO_CO_TRY(settings::find_settings("httpns", arguments.settings_file));
  const auto loaded = OCTO_CO_TRY(settings::load_nameserver(file));
  const settings::Logger& logger = loaded.settings.logger;
  OCTO_CO_TRY(log::open({.folder = logger.path,
                         .prefix = logger.name_prefix,
                         .keep_days = logger.roll_days,
                         .terminal = arguments.to_terminal,
                         .program = "nameserver"}));
  for (const std::string& warning : loaded.warnings) log::warning("{}", warning);
  warn_of_public_files({loaded.settings.ssl.key});
  SystemClock clock(executor);
  const auto server = OCTO_CO_TRY(nameserver::Server::open(loaded.settings, clock, executor));
  log::info("nameserver {} listens on {}", OCTO_VERSION, net::print(server->address()));
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn(serve(*server, stop));
    co_await stop.wait();
  });
  log::info("stopped");
  co_return Result<void>{};
}

}  // namespace

int main(int count, char** words) {
  return octo::daemon::run({words, static_cast<std::size_t>(count)},
                           {.name = "nameserver", .usage_of_rest = "", .body = body});
}
