// SPDX-License-Identifier: MIT
#include "setup/settings_text.hpp"

namespace octo::setup {

namespace {

// A YAML scalar that no path or password can break out of.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += fmt::format("\\{}", c);
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out += fmt::format("\\x{:02x}", c);
    else out.push_back(c);
  }
  return out + '"';
}

std::string head(std::string_view program) {
  return fmt::format("# Settings of {}, written by octopoda; yours to change.\n", program);
}

std::string nameserver_at(const Addresses& at) {
  return fmt::format("httpsNameServer:\n  enable: true\n  host: {}\n  port: {}\n  requestInterval: 1\n",
                     quoted(at.ip), at.ports.nameserver);
}

std::string ssl(const std::string& folder, std::string_view kind) {
  return fmt::format("ssl:\n  caCert: {}\n  {}Cert: {}\n  {}Key: {}\n", quoted(folder + "/cert/ca.pem"), kind,
                     quoted(fmt::format("{}/cert/{}.pem", folder, kind)), kind,
                     quoted(fmt::format("{}/cert/{}.key", folder, kind)));
}

std::string logger(const std::string& folder, std::string_view prefix) {
  return fmt::format("logger:\n  path: {}\n  namePrefix: {}\n  rollDays: 3\n", quoted(folder + "/log"),
                     prefix);
}

std::string folders(const std::string& folder) {
  return fmt::format("dataDir: {}\nworkspace:\n  root: {}\n  store: {}\n", quoted(folder + "/data"),
                     quoted(folder + "/workspace/"), quoted(folder + "/FSTORE/"));
}

}  // namespace

std::string print_nameserver_settings(const std::string& folder, const Addresses& at) {
  // The nameserver knows interfaces, not addresses; empty is all of them.
  const std::string_view device = at.ip == "127.0.0.1" ? "lo" : "\"\"";
  return head("the nameserver") +
         fmt::format("netDevice: {}\nservePort: {}\ndataDir: {}\n", device, at.ports.nameserver,
                     quoted(folder + "/data")) +
         ssl(folder, "server") + logger(folder, "httpns");
}

std::string print_brain_settings(const std::string& folder, const Addresses& at) {
  return head("the Brain") + "name: brain\n" + nameserver_at(at) +
         fmt::format("tentacleFace:\n  ip: {0}\n  port: {1}\noctlFace:\n  ip: {0}\n  port: {2}\n",
                     quoted(at.ip), at.ports.tentacles, at.ports.operators) +
         folders(folder) + ssl(folder, "server") + logger(folder, "brain");
}

std::string print_tentacle_settings(const std::string& folder, const Addresses& at, const NodeName& name) {
  return head("a tentacle") + fmt::format("name: {}\n", quoted(name.str())) + nameserver_at(at) +
         fmt::format(
             "# ip and port are used when the nameserver is disabled.\nbrain:\n  name: brain\n  ip: {}\n  "
             "port: {}\n",
             quoted(at.ip), at.ports.tentacles) +
         "heartbeat:\n  reconnectInterval: 5\n  retryTime: 6\n  autoRestart: false\n  autoRestartCommand: "
         "reboot\n" +
         folders(folder) + fmt::format("pakma:\n  root: {}\n", quoted(folder + "/pakma/")) +
         ssl(folder, "client") + logger(folder, "tentacle");
}

std::string print_octl_settings(const std::string& folder, const Addresses& at, const Secret& password) {
  return head("octl") + nameserver_at(at) +
         fmt::format(
             "# ip and port are used when the nameserver is disabled.\nbrain:\n  name: brain\n  ip: {}\n  "
             "port: {}\n",
             quoted(at.ip), at.ports.operators) +
         ssl(folder, "client") +
         fmt::format("workgroup:\n  root: \"\"\n  password: {}\n  currentPathFile: {}\n",
                     quoted(password.reveal()), quoted(folder + "/curPath.yaml")) +
         fmt::format("stateFile: {}\n", quoted(folder + "/state"));
}

std::string replace_ports(const std::string& text, const Ports& before, const Ports& after) {
  const std::pair<std::uint16_t, std::uint16_t> changes[] = {{before.nameserver, after.nameserver},
                                                             {before.tentacles, after.tentacles},
                                                             {before.operators, after.operators}};
  std::vector<std::string> lines = split(text, '\n');
  for (std::string& line : lines) {
    const std::string_view bare = trim(line);
    for (const auto& [from, to] : changes) {
      if (bare != fmt::format("port: {}", from) && bare != fmt::format("servePort: {}", from)) continue;
      line = line.substr(0, line.find(':')) + fmt::format(": {}", to);
      break;
    }
  }
  return join(lines, "\n");
}

}  // namespace octo::setup
