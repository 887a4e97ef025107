// SPDX-License-Identifier: MIT
#include "api/describe_nodes.hpp"
#include "api/describe_scenarios.hpp"
#include "api/describe_tasks.hpp"
#include "api/routes.hpp"

namespace octo::api {

namespace {

using SchemaOf = std::string (*)(Schemas&);
template <class T>
std::string schema_of(Schemas& schemas) {
  return Form<T>::schema(schemas);
}

constexpr std::string_view kText = R"({"type":"string"})";
constexpr std::string_view kCount = R"({"type":"integer","minimum":0})";
constexpr std::string_view kNames = R"({"type":"array","items":{"type":"string"}})";
struct Query {
  std::string_view name;
  std::string_view schema;
  std::string_view description;
};
// What the route table does not say: who reads and writes which records.
struct Shape {
  RouteId id;
  int status;
  SchemaOf answer;
  SchemaOf request = nullptr;
  bool streams = false;  // events, if `accept` asks for them
  std::vector<Query> query;
};

constexpr std::string_view kNamesHelp = "names, @all; all nodes when absent";
const std::vector<Query> kPages = {{"offset", kCount, "how many of the newest to leave out"},
                                   {"limit", kCount, "how many"}};

const std::vector<Shape>& shapes() {
  using enum RouteId;
  static const std::vector<Shape> all = {
      {ping, 200, schema_of<Pinged>},
      {login, 200, schema_of<LoggedIn>, schema_of<Login>},
      {nodes_list, 200, schema_of<NodeList>, nullptr, false, {{"names", kNames, kNamesHelp}}},
      {nodes_status, 200, schema_of<NodeStatusList>, nullptr, false, {{"names", kNames, kNamesHelp}}},
      {nodes_prune, 200, schema_of<Pruned>, schema_of<Prune>},
      {tasks_start, 201, schema_of<TaskStarted>, schema_of<StartTask>, true},
      {tasks_list,
       200,
       schema_of<TaskList>,
       nullptr,
       false,
       {{"state", kText, "only tasks in this state"},
        {"caller", kText, "only tasks of this operator"},
        {"node", kText, "only tasks that had this node among theirs"},
        {"limit", kCount, "how many"},
        {"page", kText, "`next` of the page before"}}},
      {task_get, 200, schema_of<TaskDetail>},
      {task_events,
       200,
       nullptr,
       nullptr,
       true,
       {{"from", kText, "number of the first event wanted; or last: that one, and what comes"},
        {"output", kCount, "0: without what the runs write"}}},
      {task_cancel, 202, schema_of<TaskStarted>},
      {blobs_missing, 200, schema_of<Hashes>, schema_of<Hashes>},
      {blob_put, 204, nullptr},
      {scenarios_list, 200, schema_of<ScenarioList>},
      {scenario_get, 200, schema_of<Scenario>},
      {scenario_versions, 200, schema_of<VersionList>, nullptr, false, kPages},
      {scenario_apply, 201, schema_of<TaskStarted>, schema_of<Apply>, true},
      {scenario_reset, 201, schema_of<TaskStarted>, schema_of<Reset>, true},
      {node_apps, 200, schema_of<NodeAppList>, nullptr, false, kPages},
      {node_app_get, 200, schema_of<NodeAppList>, nullptr, false, kPages},
      {node_app_reset, 201, schema_of<TaskStarted>, schema_of<Reset>, true},
      {node_log,
       200,
       schema_of<LogLine>,
       nullptr,
       false,
       {{"lines", kCount, "so many before the end"},
        {"days", kCount, "none older than so many days before today"},
        {"follow", kCount, "1: and what is written from then on"}}},
  };
  OCTO_EXPECTS(all.size() == kRouteCount);
  return all;
}

std::string quoted(std::string_view text) {
  JsonWriter json;
  json.text(text);
  return json.take();
}

std::string print_parameters(const Route& route, const Shape& shape) {
  std::vector<std::string> all;
  const auto add = [&](std::string_view name, std::string_view in, bool required, std::string_view schema,
                       std::string_view help) {
    all.push_back(fmt::format(R"({{"name":"{}","in":"{}","required":{},"schema":{},"description":{}}})", name,
                              in, required, schema, quoted(help)));
  };
  for (std::size_t at = route.path.find('{'); at != std::string_view::npos;
       at = route.path.find('{', at + 1)) {
    add(route.path.substr(at + 1, route.path.find('}', at) - at - 1), "path", true, kText, "percent-encoded");
  }
  if (route.mutates && route.method == "POST") {
    add("Idempotency-Key", "header", true, kText, "the same key and body answer the same for a day");
  }
  for (const Query& query : shape.query) add(query.name, "query", false, query.schema, query.description);
  return fmt::format("[{}]", fmt::join(all, ","));
}

std::string print_content(std::string_view type, std::string_view schema) {
  return fmt::format(R"("{}":{{"schema":{}}})", type, schema);
}

std::string print_operation(const Route& route, const Shape& shape, Schemas& schemas) {
  std::vector<std::string> answers;
  if (shape.answer != nullptr) answers.push_back(print_content("application/json", shape.answer(schemas)));
  if (shape.streams) answers.push_back(print_content("application/x-ndjson", schema_of<TaskEvent>(schemas)));
  std::string body;
  if (route.id == RouteId::blob_put)
    body = print_content("application/octet-stream", R"({"type":"string","format":"binary"})");
  if (shape.request != nullptr) body = print_content("application/json", shape.request(schemas));
  if (!body.empty()) body = fmt::format(R"("requestBody":{{"required":true,"content":{{{}}}}},)", body);
  return fmt::format(R"("{}":{{"summary":{},"security":[{{"certificate":[]{}}}],"x-body-bytes-max":{},)"
                     R"("parameters":{},{}"responses":{{"{}":{{"description":"done"{}}},)"
                     R"("default":{{"description":"a problem","content":{{{}}}}}}}}})",
                     lower(route.method), quoted(route.summary),
                     route.scope == Scope::group ? R"(,"token":[])" : "", route.body_bytes_max,
                     print_parameters(route, shape), body, shape.status,
                     answers.empty() ? "" : fmt::format(R"(,"content":{{{}}})", fmt::join(answers, ",")),
                     print_content("application/problem+json", schema_of<ProblemParts>(schemas)));
}

// Two spaces a level, for people who read the file's changes.
std::string indented(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool in_text = false;
  const auto line = [&] { out += '\n' + std::string(2 * depth, ' '); };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      out += c;
      if (c == '\\') out += json[++i];
      in_text = c != '"';
    } else if ((c == '{' || c == '[') && (json[i + 1] == '}' || json[i + 1] == ']')) {
      out += {c, json[++i]};
    } else if (c == '{' || c == '[') {
      out += c;
      ++depth;
      line();
    } else if (c == '}' || c == ']') {
      --depth;
      line();
      out += c;
    } else {
      out += c;
      if (c == ',') line();
      if (c == ':') out += ' ';
      in_text = c == '"';
    }
  }
  return out + '\n';
}

}  // namespace

