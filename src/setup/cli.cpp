// SPDX-License-Identifier: MIT
#include "setup/cli.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"
#include "setup/certgen.hpp"
#include "setup/fleet_stop.hpp"
#include "setup/fleet_up.hpp"
#include "setup/passwd.hpp"
#include "setup/shell_word.hpp"

namespace octo::setup {

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;
constexpr int kNodesMax =
    1000;  // one process each; a machine has no more ports and memory for them than that
constexpr const char* kFleetFolder = "octopoda-fleet";

// Lines appear as they are said, also in a pipe.
void say(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

// What every verb works with; the verbs are the callbacks of the words on the command line.
struct Program {
  asio::io_context loop{1};
  SystemClock clock{loop.get_executor()};
  Result<void> outcome;

  template <class T>
  Result<T> wait_for(Async<Result<T>> work) {
    std::optional<Result<T>> result;
    asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, Result<T> value) {
      if (error) std::rethrow_exception(error);
      result = std::move(value);
    });
    loop.run();
    loop.restart();
    return std::move(*result);
  }
};

// certgen

struct CertgenWords {
  std::string name;
  std::vector<std::string> addresses;
  std::string list;
  std::string ca_folder = ".";
  std::string out_folder = ".";
  bool force = false;

  Existing existing() const { return force ? Existing::replace : Existing::refuse; }
};

void say_made(crypto::Role role, const std::string& name, const std::string& folder) {
  const PemFiles made = holder_files(folder, role);
  say(fmt::format("{} {}: {} and {}", name_of(role), quote(name), made.certificate, made.key));
}

Result<void> make_one(const CertgenWords& words, crypto::Role role, WallTime now) {
  const std::string folder = files::join(words.out_folder, words.name);
  OCTO_TRY(
      make_holder({{role, words.name, words.addresses}, words.ca_folder, folder}, words.existing(), now));
  say_made(role, words.name, folder);
  return {};
}

Result<void> make_listed(const CertgenWords& words, WallTime now) {
  const NodesOrder order{OCTO_TRY(read_name_list(words.list)), words.ca_folder, words.out_folder};
  return make_nodes(order, words.existing(), now, [&](const std::string& name, Outcome outcome) {
    if (outcome == Outcome::kept) say(fmt::format("kept: {}", name));
    else say_made(crypto::Role::node, name, files::join(words.out_folder, name));
  });
}

Result<void> make_network(const CertgenWords& words, WallTime now) {
  OCTO_TRY(make_ca(words.ca_folder, words.name, words.existing(), now));
  const PemFiles made = ca_files(words.ca_folder);
  say(fmt::format("CA {}: {} and {}", quote(words.name), made.certificate, made.key));
  say("Keep the key very safe: whoever has it can be anyone in this network.");
  return {};
}

struct HolderVerb {
  crypto::Role role;
  const char* word;
  const char* alias;  // of the original
  const char* help;
};
constexpr HolderVerb kHolderVerbs[] = {
    {crypto::Role::nameserver, "server", "svr",
     "certificate of the nameserver: NAME/{server.pem,server.key,ca.pem}"},
    {crypto::Role::brain, "brain", "", "certificate of the Brain: NAME/{server.pem,server.key,ca.pem}"},
    {crypto::Role::node, "node", "", "certificate of a tentacle: NAME/{client.pem,client.key,ca.pem}"},
    {crypto::Role::client, "client", "cli",
     "certificate of an operator, for octl: NAME/{client.pem,client.key,ca.pem}"},
};

void add_certgen(CLI::App& app, Program& program, CertgenWords& words) {
  CLI::App* certgen =
      app.add_subcommand("certgen", "Make keys and certificates of a network (ECDSA P-256, keys 0600)");
  const auto common = [&words](CLI::App* verb) {
    verb->add_option("--ca", words.ca_folder, "folder of ca.pem and ca.key")->capture_default_str();
    verb->add_flag("--force", words.force, "replace files that are there");
    return verb;
  };
  CLI::App* ca = common(certgen->add_subcommand("ca", "the CA itself: ca.pem and ca.key"));
  ca->add_option("CN", words.name, "name of the network")->required();
  ca->callback([&] { program.outcome = make_network(words, program.clock.wall()); });
  for (const HolderVerb& holder : kHolderVerbs) {
    CLI::App* verb = common(certgen->add_subcommand(holder.word, holder.help));
    if (*holder.alias != '\0') verb->alias(holder.alias);
    verb->add_option("NAME", words.name, "the holder's name, and the folder's")->required();
    if (stem_of(holder.role) == "server") {
      verb->add_option("ADDRESS", words.addresses, "IP addresses and DNS names where it is reached")
          ->required();
    }
    verb->add_option("--out", words.out_folder, "where to make the folder")->capture_default_str();
    verb->callback([&program, &words, role = holder.role] {
      program.outcome = make_one(words, role, program.clock.wall());
    });
  }
  CLI::App* list = common(certgen->add_subcommand(
      "clientlist", "certificates of many tentacles, one name a line; those that have one keep it"));
  list->alias("clist");
  list->add_option("FILE", words.list, "file with the names")->required();
  list->add_option("--out", words.out_folder, "where to make the folders")->capture_default_str();
  list->callback([&] { program.outcome = make_listed(words, program.clock.wall()); });
}

// init

