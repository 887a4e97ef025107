// SPDX-License-Identifier: MIT
// Simulated nodes that speak the real link over real TLS, each with its own certificate; thousands per
// process (a process has 20,000 descriptors here, so ten thousand nodes are two processes).
//
// usage: octo_swarm BRAIN_IP PORT CA_FOLDER WORK_FOLDER PREFIX FIRST COUNT
//   Nodes PREFIX<FIRST> … PREFIX<FIRST+COUNT-1>; CA_FOLDER holds ca.pem and ca.key, WORK_FOLDER takes the
//   certificates (those that are there are used again). A node that loses the Brain comes back by the rules
//   of real agents: full jitter, session tickets. It keeps the ends of its runs until the Brain has them.
//
// What a node does is the command's text: `true` ends at once; `sleep S` ends S seconds later; `print BYTES`
// writes so much; `meet NAME` waits at the barrier of that name; `stall` never ends; `vanish` drops the
// connection for good.
//
// Prints lines, with seconds of the boot clock: `online COUNT AT` whenever all of them are, `offline AT` when
// the first of them is lost again, `lost NAME why` for a node that will not come back; and after each line on
// its standard input `facts {"online":…,"starts":…,"again":…,"held":…,"handshakes":…}`: orders that were new,
// orders for runs it knew already, ends that the Brain does not have yet. Until SIGTERM.
#include <unistd.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <cstdlib>
#include <map>

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

constexpr Span kPauseFirst = 250ms;  // as tentacle/link
constexpr Span kPauseMax = 60s;
constexpr std::int64_t kPid = 4711;

struct Swarm {
  net::Endpoint brain;
  std::string folder;
  std::string prefix;
  std::size_t first = 0;
  std::size_t count = 0;
  Clock& clock;
  std::size_t online = 0;
  std::size_t starts = 0;
  std::size_t again = 0;
  std::size_t held = 0;
  std::size_t handshakes = 0;

  void tell(const std::string& line) const {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
  double now() const { return std::chrono::duration<double>(clock.now().time_since_epoch()).count(); }
  void arrived() {
    if (++online == count) tell(fmt::format("online {} {:.6f}", count, now()));
  }
  void left() {
    if (online-- == count) tell(fmt::format("offline {:.6f}", now()));
  }
};

Result<void> make_certificates(const std::string& ca_folder, const Swarm& swarm, WallTime now) {
  const Bytes ca_pem = OCTO_TRY(files::load(ca_folder + "/ca.pem", 65536));
  const crypto::KeyAndCertificate ca{Secret(OCTO_TRY(files::load(ca_folder + "/ca.key", 65536))), ca_pem};
  for (std::size_t i = 0; i < swarm.count; ++i) {
    const std::string name = fmt::format("{}{}", swarm.prefix, swarm.first + i);
    if (files::exists(fmt::format("{}/{}.pem", swarm.folder, name))) continue;
    const auto made = OCTO_TRY(crypto::make_certificate(ca, {crypto::Role::node, name, {}}, now));
    OCTO_TRY(files::save(fmt::format("{}/{}.key", swarm.folder, name), made.key_pem.reveal()));
    OCTO_TRY(files::save(fmt::format("{}/{}.pem", swarm.folder, name), made.certificate_pem));
  }
  return files::save(fmt::format("{}/ca{}.pem", swarm.folder, swarm.first), ca_pem);
}

class Node {
 public:
  Node(Swarm& swarm, std::string name, std::shared_ptr<net::Tls> tls, Executor executor)
      : swarm_(swarm),
        name_(std::move(name)),
        executor_(std::move(executor)),
        dialer_(net::make_dialer(std::move(tls), swarm.clock, executor_)) {}

  Async<void> live() {
    crypto::SystemRandom random;
    for (int failures = 0; !vanished_; ++failures) {
      bool joined = false;
      const Error why = co_await round(joined);
      if (joined) failures = 0;
      if (vanished_ || why.code() == ErrorCode::forbidden)
        co_return swarm_.tell(fmt::format("lost {} {}", name_, why.message()));
      const Span most = std::min<Span>(kPauseMax, kPauseFirst * (std::int64_t{1} << std::min(failures, 8)));
      co_await swarm_.clock.sleep(std::chrono::duration_cast<Span>(most * random.fraction()));
    }
  }

 private:
  struct Run {
    RunEnd end;  // accepted: not over yet
    bool over = false;
  };