std::string print_openapi() {
  Schemas schemas;
  // A path is there once, with all its methods: of two members of one name a reader keeps the last.
  std::vector<std::pair<std::string_view, std::vector<std::string>>> operations;
  for (std::size_t i = 0; i < kRouteCount; ++i) {
    const Route& route = routes()[i];
    OCTO_EXPECTS(shapes()[i].id == route.id);
    auto place = std::ranges::find(operations, route.path, [](const auto& entry) { return entry.first; });
    if (place == operations.end()) place = operations.insert(place, {route.path, {}});
    place->second.push_back(print_operation(route, shapes()[i], schemas));
  }
  std::vector<std::string> paths;
  for (const auto& [path, methods] : operations)
    paths.push_back(fmt::format(R"("{}{}":{{{}}})", kPrefix, path, fmt::join(methods, ",")));
  std::vector<std::string> records;
  for (const auto& [name, schema] : schemas) records.push_back(fmt::format(R"("{}":{})", name, schema));
  return indented(
      fmt::format(R"({{"openapi":"3.1.0","info":{{"title":"Octopoda Brain","version":"2"}},"paths":{{{}}},)"
                  R"("components":{{"securitySchemes":{{"certificate":{{"type":"mutualTLS"}},)"
                  R"("token":{{"type":"http","scheme":"bearer"}}}},"schemas":{{{}}}}}}})",
                  fmt::join(paths, ","), fmt::join(records, ",")));
}

}  // namespace octo::api
