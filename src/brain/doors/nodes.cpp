// SPDX-License-Identifier: MIT
#include <algorithm>

#include "async/nursery.hpp"
#include "brain/doors/visit.hpp"
#include "domain/fold.hpp"

namespace octo::brain {

namespace {

bool means_all(const std::string& name) {
  return name == "@" || name == "@all" || name == "ALL" || name == "all";
}

std::vector<std::string> names_of(const http::Request& request) {
  std::vector<std::string> names;
  const auto [begin, end] = request.query.equal_range("names");
  for (auto each = begin; each != end; ++each) names.push_back(each->second);
  return names;
}

}  // namespace

Doors::Answer Doors::ping(Visit&) {
  co_return json_reply(api::encode(api::Pinged{about_.brain, about_.version}));
}

Doors::Answer Doors::login(Visit& visit) {
  auto login = OCTO_CO_TRY(api::decode_login(visit.request.body));
  co_return json_reply(
      api::encode(OCTO_CO_TRY(co_await ports_.gate.login(std::move(login), visit.caller.name))));
}

// Names to nodes, each once, in natural order. An unknown name is an error, never left out silently.
Async<Result<std::vector<NodeInfo>>> Doors::select(std::vector<std::string> names, bool all_when_empty) {
  std::vector<NodeInfo> nodes = OCTO_CO_TRY(co_await ports_.verbs.nodes());
  if (names.empty() && !all_when_empty)
    co_return fail(ErrorCode::invalid_argument, "no node is named; @all means all of them");
  if (names.empty() || std::ranges::any_of(names, means_all)) {
    if (nodes.empty() && !names.empty()) co_return fail(ErrorCode::not_found, "no node has joined yet");
    co_return nodes;
  }
  std::set<std::string> wanted(names.begin(), names.end());
  std::erase_if(nodes, [&](const NodeInfo& node) { return !wanted.contains(node.record.name.str()); });
  for (const NodeInfo& node : nodes) wanted.erase(node.record.name.str());
  if (!wanted.empty()) {
    co_return fail(ErrorCode::not_found, "no such node: {}; see them with: octl node get",
                   fold_names({wanted.begin(), wanted.end()}));
  }
  co_return nodes;
}

Doors::Answer Doors::nodes_list(Visit& visit) {
  api::NodeList list{OCTO_CO_TRY(co_await select(names_of(visit.request), true)), about_.brain,
                     about_.version, about_.address};
  co_return json_reply(api::encode(list));
}

Async<void> Doors::ask_status(NodeInfo node, api::NodeStatus& into) {
  into.name = node.record.name.str();
  into.state = name_of(node.state);
  auto status = co_await ports_.fleet.status(node.record.name);
  if (status) into.status = std::move(*status);
  else into.error = status.error();
}

Doors::Answer Doors::nodes_status(Visit& visit) {
  std::vector<std::string> names = names_of(visit.request);
  const bool brain_too = std::erase(names, "brain") > 0;
  std::vector<NodeInfo> nodes;
  if (!brain_too || !names.empty()) nodes = OCTO_CO_TRY(co_await select(names, true));
  api::NodeStatusList list;
  list.nodes.resize(nodes.size());
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    for (std::size_t i = 0; i < nodes.size(); ++i) nursery.spawn(ask_status(nodes[i], list.nodes[i]));
    co_await nursery.join();
  });
  if (brain_too) {
    api::NodeStatus own{"brain", "online", std::nullopt, std::nullopt};
    auto status = co_await ports_.own_status();
    if (status) own.status = std::move(*status);
    else own.error = status.error();
    list.nodes.insert(list.nodes.begin(), std::move(own));
  }
  co_return json_reply(api::encode(list));
}

Doors::Answer Doors::nodes_prune(Visit& visit) {
  const auto prune = OCTO_CO_TRY(api::decode_prune(visit.request.body));
  if (prune.all == !prune.names.empty())
    co_return fail(ErrorCode::invalid_argument, "name the nodes, or say all: exactly one of the two");
  std::vector<std::string> names;
  for (const NodeName& name : prune.names) names.push_back(name.str());
  const auto answer_of = [](const Verbs::PruneOutcome& outcome) {
    api::Pruned pruned{outcome.pruned, {}};
    for (const auto& [name, why] : outcome.kept) pruned.kept.push_back({name, why});
    return api::encode(pruned);
  };
  const std::string object = prune.all ? "all offline nodes" : fold_names(names);
  const auto outcome = OCTO_CO_TRY(
      co_await ports_.verbs.prune(names, prune.all, stamp_of(visit, "node.prune", object, ""), answer_of));
  co_return json_reply(answer_of(outcome));
}

Doors::Answer Doors::node_apps(Visit& visit) {
  const NodeName node = OCTO_CO_TRY(parse_node_name(visit.segments.at("node")));
  OCTO_CO_TRY(co_await select({node.str()}, false));
  co_return json_reply(
      api::encode(api::NodeAppList{node, OCTO_CO_TRY(co_await ports_.fleet.apps(node, std::nullopt, 0, 1))}));
}

Doors::Answer Doors::node_app_get(Visit& visit) {
  constexpr std::uint64_t kMost = 10'000;
  const NodeName node = OCTO_CO_TRY(parse_node_name(visit.segments.at("node")));
  const AppAt app = OCTO_CO_TRY(parse_app_at(visit.segments.at("app")));
  const auto offset = OCTO_CO_TRY(visit.number("offset", 0, 1'000'000'000)),
             limit = OCTO_CO_TRY(visit.number("limit", 100, kMost));
  OCTO_CO_TRY(co_await select({node.str()}, false));
  co_return json_reply(
      api::encode(api::NodeAppList{node, OCTO_CO_TRY(co_await ports_.fleet.apps(node, app, offset, limit))}));
}

}  // namespace octo::brain