  Async<Error> round(bool& joined) {
    ++swarm_.handshakes;
    auto stream = co_await dialer_->dial(swarm_.brain, {crypto::Role::brain, ""});
    if (!stream) co_return stream.error();
    wire::Config config;
    config.side = wire::Side::node;
    config.heartbeat_interval = limits::heartbeat_interval;
    config.silence_max = limits::offline_after;
    config.hello.program_version = OCTO_VERSION;
    config.hello.name = name_;
    config.hello.instance = name_;
    config.hello.boot_id = "swarm";
    link::Link session(swarm_.clock, std::move(*stream), config, executor_);
    std::optional<Error> lost;
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn(welcomed(session, nursery, joined));
      nursery.spawn(accept(session, nursery));
      lost = co_await session.run();
    });
    if (joined) swarm_.left();
    co_return *lost;
  }

  Async<void> welcomed(link::Link& session, Nursery& nursery, bool& joined) {
    if (!co_await session.welcomed()) co_return;
    joined = true;
    swarm_.arrived();
    for (const auto& [run, facts] : runs_) nursery.spawn(offer(session, run));
  }
  Async<void> accept(link::Link& session, Nursery& nursery) {
    while (auto channel = co_await session.accept()) nursery.spawn(answer(session, std::move(*channel)));
  }

  Async<void> offer(link::Link& session, RunId run) {
    auto channel = session.open(wire::Priority::control);
    if (!channel) co_return;
    if (!co_await channel->send(wire::encode(wire::FromNode(wire::ResumeRun{run})))) co_return;
    const auto known = co_await channel->receive();
    if (!known) {  // reset: the Brain does not want it
      forget(run);
      co_return;
    }
    co_await report(std::move(*channel), run);
  }

  // One stream of the Brain.
  Async<void> answer(link::Link& session, link::Channel channel) {
    auto first = co_await channel.receive();
    if (!first || !*first) co_return;
    const auto asked = wire::decode_from_brain(**first);
    if (!asked) co_return;
    const auto* start = std::get_if<wire::StartRun>(&*asked);
    const auto* order = start == nullptr ? nullptr : std::get_if<ExecOrder>(&start->order.deed);
    if (const auto* cancel = std::get_if<wire::CancelRun>(&*asked)) {
      if (const auto found = runs_.find(cancel->run); found != runs_.end())
        end(cancel->run, RunState::cancelled);
      (void)co_await channel.send(wire::encode(wire::FromNode(wire::Done{})));
      channel.close();
      co_return co_await offer(session, cancel->run);  // whoever sleeps on the other stream goes on sleeping
    }
    if (order == nullptr) {
      (void)co_await channel.send(wire::encode(wire::FromNode(
          wire::Failed{Error(ErrorCode::unsupported, "a simulated node only runs commands")})));
      co_return channel.close();
    }
    const RunId run = start->order.id;
    if (!runs_.try_emplace(run).second) {
      ++swarm_.again;
    } else {
      ++swarm_.starts;
      ++swarm_.held;
    }
    const std::string text = order->text;
    // As agents do: of what is over at once the end alone is told.
    if (text == "true") runs_.at(run).end.pid = kPid;
    else
      (void)co_await channel.send(wire::encode(wire::FromNode(wire::RunProgress{RunState::running, kPid})));
    if (text == "vanish") {
      vanished_ = true;
      session.goodbye(Error(ErrorCode::cancelled, "vanished"));
      co_return;
    }
    if (text == "stall") co_await swarm_.clock.sleep(std::chrono::hours(24));
    if (text.starts_with("sleep ")) {
      co_await swarm_.clock.sleep(
          std::chrono::duration_cast<Span>(std::chrono::duration<double>(std::atof(text.c_str() + 6))));
    }
    if (text.starts_with("meet "))
      end(run, co_await meet(session, run, text.substr(5)) ? RunState::succeeded : RunState::failed);
    if (text.starts_with("print "))
      co_await print(channel, run, std::strtoull(text.c_str() + 6, nullptr, 10));
    end(run, RunState::succeeded);
    co_await report(std::move(channel), run);
  }

  Async<bool> meet(link::Link& session, RunId run, std::string barrier) {
    auto channel = session.open(wire::Priority::control);
    if (!channel) co_return false;
    if (!co_await channel->send(wire::encode(wire::FromNode(wire::AwaitBarrier{run, barrier}))))
      co_return false;
    const auto answer = co_await channel->receive();
    if (!answer || !*answer) co_return false;
    const auto said = wire::decode_from_brain(**answer);
    co_return said&& std::holds_alternative<wire::Done>(*said);
  }

  Async<void> print(link::Channel& channel, const RunId& run, std::uint64_t bytes) {
    for (std::uint64_t at = 0; at < bytes;) {
      wire::RunOutput output;
      output.piece.stream = OutputStream::out;
      output.piece.offset = at;
      output.piece.bytes = Bytes(std::min<std::uint64_t>(bytes - at, 16 * 1024), 'x');
      at += output.piece.bytes.size();
      if (!co_await channel.send(wire::encode(wire::FromNode(std::move(output))))) co_return;
    }
    if (const auto found = runs_.find(run); found != runs_.end()) found->second.end.out_bytes = bytes;
  }

  void end(const RunId& run, RunState state) {
    const auto found = runs_.find(run);
    if (found == runs_.end() || found->second.over) return;
    found->second.over = true;
    found->second.end.state = state;
    if (state == RunState::succeeded) found->second.end.exit_code = 0;
    if (state == RunState::failed) found->second.end.exit_code = 1;
  }
  void forget(const RunId& run) { swarm_.held -= runs_.erase(run); }

  Async<void> report(link::Channel channel, RunId run) {
    const auto found = runs_.find(run);
    if (found == runs_.end()) co_return;
    if (!found->second.over) end(run, RunState::succeeded);  // whatever held it up was of the session before
    if (!co_await channel.send(wire::encode(wire::FromNode(wire::RunEnded{found->second.end})))) co_return;
    channel.close();
    while (auto message = co_await channel.receive()) {
      if (!*message) co_return;
      const auto said = wire::decode_from_brain(**message);
      const auto* ack = said ? std::get_if<wire::RunAck>(&*said) : nullptr;
      if (ack == nullptr || !ack->end_durable) continue;
      forget(run);
      co_return;
    }
  }

  Swarm& swarm_;
  std::string name_;
  Executor executor_;
  std::unique_ptr<net::Dialer> dialer_;
  std::map<RunId, Run> runs_;  // whose end the Brain does not have
  bool vanished_ = false;
};

