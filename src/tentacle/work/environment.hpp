// SPDX-License-Identifier: MIT
// The environment of commands and scripts, as the README's "Script Environment Variables" says; pure.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "domain/order.hpp"
#include "tentacle/work/ports.hpp"

namespace octo::tentacle {

using Environment = std::vector<std::pair<std::string, std::string>>;

// What a node is to its scripts. Folders are absolute.
struct Surroundings {
  NodeName name;
  std::string home = "/root";  // OCTOPODA_ROOT: the super user's home
  std::string workspace, store, log, pakma;
  std::string tools;   // folder of octl-sync; last in every PATH
  std::string sync;    // OCTOPODA_SYNC: where octl-sync asks
  Environment basics;  // PATH, HOME, LANG, … (see basics_of)
  Environment own;     // the `env` list of tentacle.yaml
};

// Those of the agent's variables that commands inherit (PATH, HOME, LANG, LC_ALL, TZ, USER, LOGNAME, SHELL),
// with defaults for what is missing: an agent started by systemd has hardly any.
Environment basics_of(const Environment& agent, const std::string& home);

// Complete but for OCTOPODA_OUTPUT, whose file belongs to Runs. Later entries win: basics, own, the order's,
// OCTOPODA_*. Each name once; a name that is empty or holds '=' or NUL is invalid_argument. OCTOPODA_APP and
// OCTOPODA_SCENARIO are unset without an app, OCTOPODA_FILENAME is unset for a command line.
// `account`: whom it runs as, if not as the agent; it sets HOME, USER, LOGNAME and SHELL.
Result<Environment> environment_of(const Surroundings& node, const RunId& id, const ExecOrder& order,
                                   const std::string& folder,
                                   const std::optional<Account>& account = std::nullopt);

}  // namespace octo::tentacle
