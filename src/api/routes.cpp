// SPDX-License-Identifier: MIT
#include "api/routes.hpp"

#include <algorithm>
#include <array>

#include "api/records.hpp"
#include "base/text.hpp"
#include "domain/limits.hpp"

namespace octo::api {

namespace {

constexpr std::size_t kNone = 0;
constexpr std::size_t kSmall = 32 * 1024;        // a name and a message, escaped
constexpr std::size_t kLarge = 4 * 1024 * 1024;  // a script, its environment and every node by name, escaped
constexpr std::size_t kBlob = limits::manifest_bytes_max;

using enum RouteId;
using enum Scope;
constexpr bool reads = false;
constexpr bool changes = true;

constexpr std::array<Route, kRouteCount> kRoutes = {{
    {ping, "GET", "/ping", anyone, kNone, reads, "Which Brain this is"},
    {login, "POST", "/login", anyone, kSmall, reads, "Password of a workgroup for a token of one hour"},
    {nodes_list, "GET", "/nodes", group, kNone, reads, "Nodes with their states"},
    {nodes_status, "GET", "/nodes/status", group, kNone, reads, "What the hosts say of themselves just now"},
    {nodes_prune, "POST", "/nodes/prune", group, kLarge, changes, "Forget nodes that are offline"},
    {tasks_start, "POST", "/tasks", group, kLarge, changes, "Run a command or a script on nodes"},
    {tasks_list, "GET", "/tasks", group, kNone, reads, "Tasks, newest first"},
    {task_get, "GET", "/tasks/{task}", group, kNone, reads, "A task with its runs"},
    {task_events, "GET", "/tasks/{task}/events", group, kNone, reads,
     "What happened to a task and what happens yet"},
    {task_cancel, "POST", "/tasks/{task}/cancel", group, kSmall, changes, "End what still runs of a task"},
    {blobs_missing, "POST", "/blobs/missing", group, kLarge, reads, "Which of these blobs the Brain lacks"},
    {blob_put, "PUT", "/blobs/{hash}", group, kBlob, changes, "A chunk or a manifest, named by its SHA-256"},
    {scenarios_list, "GET", "/scenarios", group, kNone, reads, "Scenarios"},
    {scenario_get, "GET", "/scenarios/{scenario}", group, kNone, reads, "A scenario with its newest version"},
    {scenario_versions, "GET", "/scenarios/{scenario}/versions", group, kNone, reads,
     "Versions, newest first"},
    {scenario_apply, "POST", "/scenarios/{scenario}/apply", group, kLarge, changes, "Carry out a target"},
    {scenario_reset, "POST", "/scenarios/{scenario}/reset", group, kSmall, changes, "Bring back a version"},
    {node_apps, "GET", "/nodes/{node}/apps", group, kNone, reads, "Nodeapps of a node"},
    {node_app_get, "GET", "/nodes/{node}/apps/{app}", group, kNone, reads,
     "A nodeapp (app@scenario) with its versions"},
    {node_app_reset, "POST", "/nodes/{node}/apps/{app}/reset", group, kSmall, changes,
     "Bring back a nodeapp's version"},
    {node_log, "GET", "/nodes/{node}/log", group, kNone, reads,
     "Lines of a node's or the Brain's log (?lines&days&follow), as NDJSON"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    if (kRoutes[i].id != static_cast<RouteId>(i) || kRoutes[i].method.empty() || kRoutes[i].summary.empty())
      return false;
  }
  return true;
}
static_assert(in_order(), "one row for each RouteId, in its order");

std::optional<std::string> decode_segment(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
    out.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
    i += 2;
  }
  return out;
}

using Segments = std::map<std::string, std::string>;

std::optional<Segments> fit(std::string_view pattern, const std::vector<std::string>& path) {
  const auto words = split(pattern.substr(1), '/');
  if (words.size() != path.size()) return std::nullopt;
  Segments segments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto decoded = decode_segment(path[i]);
    if (!decoded || decoded->empty()) return std::nullopt;
    if (words[i].starts_with('{'))
      segments.emplace(words[i].substr(1, words[i].size() - 2), std::move(*decoded));
    else if (words[i] != *decoded) return std::nullopt;
  }
  return segments;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }
const Route& route_of(RouteId id) { return kRoutes[static_cast<std::size_t>(id)]; }

std::optional<Match> match(std::string_view method, std::string_view path) {
  if (!path.starts_with(kPrefix) || !path.substr(kPrefix.size()).starts_with('/')) return std::nullopt;
  const auto segments = split(path.substr(kPrefix.size() + 1), '/');
  std::optional<Match> found;
  for (const Route& route : kRoutes) {
    auto fitted = fit(route.path, segments);
    if (!fitted) continue;
    if (route.method == method) return Match{&route, std::move(*fitted)};
    found = Match{};
  }
  return found;
}

}  // namespace octo::api