Result<void> set_up(const InitOrder& order, WallTime now) {
  bool made = false;
  Secret password;
  OCTO_TRY(init(
      order,
      [&]() -> Result<Secret> {
        if (::isatty(STDIN_FILENO) == 1) {
          password =
              OCTO_TRY(ask_password("password of the root workgroup (empty: make one)", WhenEmpty::answer));
        }
        made = password.empty();
        crypto::SystemRandom random;
        if (made) password = crypto::make_password(random);
        return password;
      },
      now));
  const Layout layout(files::absolute(order.folder));
  say(fmt::format("made in {}:\n  nameserver  {}\n  Brain       {}\n  tentacle    {}\n  octl        {}",
                  layout.folder(), layout.nameserver_settings(), layout.brain_settings(),
                  layout.node_settings(NodeName(order.node)), layout.octl_settings()));
  if (made)
    say(fmt::format("password of the root workgroup, shown this once (octl.yaml has it too): {}",
                    password.reveal()));
  say(
      fmt::format("start all of it here:  octopoda up --dir {0}\nfor one more node:     octopoda certgen "
                  "node NAME --ca {1}",
                  shell_word(layout.folder()), shell_word(layout.ca())));
  return {};
}

void add_init(CLI::App& app, Program& program, InitOrder& order) {
  CLI::App* verb = app.add_subcommand(
      "init", "Make CA, certificates and settings of nameserver, Brain, octl and a tentacle");
  verb->add_option("--dir", order.folder, "where")->capture_default_str();
  verb->add_option("--ip", order.ip, "IPv4 address of this machine, where the others reach it")
      ->capture_default_str();
  verb->add_option("--node", order.node, "name of the first tentacle")->capture_default_str();
  verb->callback([&] { program.outcome = set_up(order, program.clock.wall()); });
}

// up, down

struct FleetWords {
  UpOrder up{.folder = kFleetFolder, .names = {}, .nodes = {}, .stay = Stay::foreground, .say = say};
  int nodes = 0;
  bool detach = false;
  std::string down_folder = kFleetFolder;
};

Result<void> end_fleet(const std::string& folder, Program& program) {
  const Layout layout(files::absolute(folder));
  const std::size_t ended = OCTO_TRY(program.wait_for(down(layout, program.clock)));
  say(ended == 0 ? "nothing was running"
                 : fmt::format("ended {} processes; {} stays, for the next up", ended, layout.folder()));
  return {};
}

void add_fleet(CLI::App& app, Program& program, FleetWords& words) {
  CLI::App* up_verb = app.add_subcommand(
      "up", "Start a fleet on this machine: nameserver, Brain and nodes, each its own process");
  auto* nodes =
      up_verb->add_option("--nodes", words.nodes, "how many nodes: pi0, pi1, … (3, or the nodes there are)");
  nodes->check(CLI::Range(1, kNodesMax));
  up_verb->add_option("--names", words.up.names, "names of the nodes instead")->delimiter(',');
  up_verb->add_option("--dir", words.up.folder, "where everything of it is")->capture_default_str();
  up_verb->add_flag("--detach", words.detach, "return when it is up; end it with: octopoda down");
  up_verb->callback([&program, &words, nodes] {
    if (nodes->count() > 0) words.up.nodes = words.nodes;
    if (words.detach) words.up.stay = Stay::detached;
    program.outcome = program.wait_for(up(words.up, program.clock));
  });
  CLI::App* down_verb = app.add_subcommand(
      "down",
      "End a fleet that runs on this machine, and the commands on its nodes with all that they left running. "
      "(Where the host has no cgroup v2 that a node may write, a process that cleared its environment and "
      "left "
      "its session is not found, and stays.)");
  down_verb->add_option("--dir", words.down_folder, "where it is")->capture_default_str();
  down_verb->callback([&] { program.outcome = end_fleet(words.down_folder, program); });
}

}  // namespace

int run(std::span<char*> words) {
  process::ignore_sigpipe();
  std::vector<std::string> arguments(words.begin() + std::min<std::size_t>(1, words.size()), words.end());
  // As the other programs take them; CLI11 would read a bundle of one-letter options.
  for (const std::string_view word : {"-version", "-help"}) {
    if (!arguments.empty() && arguments.front() == word) arguments.front().insert(0, "-");
  }
  std::ranges::reverse(arguments);  // CLI11 takes a vector from its end
  Program program;
  CertgenWords certgen;
  InitOrder init_order{.folder = kFleetFolder};
  FleetWords fleet;
  CLI::App app("Set up and try out Octopoda.", "octopoda");
  app.set_help_all_flag("--help-all", "help of every verb");
  app.set_version_flag("--version", "octopoda " OCTO_VERSION);
  add_certgen(app, program, certgen);
  add_init(app, program, init_order);
  add_fleet(app, program, fleet);
  try {
    // Not CLI11's own requirement of a verb: it would hide which word is none.
    app.parse(std::move(arguments));
    const CLI::App* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    if (!at->get_subcommands({}).empty()) throw CLI::RequiredError("A verb");
  } catch (const CLI::ParseError& usage) {
    return app.exit(usage) == 0 ? 0 : kUsage;
  }
  if (program.outcome) return 0;
  std::fprintf(stderr, "octopoda: %s\n", program.outcome.error().message().c_str());
  return program.outcome.error().code() == ErrorCode::cancelled ? kInterrupted : kFailed;
}

}  // namespace octo::setup
