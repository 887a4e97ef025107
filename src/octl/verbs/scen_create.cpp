// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "io/files/files.hpp"
#include "octl/exit_code.hpp"
#include "octl/verbs/verbs.hpp"

namespace octo::octl {

namespace {

struct ScriptTemplate {
  std::string_view target, file, what;
};
constexpr std::array<ScriptTemplate, 5> kScripts = {{
    {"prepare", "prepare.sh", "Runs once the sources are in place: build, install, configure."},
    {"start", "start.sh", "Starts the application. What keeps running has to go to the background."},
    {"stop", "stop.sh", "Stops what start.sh started."},
    {"purge", "purge.sh",
     "Removes what prepare.sh left outside of this folder; the folder itself is removed afterwards."},
    {"status", "status.sh", "A target of your own; add as many as you like, or remove it."},
}};

// A JSON string is a YAML string.
std::string quoted(std::string_view text) { return print_json_line(Json(text)); }

std::string make_deployment(const ScenarioName& scenario, const std::vector<AppName>& apps) {
  std::string out = fmt::format(
      "# A scenario: applications, the nodes they run on, and the scripts of each target.\n"
      "name: {}\ndescription: {}\napplications:\n",
      quoted(scenario.str()), quoted(fmt::format("the scenario {}", scenario)));
  for (const AppName& app : apps) {
    out += fmt::format(
        "-\n  name: {}\n  description: {}\n  # both below this folder; the sources are copied to each node "
        "before any script runs\n"
        "  scriptpath: {}\n  sourcepath: {}\n  nodes:\n    - 'pi0'  # write your nodes' names here\n  "
        "script:\n",
        quoted(app.str()), quoted(fmt::format("the application {}", app)), quoted(app.str() + "/scripts/"),
        quoted(app.str() + "/src/"));
    for (const ScriptTemplate& script : kScripts) {
      out += fmt::format(
          "    -\n      target: {}\n      file: \"{}\"\n      order: 1  # small orders run first\n",
          script.target, script.file);
    }
  }
  return out;
}

std::string make_script(const ScriptTemplate& script) {
  return fmt::format(
      "#!/bin/bash\n# {}\n# Runs in the application's folder on the node. What it writes to $OCTOPODA_OUTPUT "
      "is shown as its result;\n"
      "# see OCTOPODA_NODENAME, OCTOPODA_APP, OCTOPODA_SCENARIO, OCTOPODA_CURRENTDIR and others.\n"
      "set -e\necho \"{} of $OCTOPODA_APP on $OCTOPODA_NODENAME: done\" >> \"$OCTOPODA_OUTPUT\"\n",
      script.what, script.target);
}

Result<void> write_app(const std::string& folder, const AppName& app) {
  const std::string scripts = files::join(files::join(folder, app.str()), "scripts");
  const std::string sources = files::join(files::join(folder, app.str()), "src");
  OCTO_TRY(files::make_folders(scripts, 0755));
  OCTO_TRY(files::make_folders(sources, 0755));
  for (const ScriptTemplate& script : kScripts) {
    OCTO_TRY(files::save_new(files::join(scripts, script.file), make_script(script), 0755));
  }
  return files::save_new(files::join(sources, "README.md"),
                         fmt::format("Files of {}: what is in this folder is copied to its nodes.\n", app),
                         0644);
}

Result<std::vector<AppName>> read_apps(std::span<const std::string> words) {
  if (words.empty()) return std::vector<AppName>{AppName("YourApp")};
  if (words[0] != "with" || words.size() == 1) {
    return fail(ErrorCode::invalid_argument, "after the scenario comes: with <app1> <app2> ...");
  }
  std::vector<AppName> apps;
  for (const std::string& word : words.subspan(1)) {
    AppName app = OCTO_TRY(parse_app_name(word));
    if (std::ranges::find(apps, app) != apps.end())
      return fail(ErrorCode::invalid_argument, "app {} is named twice", quote(word));
    apps.push_back(std::move(app));
  }
  return apps;
}

}  // namespace

Async<Result<int>> scen_create(Call& call) {
  const std::span<const std::string> words = call.line.words;
  const ScenarioName scenario = OCTO_CO_TRY(parse_scenario_name(words[0]));
  const std::vector<AppName> apps = OCTO_CO_TRY(read_apps(words.subspan(1)));
  const std::string& folder = scenario.str();
  if (files::exists(folder))
    co_return fail(ErrorCode::conflict, "{} exists already; nothing was changed", quote(folder));
  OCTO_CO_TRY(files::make_folders(folder, 0755));
  for (const AppName& app : apps) OCTO_CO_TRY(write_app(folder, app));
  OCTO_CO_TRY(files::save_new(files::join(folder, "deployment.yaml"), make_deployment(scenario, apps), 0644));
  const std::string next = fmt::format(
      "edit {}/deployment.yaml, then: octl scen apply {} prepare -m \"first version\"", folder, folder);
  if (call.output.for_people()) {
    call.output.write(fmt::format("made {}\n{}\n", folder, next));
  } else {
    Json::Array names;
    for (const AppName& app : apps) names.emplace_back(app);
    call.output.print({.json = Json::Object{{"folder", folder}, {"apps", std::move(names)}}});
  }
  co_return kWell;
}

}  // namespace octo::octl
