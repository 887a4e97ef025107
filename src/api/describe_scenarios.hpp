// SPDX-License-Identifier: MIT
// Deployments, scenarios, versions, nodeapps; see form.hpp.
#pragma once
#include "api/values.hpp"

namespace octo {

void describe(auto& io, api::Of<Script> auto& script) {
  io.required("target", script.target);
  io.required("file", script.file);
  io.optional("order", script.order);
  io.optional("align", script.align);
}
void describe(auto& io, api::Of<App> auto& app) {
  io.required("name", app.name);
  io.optional("description", app.description);
  io.required("script_path", app.script_path);
  io.optional("source_path", app.source_path);
  io.required("nodes", app.nodes);
  io.required("scripts", app.scripts);
}
void describe(auto& io, api::Of<Deployment> auto& deployment) {
  io.required("name", deployment.name);
  io.optional("description", deployment.description);
  io.required("apps", deployment.apps);
}

void describe(auto& io, api::Of<NodeAppAt> auto& at) {
  io.required("node", at.node);
  io.required("app", at.app);
}
void describe(auto& io, api::Of<ScenarioVersion> auto& version) {
  io.required("id", version.id);
  io.required("parent", version.parent);
  io.required("scenario", version.scenario);
  io.required("bundle", version.bundle);
  io.required("commits", version.commits);
  io.required("missing", version.missing);
  io.required("message", version.message);
  io.required("made", version.made);
}
void describe(auto& io, api::Of<NodeAppVersion> auto& version) {
  io.required("commit", version.commit);
  io.required("message", version.message);
  io.required("made", version.made);
}
void describe(auto& io, api::Of<NodeAppInfo> auto& info) {
  io.required("app", info.app.app);
  io.required("scenario", info.app.scenario);
  io.required("description", info.description);
  io.required("path", info.path);
  io.required("modified", info.modified);
  io.required("version_count", info.version_count);
  io.required("versions", info.versions);
}

}  // namespace octo

namespace octo::api {

template <>
inline constexpr std::string_view kRecordName<Deployment> = "Deployment";
template <>
inline constexpr std::string_view kRecordName<App> = "App";
template <>
inline constexpr std::string_view kRecordName<Script> = "Script";
template <>
inline constexpr std::string_view kRecordName<NodeAppAt> = "NodeAppAt";
template <>
inline constexpr std::string_view kRecordName<ScenarioVersion> = "ScenarioVersion";
template <>
inline constexpr std::string_view kRecordName<NodeAppVersion> = "NodeAppVersion";
template <>
inline constexpr std::string_view kRecordName<NodeAppInfo> = "NodeApp";

struct CommitAt {
  NodeAppAt at;
  std::string commit;
};
void describe(auto& io, Of<CommitAt> auto& commit) {
  describe(io, commit.at);
  io.required("commit", commit.commit);
}
template <>
struct Form<std::map<NodeAppAt, std::string>> {
  using Commits = std::map<NodeAppAt, std::string>;
  static void write(JsonWriter& json, const Commits& commits) {
    std::vector<CommitAt> items;
    for (const auto& [at, commit] : commits) items.push_back({at, commit});
    Form<std::vector<CommitAt>>::write(json, items);
  }
  static void read(const JsonReader& json, Commits& into) {
    std::vector<CommitAt> items;
    Form<std::vector<CommitAt>>::read(json, items);
    for (CommitAt& item : items) into.insert_or_assign(std::move(item.at), std::move(item.commit));
  }
  static std::string schema(Schemas& schemas) { return Form<std::vector<CommitAt>>::schema(schemas); }
};

template <>
inline constexpr std::string_view kRecordName<Apply> = "Apply";
void describe(auto& io, Of<Apply> auto& apply) {
  io.required("deployment", apply.deployment);
  io.required("bundle", apply.bundle);
  io.optional("target", apply.target);
  io.optional("message", apply.message);
}
template <>
inline constexpr std::string_view kRecordName<Reset> = "Reset";
void describe(auto& io, Of<Reset> auto& reset) {
  io.required("version", reset.version);
  io.optional("message", reset.message);
}

// JSON kept as text.
struct RawJson {
  std::string text;
};
template <>
struct Form<RawJson> {
  static void write(JsonWriter& json, const RawJson& value) { json.raw(value.text); }
  static void read(const JsonReader& json, RawJson& into) { into.text = json.raw(); }
  static std::string schema(Schemas& schemas) { return Form<Deployment>::schema(schemas); }
};
inline bool has_default(const RawJson& value) { return value.text.empty(); }

// A scenario keeps its deployment as text.
struct ScenarioParts {
  ScenarioName name;
  std::string description;
  Group group;
  RawJson deployment;
  ScenarioVersion newest;
};
void describe(auto& io, Of<ScenarioParts> auto& scenario) {
  io.required("name", scenario.name);
  io.required("description", scenario.description);
  io.required("group", scenario.group);
  io.optional("deployment", scenario.deployment);
  io.required("newest", scenario.newest);
}
template <>
inline constexpr std::string_view kRecordName<ScenarioParts> = "Scenario";
template <>
struct Form<Scenario> {
  static void write(JsonWriter& json, const Scenario& from) {
    Form<ScenarioParts>::write(json,
                               {from.name, from.description, from.group, {from.deployment}, from.newest});
  }
  static void read(const JsonReader& json, Scenario& into) {
    ScenarioParts parts;
    Form<ScenarioParts>::read(json, parts);
    into = Scenario{std::move(parts.name), std::move(parts.description), std::move(parts.group),
                    std::move(parts.deployment.text), std::move(parts.newest)};
  }
  static std::string schema(Schemas& schemas) { return Form<ScenarioParts>::schema(schemas); }
};
template <>
inline constexpr std::string_view kRecordName<ScenarioList> = "ScenarioList";
void describe(auto& io, Of<ScenarioList> auto& list) { io.required("scenarios", list.scenarios); }
template <>
inline constexpr std::string_view kRecordName<VersionList> = "VersionList";
void describe(auto& io, Of<VersionList> auto& list) { io.required("versions", list.versions); }
template <>
inline constexpr std::string_view kRecordName<NodeAppList> = "NodeAppList";
void describe(auto& io, Of<NodeAppList> auto& list) {
  io.required("node", list.node);
  io.required("apps", list.apps);
}

}  // namespace octo::api
