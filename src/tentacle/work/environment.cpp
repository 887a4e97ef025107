// SPDX-License-Identifier: MIT
#include "tentacle/work/environment.hpp"

#include <map>

namespace octo::tentacle {

namespace {

constexpr std::string_view kInherited[] = {"PATH", "HOME", "LANG",    "LC_ALL",
                                           "TZ",   "USER", "LOGNAME", "SHELL"};

Result<void> check(std::string_view name, std::string_view value) {
  if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string_view::npos) {
    return fail(ErrorCode::invalid_argument, "{} is no name for an environment variable", quote(name));
  }
  if (value.find('\0') != std::string_view::npos) {
    return fail(ErrorCode::invalid_argument, "environment variable {} holds a NUL byte", name);
  }
  return {};
}

}  // namespace

Environment basics_of(const Environment& agent, const std::string& home) {
  std::map<std::string, std::string> basics = {
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"HOME", home},
      {"LANG", "C.UTF-8"},
      {"USER", "root"},
      {"LOGNAME", "root"},
      {"SHELL", "/bin/sh"}};
  for (const auto& [name, value] : agent) {
    if (std::ranges::find(kInherited, name) != std::end(kInherited) && !value.empty()) basics[name] = value;
  }
  return {basics.begin(), basics.end()};
}

Result<Environment> environment_of(const Surroundings& node, const RunId& id, const ExecOrder& order,
                                   const std::string& folder, const std::optional<Account>& account) {
  std::map<std::string, std::string> variables;
  Environment of_account;
  if (account) {
    of_account = {{"HOME", account->home},
                  {"USER", account->name},
                  {"LOGNAME", account->name},
                  {"SHELL", account->shell}};
  }
  const Environment& personal = of_account;
  for (const Environment* from : {&node.basics, &personal, &node.own, &order.environment}) {
    for (const auto& [name, value] : *from) {
      OCTO_TRY(check(name, value));
      variables[name] = value;
    }
  }
  variables["OCTOPODA_NODENAME"] = node.name.str();
  variables["OCTOPODA_CURRENTDIR"] = folder;
  variables["OCTOPODA_ROOT"] = node.home;
  variables["OCTOPODA_WORKSPACE"] = node.workspace;
  variables["OCTOPODA_FSTORE"] = node.store;
  variables["OCTOPODA_LOG"] = node.log;
  variables["OCTOPODA_PAKMA"] = node.pakma;
  variables["OCTOPODA_TASK"] = id.task.str();
  variables["OCTOPODA_STEP"] = std::to_string(id.step);
  if (std::string& path = variables["PATH"];
      !node.tools.empty() && !(":" + path + ":").contains(":" + node.tools + ":"))
    path += (path.empty() ? "" : ":") + node.tools;
  if (!node.sync.empty()) variables["OCTOPODA_SYNC"] = node.sync;
  variables["OCTOPODA_ATTEMPT"] = std::to_string(id.attempt);
  for (const char* name : {"OCTOPODA_FILENAME", "OCTOPODA_APP", "OCTOPODA_SCENARIO", "OCTOPODA_OUTPUT"})
    variables.erase(name);
  for (const SecretFile& secret : order.secrets) variables.erase(secret_variable(secret.name));
  if (order.kind == ExecOrder::Kind::script) variables["OCTOPODA_FILENAME"] = order.script_name;
  if (order.app) {
    variables["OCTOPODA_APP"] = order.app->app.str();
    variables["OCTOPODA_SCENARIO"] = order.app->scenario.str();
  }
  return Environment(variables.begin(), variables.end());
}

}  // namespace octo::tentacle
