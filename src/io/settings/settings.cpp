// SPDX-License-Identifier: MIT
#include "io/settings/settings.hpp"

#include <algorithm>

#include "io/settings/yaml.hpp"

namespace octo::settings {

namespace {

constexpr std::string_view kNoRedis = "nothing is kept in Redis any more; see dataDir";
constexpr std::string_view kLater = "upgrades and tunnels come with a later version";

std::uint16_t port_of(const Node& node, std::uint16_t otherwise) {
  return static_cast<std::uint16_t>(node.number(otherwise, 0, 65535));
}

Span seconds_of(const Node& node, Span otherwise) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(otherwise).count();
  return std::chrono::seconds(node.number(seconds, 0, 86'400));
}

std::string brain_name_of(const Node& node, const std::string& otherwise) {
  std::string name = node.text(otherwise);
  if (const auto sound = check_brain_name(name); !sound) node.fault(sound.error().message());
  return name;
}

NameServerAt name_server_of(const Node& root) {
  const Node node = root.at("httpsNameServer");
  NameServerAt at;
  at.enable = node.at("enable").flag(at.enable);
  at.host = node.at("host").text();
  at.port = port_of(node.at("port"), at.port);
  at.request_interval = seconds_of(node.at("requestInterval"), at.request_interval);
  if (at.enable && at.host.empty())
    node.fault("httpsNameServer.host is missing; without a nameserver set httpsNameServer.enable: false");
  return at;
}

TlsPaths tls_of(const Node& root, std::string_view kind, const std::string& folder) {
  const Node node = root.at("ssl");
  TlsPaths paths;
  paths.ca_cert = node.at("caCert").text(folder + "/ca.pem");
  paths.cert = node.at(fmt::format("{}Cert", kind)).text(fmt::format("{}/{}.pem", folder, kind));
  paths.key = node.at(fmt::format("{}Key", kind)).text(fmt::format("{}/{}.key", folder, kind));
  return paths;
}

Logger logger_of(const Node& root, std::string path) {
  const Node node = root.at("logger");
  Logger logger;
  logger.path = node.at("path").text(std::move(path));
  logger.name_prefix = node.at("namePrefix").text(logger.name_prefix);
  logger.roll_days = static_cast<int>(node.at("rollDays").number(logger.roll_days, 1, 3650));
  if (logger.name_prefix.empty() || logger.name_prefix.find('/') != std::string::npos) {
    node.at("namePrefix").fault("logger.namePrefix begins file names: not empty, and without '/'");
  }
  return logger;
}

std::vector<std::pair<std::string, std::string>> environment_of(const Node& root) {
  std::vector<std::pair<std::string, std::string>> environment;
  for (const Node& item : root.at("env").items()) {
    const std::string key = item.at("key").text();
    if (key.empty() || key.find('=') != std::string::npos)
      item.fault(fmt::format("env: {} is no name for a variable", quote(key)));
    environment.emplace_back(key, item.at("value").text());
  }
  return environment;
}

void workspace_of(const Node& root, std::string& folder, std::string& store) {
  const Node node = root.at("workspace");
  folder = node.at("root").text(folder);
  store = node.at("store").text(store);
  if (folder.empty() || folder.front() != '/')
    node.at("root").fault("workspace.root must be an absolute path");
  if (store.empty() || store.front() != '/')
    node.at("store").fault("workspace.store must be an absolute path");
}

// A port of our own, or the original's, which meant the same.
std::uint16_t link_port_of(const Node& node, std::uint16_t otherwise) {
  node.obsolete("heartbeatPort", "heartbeats travel on the one link, see port");
  return port_of(node.at("port"), port_of(node.at("messagePort"), otherwise));
}

BrainSettings::Face face_of(const Node& node, std::uint16_t port) {
  return {node.at("netDevice").text(), node.at("ip").text(), port};
}

template <class T>
Result<Loaded<T>> load(const std::string& file, void (*read)(const Node&, T&)) {
  Loaded<T> loaded;
  loaded.file = file;
  const Document document = OCTO_TRY(read_yaml(file, [&](const Node& root) { read(root, loaded.settings); }));
  if (!document.faults.empty()) return fail(ErrorCode::invalid_argument, "{}", print(document.faults));
  for (const Fault& warning : document.warnings) loaded.warnings.push_back(print(warning));
  return loaded;
}

void read_nameserver(const Node& root, NameServerSettings& settings) {
  settings.net_device = root.at("netDevice").text();
  settings.serve_port = port_of(root.at("servePort"), settings.serve_port);
  settings.data = root.at("dataDir").text(settings.data);
  settings.ssl = tls_of(root, "server", "/etc/octopoda/cert");
  settings.logger = logger_of(root, "/var/octopoda/httpns/log");
  for (const Node& item : root.at("staticDir").items()) {
    NameServerSettings::StaticDir entry{item.at("url").text(), item.at("dir").text()};
    if (entry.url.size() < 2 || entry.url.front() != '/' || entry.url.back() == '/') {
      item.fault(fmt::format("staticDir: url {} must begin with '/' and not end with it", quote(entry.url)));
    }
    if (entry.dir.empty()) item.fault("staticDir: dir is missing");
    settings.static_dirs.push_back(std::move(entry));
  }
  root.obsolete("redis", kNoRedis);
}

void read_brain(const Node& root, BrainSettings& settings) {
  settings.name = brain_name_of(root.at("name"), settings.name);
  settings.name_server = name_server_of(root);
  const Node nodes = root.at("tentacleFace");
  settings.tentacle_face = face_of(nodes, link_port_of(nodes, 3457));
  settings.active_timeout = seconds_of(nodes.at("activeTimeout"), {});
  settings.record_timeout = seconds_of(nodes.at("recordTimeout"), {});
  const Node operators = root.at("octlFace");
  settings.octl_face = face_of(operators, port_of(operators.at("port"), 12345));
  settings.ssh_port = port_of(operators.at("sshPort"), settings.ssh_port);
  settings.data = root.at("dataDir").text(settings.data);
  const Node keep = root.at("keep");
  settings.keep_days = static_cast<int>(keep.at("days").number(settings.keep_days, 0, 36'500));
  settings.keep_megabytes = keep.at("megabytes").number(settings.keep_megabytes, 0, 1'000'000'000);
  settings.keep_run_megabytes = keep.at("runMegabytes").number(settings.keep_run_megabytes, 0, 1'000'000'000);
  workspace_of(root, settings.workspace_root, settings.workspace_store);
  settings.ssl = tls_of(root, "server", "/etc/octopoda/cert");
  settings.logger = logger_of(root, "/var/octopoda/brain/log");
  settings.environment = environment_of(root);
  root.obsolete("redis", kNoRedis);
  root.obsolete("mailAlert", "alerts come with a later version");
  root.obsolete("pakma", kLater);
  root.obsolete("proxylite", kLater);
  root.obsolete("jsonFast", "there is one JSON writer");
}

Labels labels_of(const Node& root) {
  const Node node = root.at("labels");
  Labels labels;
  for (const std::string& key : node.keys()) labels.emplace_back(key, node.at(key).text());
  std::ranges::sort(labels);
  if (const auto sound = check(labels); !sound)
    node.fault(fmt::format("labels: {}", sound.error().message()));
  return labels;
}

void read_tentacle(const Node& root, TentacleSettings& settings) {
  settings.name = root.at("name").text();
  settings.net_device = root.at("netDevice").text();
  settings.name_server = name_server_of(root);
  const Node brain = root.at("brain");
  settings.brain_name = brain_name_of(brain.at("name"), settings.brain_name);
  settings.brain_ip = brain.at("ip").text();
  settings.brain_port = link_port_of(brain, 0);
  if (!settings.name_server.enable && (settings.brain_ip.empty() || settings.brain_port == 0)) {
    brain.fault("without a nameserver brain.ip and brain.port say where the Brain is");
  }
  const Node heartbeat = root.at("heartbeat");
  settings.heartbeat_send_interval = seconds_of(heartbeat.at("sendInterval"), {});
  settings.reconnect_interval = seconds_of(heartbeat.at("reconnectInterval"), settings.reconnect_interval);
  settings.retry_time = static_cast<int>(heartbeat.at("retryTime").number(settings.retry_time, 1, 1'000'000));
  settings.auto_restart = heartbeat.at("autoRestart").flag(settings.auto_restart);
  settings.auto_restart_command = heartbeat.at("autoRestartCommand").text(settings.auto_restart_command);
  settings.clock_samples =
      static_cast<int>(root.at("clock").at("samples").number(settings.clock_samples, 8, 4096));
  settings.data = root.at("dataDir").text(settings.data);
  workspace_of(root, settings.workspace_root, settings.workspace_store);
  settings.ssl = tls_of(root, "client", "/etc/octopoda/cert");
  settings.logger = logger_of(root, "/var/octopoda/tentacle/log");
  settings.environment = environment_of(root);
  settings.labels = labels_of(root);
  const Node pakma = root.at("pakma");
  settings.pakma_root = pakma.at("root").text(settings.pakma_root);
  if (pakma.present()) {
    pakma.obsolete("port", kLater);
    pakma.obsolete("previewDuration", kLater);
  }
  root.obsolete("jsonFast", "there is one JSON writer");
}

void read_octl(const Node& root, OctlSettings& settings) {
  settings.name_server = name_server_of(root);
  const Node brain = root.at("brain");
  settings.brain_name = brain_name_of(brain.at("name"), settings.brain_name);
  settings.brain_ip = brain.at("ip").text();
  settings.brain_port = port_of(brain.at("port"), settings.brain_port);
  brain.obsolete("apiPrefix", "the API's version is octl's business");
  if (!settings.name_server.enable && settings.brain_ip.empty())
    brain.fault("without a nameserver brain.ip says where the Brain is");
  settings.ssl = tls_of(root, "client", "/etc/octopoda/octl/cert");
  const Node git = root.at("git");
  settings.git = {git.at("serveUrl").text(), git.at("username").text(), Secret(git.at("password").text())};
  const Node group = root.at("workgroup");
  settings.workgroup_root = group.at("root").text();
  settings.workgroup_password = Secret(group.at("password").text());
  settings.current_path_file = group.at("currentPathFile").text(settings.current_path_file);
  settings.state_file = root.at("stateFile").text();
  root.obsolete("jsonFast", "there is one JSON writer");
  root.obsolete("outputPretty", "see --output");
}

}  // namespace

Result<Loaded<NameServerSettings>> load_nameserver(const std::string& file) {
  return load<NameServerSettings>(file, read_nameserver);
}
Result<Loaded<BrainSettings>> load_brain(const std::string& file) {
  return load<BrainSettings>(file, read_brain);
}
Result<Loaded<TentacleSettings>> load_tentacle(const std::string& file) {
  return load<TentacleSettings>(file, read_tentacle);
}
Result<Loaded<OctlSettings>> load_octl(const std::string& file) {
  return load<OctlSettings>(file, read_octl);
}

}  // namespace octo::settings
