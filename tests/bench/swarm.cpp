// SPDX-License-Identifier: MIT
// Simulated nodes that speak the real link over real TLS, each with its own certificate; many per process.
//
// usage: octo_swarm BRAIN_IP PORT CA_FOLDER WORK_FOLDER PREFIX COUNT
//   CA_FOLDER holds ca.pem and ca.key. Prints "ready COUNT" once every node is welcomed, then "lost NAME why"
//   for any that loses its session, until SIGTERM.
#include <cstdio>
#include <cstdlib>

#include "async/nursery.hpp"
#include "daemon/daemon.hpp"
#include "io/crypto/certificates.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"
#include "io/link/link.hpp"
#include "io/net/tls.hpp"
#include "wire/messages.hpp"

namespace octo {
namespace {

struct Swarm {
  net::Endpoint brain;
  std::string folder;
  std::string prefix;
  std::size_t count = 0;
  std::size_t welcomed = 0;
};

Result<void> make_certificates(const std::string& ca_folder, const Swarm& swarm, WallTime now) {
  const Bytes ca_pem = OCTO_TRY(files::load(ca_folder + "/ca.pem", 65536));
  const crypto::KeyAndCertificate ca{Secret(OCTO_TRY(files::load(ca_folder + "/ca.key", 65536))), ca_pem};
  for (std::size_t i = 0; i < swarm.count; ++i) {
    const std::string name = fmt::format("{}{}", swarm.prefix, i);
    const auto made = OCTO_TRY(crypto::make_certificate(ca, {crypto::Role::node, name, {}}, now));
    OCTO_TRY(files::save(fmt::format("{}/{}.key", swarm.folder, name), made.key_pem.reveal()));
    OCTO_TRY(files::save(fmt::format("{}/{}.pem", swarm.folder, name), made.certificate_pem));
  }
  return files::save(swarm.folder + "/ca.pem", ca_pem);
}

// Answers one stream of the Brain: a command succeeds at once, everything else is not for a simulated node.
Async<void> answer(link::Channel channel) {
  auto first = co_await channel.receive();
  if (!first || !*first) co_return;
  const auto asked = wire::decode_from_brain(**first);
  if (!asked) co_return;
  if (std::holds_alternative<wire::StartRun>(*asked)) {
    RunEnd end;
    end.state = RunState::succeeded;
    end.exit_code = 0;
    (void)co_await channel.send(wire::encode(wire::FromNode(wire::RunProgress{RunState::running, 4711})));
    (void)co_await channel.send(wire::encode(wire::FromNode(wire::RunEnded{end})));
    (void)co_await channel.receive();  // the acknowledgement
  } else {
    Error error(ErrorCode::unsupported, "a simulated node only runs commands");
    (void)co_await channel.send(wire::encode(wire::FromNode(wire::Failed{error})));
  }
  channel.close();
}

Async<void> live(Swarm& swarm, std::size_t index, Clock& clock, Executor executor) {
  const std::string name = fmt::format("{}{}", swarm.prefix, index);
  auto tls = net::Tls::load({swarm.folder + "/ca.pem", fmt::format("{}/{}.pem", swarm.folder, name),
                             fmt::format("{}/{}.key", swarm.folder, name)},
                            crypto::Role::node);
  if (!tls) {
    std::printf("lost %s %s\n", name.c_str(), tls.error().message().c_str());
    co_return;
  }
  const auto dialer = net::make_dialer(*tls, clock, executor);
  auto stream = co_await dialer->dial(swarm.brain, {crypto::Role::brain, ""});
  if (!stream) {
    std::printf("lost %s %s\n", name.c_str(), stream.error().message().c_str());
    co_return;
  }
  wire::Config config;
  config.side = wire::Side::node;
  config.heartbeat_interval = limits::heartbeat_interval;
  config.silence_max = limits::offline_after;
  config.hello.program_version = OCTO_VERSION;
  config.hello.name = name;
  config.hello.instance = name;
  config.hello.boot_id = "swarm";
  link::Link session(clock, std::move(*stream), config, executor);
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn([](link::Link& on, Swarm& of, const std::string& who) -> Async<void> {
      const auto welcome = co_await on.welcomed();
      if (welcome && ++of.welcomed == of.count) {
        std::printf("ready %zu\n", of.count);
        std::fflush(stdout);
      }
      if (!welcome) std::printf("lost %s %s\n", who.c_str(), welcome.error().message().c_str());
    }(session, swarm, name));
    nursery.spawn([](link::Link& on, Nursery& children) -> Async<void> {
      while (auto channel = co_await on.accept()) children.spawn(answer(std::move(*channel)));
    }(session, nursery));
    const Error why = co_await session.run();
    std::printf("lost %s %s\n", name.c_str(), why.message().c_str());
    std::fflush(stdout);
  });
}

Async<Result<void>> body(std::vector<std::string> words, Executor executor, daemon::Stop& stop) {
  if (words.size() != 6) {
    co_return fail(ErrorCode::invalid_argument,
                   "usage: octo_swarm BRAIN_IP PORT CA_FOLDER WORK_FOLDER PREFIX COUNT");
  }
  SystemClock clock(executor);
  Swarm swarm{{words[0], static_cast<std::uint16_t>(std::atoi(words[1].c_str()))},
              words[3],
              words[4],
              static_cast<std::size_t>(std::atol(words[5].c_str()))};
  OCTO_CO_TRY(make_certificates(words[2], swarm, clock.wall()));
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    for (std::size_t i = 0; i < swarm.count; ++i) nursery.spawn(live(swarm, i, clock, executor));
    co_await stop.wait();
  });
  co_return Result<void>{};
}

}  // namespace
}  // namespace octo

int main(int argc, char** argv) {
  return octo::daemon::run(
      {argv, static_cast<std::size_t>(argc)},
      {"octo_swarm", "BRAIN_IP PORT CA_FOLDER WORK_FOLDER PREFIX COUNT",
       [](const octo::daemon::Arguments& arguments, octo::Executor executor, octo::daemon::Stop& stop) {
         return octo::body(arguments.rest, executor, stop);
       }});
}
