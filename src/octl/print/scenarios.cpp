// SPDX-License-Identifier: MIT
#include "octl/print/scenarios.hpp"

namespace octo::octl {

namespace {

// Enough to be unique among the versions of one scenario, short enough for a column; any 3 characters do for
// reset.
std::string brief(const std::string& id) { return id.substr(0, 12); }

std::vector<std::string> print_missing(const ScenarioVersion& version) {
  std::vector<std::string> missing;
  for (const NodeAppAt& at : version.missing) missing.push_back(fmt::format("{} on {}", at.app, at.node));
  return missing;
}

Json json_of(const ScenarioVersion& version) {
  Json json(Json::Object{{"id", version.id},
                         {"time", print_wall(version.made)},
                         {"message", version.message},
                         {"partial", version.partial()}});
  if (version.partial()) {
    const auto missing = print_missing(version);
    json.add("missing", Json::Array(missing.begin(), missing.end()));
  }
  return json;
}

Json json_of(const NodeAppVersion& version) {
  return Json::Object{
      {"id", version.commit}, {"time", print_wall(version.made)}, {"message", version.message}};
}

std::string print_note(const ScenarioVersion& version) {
  return version.partial() ? fmt::format("partial, lacks {}", join(print_missing(version), ", "))
                           : std::string();
}

}  // namespace

Document document_of(const api::ScenarioList& list) {
  Document document{.rows = "scenarios"};
  document.table.head = {"SCENARIO", "VERSION", "TIME", "MESSAGE", "DESCRIPTION"};
  Json::Array rows;
  for (const Scenario& scenario : list.scenarios) {
    const ScenarioVersion& newest = scenario.newest;
    rows.push_back(Json::Object{{"name", scenario.name},
                                {"description", scenario.description},
                                {"version", newest.id},
                                {"time", print_wall(newest.made)},
                                {"message", newest.message},
                                {"partial", newest.partial()}});
    document.table.rows.push_back({scenario.name.str(), brief(newest.id), print_wall(newest.made),
                                   newest.message, scenario.description});
  }
  if (list.scenarios.empty()) document.table.foot = {"no scenarios"};
  document.json = Json::Object{{"scenarios", std::move(rows)}};
  return document;
}

Result<Document> document_of(const Scenario& scenario) {
  const Deployment deployment =
      OCTO_TRY(api::decode_deployment(scenario.deployment).with("read what the Brain keeps"));
  const ScenarioVersion& newest = scenario.newest;
  Document document{.rows = "apps"};
  document.table.head = {"APP", "NODE", "VERSION", "TARGETS", "DESCRIPTION"};
  Json::Array apps;
  for (const App& app : deployment.apps) {
    std::vector<std::string> targets;
    for (const Script& script : app.scripts) targets.push_back(script.target.str());
    Json::Array nodeapps;
    for (const NodeName& node : app.nodes) {
      const auto commit = newest.commits.find(NodeAppAt{.node = node, .app = app.name});
      const std::string version = commit == newest.commits.end() ? "" : commit->second;
      nodeapps.push_back(Json::Object{{"node", node}, {"version", version}});
      document.table.rows.push_back(
          {app.name.str(), node.str(), brief(version), join(targets, " "), app.description});
    }
    apps.push_back(Json::Object{{"name", app.name},
                                {"description", app.description},
                                {"targets", Json::Array(targets.begin(), targets.end())},
                                {"nodeapps", std::move(nodeapps)}});
  }
  document.json = Json::Object{{"name", scenario.name},     {"description", scenario.description},
                               {"version", newest.id},      {"time", print_wall(newest.made)},
                               {"message", newest.message}, {"partial", newest.partial()},
                               {"apps", std::move(apps)}};
  document.table.foot = {fmt::format("{}: version {} of {}: {}", scenario.name, brief(newest.id),
                                     print_wall(newest.made), newest.message)};
  if (newest.partial()) document.table.foot.push_back(print_note(newest));
  return document;
}

Document document_of(const api::VersionList& list) {
  Document document{.rows = "versions"};
  document.table.head = {"VERSION", "TIME", "MESSAGE", "NOTE"};
  Json::Array rows;
  for (const ScenarioVersion& version : list.versions) {
    rows.push_back(json_of(version));
    document.table.rows.push_back(
        {brief(version.id), print_wall(version.made), version.message, print_note(version)});
  }
  if (list.versions.empty()) document.table.foot = {"no versions"};
  document.json = Json::Object{{"versions", std::move(rows)}};
  return document;
}

Document document_of(const api::NodeAppList& list, Detail detail) {
  Document document{.rows = "apps"};
  document.table.head = {"APP", "VERSION", "VERSIONS", "MODIFIED", "PATH", "DESCRIPTION"};
  Json::Array rows;
  for (const NodeAppInfo& info : list.apps) {
    const std::string newest = info.versions.empty() ? "" : info.versions.front().commit;
    Json row(Json::Object{{"name", print(info.app)},
                          {"description", info.description},
                          {"version", newest},
                          {"version_count", info.version_count},
                          {"modified", info.modified},
                          {"path", info.path}});
    if (detail == Detail::full) {
      Json::Array versions;
      for (const NodeAppVersion& version : info.versions) versions.push_back(json_of(version));
      row.add("versions", std::move(versions));
    }
    rows.push_back(std::move(row));
    document.table.rows.push_back({print(info.app), brief(newest), fmt::format("{}", info.version_count),
                                   info.modified ? "yes" : "no", info.path, info.description});
    for (const NodeAppVersion& version : info.versions) {
      if (detail == Detail::brief) break;
      document.table.foot.push_back(
          fmt::format("{}  {}  {}", brief(version.commit), print_wall(version.made), version.message));
    }
  }
  if (list.apps.empty()) document.table.foot = {fmt::format("no apps on {}", list.node)};
  document.json = Json::Object{{"node", list.node}, {"apps", std::move(rows)}};
  return document;
}

Document versions_of(const api::NodeAppList& list) {
  Document document{.rows = "versions"};
  document.table.head = {"VERSION", "TIME", "MESSAGE"};
  Json::Array rows;
  for (const NodeAppInfo& info : list.apps) {
    for (const NodeAppVersion& version : info.versions) {
      rows.push_back(json_of(version));
      document.table.rows.push_back({brief(version.commit), print_wall(version.made), version.message});
    }
  }
  if (rows.empty()) document.table.foot = {"no versions"};
  document.json = Json::Object{{"versions", std::move(rows)}};
  return document;
}

}  // namespace octo::octl
