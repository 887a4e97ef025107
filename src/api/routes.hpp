// SPDX-License-Identifier: MIT
// Every route of the Brain in one table: method, path, what a caller must be, how large a body may be. The
// doors are bound to it by id, so a route without scope and limit cannot exist; openapi.json is printed from
// it.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace octo::api {

enum class Scope : std::uint8_t {
  anyone,  // an operator certificate, no token: ping and login
  group,   // a token; sees and touches only what its workgroup may
};

enum class RouteId : std::uint8_t {
  ping,
  login,
  nodes_list,
  nodes_status,
  nodes_prune,
  tasks_start,
  tasks_list,
  task_get,
  task_events,
  task_cancel,
  blobs_missing,
  blob_put,
  scenarios_list,
  scenario_get,
  scenario_versions,
  scenario_apply,
  scenario_reset,
  node_apps,
  node_app_get,
  node_app_reset,
  node_log,
};
inline constexpr std::size_t kRouteCount = static_cast<std::size_t>(RouteId::node_log) + 1;

struct Route {
  RouteId id;
  std::string_view method;
  std::string_view path;  // below /api/v2; "{name}" stands for one segment
  Scope scope;
  std::size_t body_bytes_max;  // 0: no body
  bool mutates;                // needs an Idempotency-Key when it is a POST
  std::string_view summary;
};
std::span<const Route> routes();  // in the order of RouteId
const Route& route_of(RouteId id);

struct Match {
  const Route* route = nullptr;
  std::map<std::string, std::string> segments;  // decoded
};
// `path` as sent, still percent-encoded. Nothing: no such path; a Match without route: path known, method
// not.
std::optional<Match> match(std::string_view method, std::string_view path);

// OpenAPI 3.1, deterministic.
std::string print_openapi();

}  // namespace octo::api
