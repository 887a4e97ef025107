// SPDX-License-Identifier: MIT
// Typed settings of the programs, with the key names of the original's files. Loading prints nothing:
// warnings come back.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "domain/names.hpp"
#include "domain/node.hpp"

namespace octo::settings {

struct NameServerAt {  // httpsNameServer: enable host port requestInterval
  bool enable = true;
  std::string host;
  std::uint16_t port = 3455;
  Span request_interval = 1s;
};
struct TlsPaths {  // ssl: caCert serverCert/serverKey or clientCert/clientKey
  std::string ca_cert, cert, key;
};
struct Logger {  // logger: path namePrefix rollDays
  std::string path;
  std::string name_prefix = "log";
  int roll_days = 3;
};

struct NameServerSettings {  // httpns.yaml (program name "httpns")
  std::string net_device;    // empty: all addresses
  std::uint16_t serve_port = 3455;
  std::string data = "/var/octopoda/httpns";  // dataDir: where names are kept (ours; the original had Redis)
  TlsPaths ssl;
  Logger logger;
  struct StaticDir {
    std::string url, dir;
  };
  std::vector<StaticDir> static_dirs;
};

struct BrainSettings {  // brain.yaml
  std::string name = "brain";
  NameServerAt name_server;
  struct Face {
    std::string net_device, ip;
    std::uint16_t port = 0;
  };
  Face tentacle_face;  // tentacleFace: netDevice ip port (ours; heartbeatPort/messagePort accepted:
                       // messagePort is used, one warning)
  Span active_timeout{}, record_timeout{};  // accepted, the states' times are fixed (promises.md)
  Face octl_face;                           // octlFace: netDevice ip port (12345) sshPort
  std::uint16_t ssh_port = 22;
  std::string data = "/var/octopoda/brain/data";  // dataDir: ledger, blobs, password hash, keys
  int keep_days = 30;                             // keep: days megabytes (ours); of finished tasks
  std::int64_t keep_megabytes = 10 * 1024;        // … and of their output
  std::int64_t keep_run_megabytes = 256;          // … and of each run's while it goes on
  std::string workspace_root = "/var/octopoda/brain/workspace/",
              workspace_store = "/var/octopoda/brain/FSTORE/";
  TlsPaths ssl;
  Logger logger;
  std::vector<std::pair<std::string, std::string>> environment;
};

struct TentacleSettings {  // tentacle.yaml
  std::string name;        // empty: the host's name
  std::string net_device;  // source address of dials; empty: default route
  NameServerAt name_server;
  std::string brain_name = "brain";
  std::string brain_ip;            // used when the nameserver is disabled
  std::uint16_t brain_port = 0;    // brain.port (ours); messagePort accepted
  Span heartbeat_send_interval{};  // 0: the promise's 10 s
  Span reconnect_interval = 5s;
  int retry_time = 6;
  bool auto_restart = false;
  std::string auto_restart_command = "reboot";
  std::string data = "/var/octopoda/tentacle/data";  // dataDir: journal of runs, chunks, last good answers
  std::string workspace_root = "/var/octopoda/tentacle/workspace/",
              workspace_store = "/var/octopoda/tentacle/FSTORE/";
  int clock_samples = 64;  // clock.samples (ours): round trips measured before a start together
  Labels labels;           // labels: a mapping, for node sets (ours)
  std::string pakma_root = "/var/octopoda/tentacle/pakma/";
  TlsPaths ssl;
  Logger logger;
  std::vector<std::pair<std::string, std::string>> environment;
};

struct OctlSettings {  // octl.yaml
  NameServerAt name_server;
  std::string brain_name = "brain";
  std::string brain_ip;
  std::uint16_t brain_port = 12345;
  TlsPaths ssl;
  struct Git {
    std::string serve_url, username;
    Secret password;
  } git;
  std::string workgroup_root;
  Secret workgroup_password;
  std::string current_path_file = "/etc/octopoda/octl/.curPath.yaml";
  std::string state_file;  // stateFile: token, Brain address, TLS tickets (0600); empty: beside the settings'
                           // file if writable, else ~/.local/state/octopoda/
};

template <class T>
struct Loaded {
  T settings;
  std::string file;
  std::vector<std::string> warnings;
};
// invalid_argument carries every fault, one per line, each with file and line.
Result<Loaded<NameServerSettings>> load_nameserver(const std::string& file);
Result<Loaded<BrainSettings>> load_brain(const std::string& file);
Result<Loaded<TentacleSettings>> load_tentacle(const std::string& file);
Result<Loaded<OctlSettings>> load_octl(const std::string& file);

}  // namespace octo::settings