Async<void> answer_questions(const Swarm& swarm, Executor executor) {
  asio::posix::stream_descriptor in(executor, ::dup(STDIN_FILENO));
  asio::streambuf buffer;
  while (true) {
    const auto [error, size] =
        co_await asio::async_read_until(in, buffer, '\n', asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    buffer.consume(size);
    swarm.tell(fmt::format("facts {{\"online\":{},\"starts\":{},\"again\":{},\"held\":{},\"handshakes\":{}}}",
                           swarm.online, swarm.starts, swarm.again, swarm.held, swarm.handshakes));
  }
}

Async<Result<void>> body(std::vector<std::string> words, Executor executor, daemon::Stop& stop) {
  if (words.size() != 7) {
    co_return fail(ErrorCode::invalid_argument,
                   "usage: octo_swarm BRAIN_IP PORT CA_FOLDER WORK_FOLDER PREFIX FIRST COUNT");
  }
  SystemClock clock(executor);
  Swarm swarm{.brain = {words[0], static_cast<std::uint16_t>(std::atoi(words[1].c_str()))},
              .folder = words[3],
              .prefix = words[4],
              .first = static_cast<std::size_t>(std::atol(words[5].c_str())),
              .count = static_cast<std::size_t>(std::atol(words[6].c_str())),
              .clock = clock};
  OCTO_CO_TRY(make_certificates(words[2], swarm, clock.wall()));
  std::vector<std::unique_ptr<Node>> nodes;
  for (std::size_t i = 0; i < swarm.count; ++i) {
    const std::string name = fmt::format("{}{}", swarm.prefix, swarm.first + i);
    auto tls = OCTO_CO_TRY(net::Tls::load(
        {fmt::format("{}/ca{}.pem", swarm.folder, swarm.first), fmt::format("{}/{}.pem", swarm.folder, name),
         fmt::format("{}/{}.key", swarm.folder, name)},
        crypto::Role::node));
    tls->keep_tickets();
    nodes.push_back(std::make_unique<Node>(swarm, name, std::move(tls), executor));
  }
  swarm.tell(fmt::format("loaded {} {:.6f}", swarm.count, swarm.now()));
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn(answer_questions(swarm, executor));
    for (const auto& node : nodes) nursery.spawn(node->live());
    co_await stop.wait();
  });
  co_return Result<void>{};
}

}  // namespace
}  // namespace octo

int main(int argc, char** argv) {
  return octo::daemon::run(
      {argv, static_cast<std::size_t>(argc)},
      {"octo_swarm", "BRAIN_IP PORT CA_FOLDER WORK_FOLDER PREFIX FIRST COUNT",
       [](const octo::daemon::Arguments& arguments, octo::Executor executor, octo::daemon::Stop& stop) {
         return octo::body(arguments.rest, executor, stop);
       }});
}
