// SPDX-License-Identifier: MIT
#include "octl/print/nodes.hpp"

#include <algorithm>
#include <cmath>

#include "domain/fold.hpp"

namespace octo::octl {

namespace {

std::string print_share(double share) { return fmt::format("{:.1f}%", share * 100); }

std::string print_use(std::uint64_t used, std::uint64_t total) {
  const double share = total == 0 ? 0 : static_cast<double>(used) / static_cast<double>(total);
  return fmt::format("{} ({} / {})", print_share(share), print_bytes(used), print_bytes(total));
}

double round_to_thousandth(double share) { return std::round(share * 1000) / 1000; }

std::string print_clock(const ClockReading& clock) {
  return fmt::format("{}{} ±{}", clock.offset < Span::zero() ? "-" : "+",
                     print_span(std::chrono::abs(clock.offset)), print_span(clock.bound));
}

// As the node's own clock on the wall shows it.
std::string print_local(const HostStatus& status) {
  std::string text = print_wall(status.local_time + std::chrono::seconds(status.utc_offset_seconds));
  if (text.ends_with('Z')) text.pop_back();
  const int minutes = std::abs(status.utc_offset_seconds) / 60;
  return fmt::format("{}{}{:02}:{:02}", text, status.utc_offset_seconds < 0 ? '-' : '+', minutes / 60,
                     minutes % 60);
}

// What the time in the state is called.
std::string_view time_key(NodeState state) {
  switch (state) {
    case NodeState::online: return "online_time";
    case NodeState::suspect: return "last_active";
    case NodeState::offline: return "offline_time";
  }
  return "offline_time";
}

Json json_of(const NodeInfo& node) {
  Json json(Json::Object{
      {"name", node.record.name}, {"addr", node.record.address}, {"state", name_of(node.state)}});
  if (node.delay) json.add("delay", print_span(*node.delay));
  json.add(std::string(time_key(node.state)), print_span(node.state_for));
  return json;
}

Json json_of(const api::NodeStatus& node) {
  Json json(Json::Object{{"name", node.name}, {"state", node.state}});
  if (node.error) json.add("error", node.error->message());
  if (!node.status) return json;
  const HostStatus& status = *node.status;
  json.add("platform", status.platform);
  json.add("cpu_cores", status.cpu_cores);
  json.add("cpu_load_short", round_to_thousandth(status.cpu_load_short));
  json.add("cpu_load_long", round_to_thousandth(status.cpu_load_long));
  json.add("memory_used", status.memory_used);
  json.add("memory_total", status.memory_total);
  json.add("disk_used", status.disk_used);
  json.add("disk_total", status.disk_total);
  json.add("local_time", print_local(status));
  json.add("uptime", print_span(status.uptime));
  if (status.clock) {
    json.add("clock_offset_ns", status.clock->offset.count());
    json.add("clock_bound_ns", status.clock->bound.count());
  }
  return json;
}

std::vector<std::string> cells_of(const api::NodeStatus& node) {
  if (!node.status) return {node.name, node.state, node.error ? node.error->message() : ""};
  const HostStatus& status = *node.status;
  return {node.name,
          node.state,
          status.platform,
          fmt::format("{} x {}, {}", print_share(status.cpu_load_short), status.cpu_cores,
                      print_share(status.cpu_load_long)),
          print_use(status.memory_used, status.memory_total),
          print_use(status.disk_used, status.disk_total),
          print_local(status),
          print_span(status.uptime),
          status.clock ? print_clock(*status.clock) : ""};
}

}  // namespace

Document document_of(const api::NodeList& list) {
  std::vector<const NodeInfo*> nodes;
  for (const NodeInfo& node : list.nodes) nodes.push_back(&node);
  std::ranges::sort(nodes, [](const NodeInfo* left, const NodeInfo* right) {
    return natural_less(left->record.name.str(), right->record.name.str());
  });
  Document document{.rows = "nodes"};
  document.table.head = {"NAME", "ADDRESS", "STATE", "DELAY", "FOR", "VERSION"};
  Json::Array rows;
  for (const NodeInfo* node : nodes) {
    rows.push_back(json_of(*node));
    document.table.rows.push_back(
        {node->record.name.str(), node->record.address, std::string(name_of(node->state)),
         node->delay ? print_span(*node->delay) : "", print_span(node->state_for), node->record.version});
  }
  const auto offline =
      static_cast<std::size_t>(std::ranges::count(nodes, NodeState::offline, &NodeInfo::state));
  const std::size_t active = nodes.size() - offline;
  document.json = Json::Object{
      {"nodes", std::move(rows)}, {"total", nodes.size()}, {"active", active}, {"offline", offline}};
  document.table.foot = {fmt::format("{} nodes, {} active, {} offline", nodes.size(), active, offline)};
  return document;
}

Document names_of(const api::NodeList& list) {
  Document document{.rows = "nodes"};
  Json::Array rows;
  for (const NodeInfo& node : list.nodes) {
    rows.push_back(Json::Object{{"name", node.record.name}});
    document.table.foot.push_back(node.record.name.str());
  }
  document.json = Json::Object{{"nodes", std::move(rows)}, {"total", list.nodes.size()}};
  return document;
}

Document document_of(const api::NodeStatusList& list) {
  Document document{.rows = "nodes"};
  document.table.head = {"NAME", "STATE",      "PLATFORM", "CPU (1s, 10s)", "MEMORY",
                         "DISK", "LOCAL TIME", "UPTIME",   "CLOCK"};
  Json::Array rows;
  double cpu = 0, memory = 0, disk = 0;
  std::size_t answered = 0;
  const auto share = [](std::uint64_t used, std::uint64_t total) {
    return total == 0 ? 0 : static_cast<double>(used) / static_cast<double>(total);
  };
  for (const api::NodeStatus& node : list.nodes) {
    rows.push_back(json_of(node));
    document.table.rows.push_back(cells_of(node));
    if (!node.status) continue;
    ++answered;
    cpu += node.status->cpu_load_short;
    memory += share(node.status->memory_used, node.status->memory_total);
    disk += share(node.status->disk_used, node.status->disk_total);
  }
  document.json =
      Json::Object{{"nodes", std::move(rows)}, {"total", list.nodes.size()}, {"answered", answered}};
  if (answered > 0) {
    const auto count = static_cast<double>(answered);
    document.json.add("average_cpu_load", round_to_thousandth(cpu / count));
    document.json.add("average_memory_usage", round_to_thousandth(memory / count));
    document.json.add("average_disk_usage", round_to_thousandth(disk / count));
  }
  document.table.foot = {fmt::format("{} of {} nodes answered", answered, list.nodes.size())};
  return document;
}

Document document_of(const api::Pruned& pruned) {
  Document document{.rows = "pruned"};
  document.table.head = {"NODE", "PRUNED", "WHY NOT"};
  Json::Array gone, kept;
  for (const NodeName& name : pruned.pruned) {
    gone.emplace_back(name);
    document.table.rows.push_back({name.str(), "yes", ""});
  }
  for (const auto& node : pruned.kept) {
    kept.push_back(Json::Object{{"name", node.name}, {"why", node.why}});
    document.table.rows.push_back({node.name, "no", node.why});
  }
  document.json =
      Json::Object{{"pruned", std::move(gone)},
                   {"kept", std::move(kept)},
                   {"counts", Json::Object{{"pruned", pruned.pruned.size()}, {"kept", pruned.kept.size()}}}};
  document.table.foot = {fmt::format("{} pruned, {} kept", pruned.pruned.size(), pruned.kept.size())};
  return document;
}

}  // namespace octo::octl
