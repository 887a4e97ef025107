// SPDX-License-Identifier: MIT
// Log-in, nodes, blobs and problems; see form.hpp.
#pragma once
#include "api/values.hpp"

namespace octo {  // found by argument: the records of the domain live here

void describe(auto& io, api::Of<ClockReading> auto& clock) {
  io.required("offset_ns", clock.offset);
  io.required("bound_ns", clock.bound);
}
void describe(auto& io, api::Of<HostStatus> auto& status) {
  io.required("platform", status.platform);
  io.required("cpu_cores", status.cpu_cores);
  io.required("cpu_load_short", status.cpu_load_short);
  io.required("cpu_load_long", status.cpu_load_long);
  io.required("memory_used_bytes", status.memory_used);
  io.required("memory_total_bytes", status.memory_total);
  io.required("disk_used_bytes", status.disk_used);
  io.required("disk_total_bytes", status.disk_total);
  io.required("local_time", status.local_time);
  io.required("utc_offset_seconds", status.utc_offset_seconds);
  io.required("uptime_ns", status.uptime);
  io.optional("clock", status.clock);
}
void describe(auto& io, api::Of<NodeInfo> auto& node) {
  io.required("name", node.record.name);
  io.required("state", node.state);
  io.required("state_for_ns", node.state_for);
  io.required("version", node.record.version);
  io.required("address", node.record.address);
  io.optional("labels", node.record.labels);
  io.optional("instance", node.record.instance);
  io.required("joined", node.record.joined);
  io.required("online_since", node.record.online_since);
  io.required("last_heard", node.record.last_heard);
  io.optional("delay_ns", node.delay);
  io.optional("clock", node.clock);
}

}  // namespace octo

namespace octo::api {

template <>
inline constexpr std::string_view kRecordName<ClockReading> = "ClockReading";
template <>
inline constexpr std::string_view kRecordName<HostStatus> = "HostStatus";
template <>
inline constexpr std::string_view kRecordName<NodeInfo> = "Node";

template <>
inline constexpr std::string_view kRecordName<Pinged> = "Pinged";
void describe(auto& io, Of<Pinged> auto& pinged) {
  io.required("brain", pinged.brain);
  io.required("version", pinged.version);
}
template <>
inline constexpr std::string_view kRecordName<Login> = "Login";
void describe(auto& io, Of<Login> auto& login) {
  io.optional("group", login.group);
  io.required("password", login.password);
}
template <>
inline constexpr std::string_view kRecordName<LoggedIn> = "LoggedIn";
void describe(auto& io, Of<LoggedIn> auto& answer) {
  io.required("token", answer.token);
  io.required("expires_in_seconds", answer.expires_in_seconds);
  io.required("group", answer.group);
  io.required("brain", answer.brain);
}

template <>
inline constexpr std::string_view kRecordName<NodeList> = "NodeList";
void describe(auto& io, Of<NodeList> auto& list) {
  io.required("nodes", list.nodes);
  io.required("brain", list.brain);
  io.required("brain_version", list.brain_version);
  io.required("brain_address", list.brain_address);
}
template <>
inline constexpr std::string_view kRecordName<NodeStatus> = "NodeStatus";
void describe(auto& io, Of<NodeStatus> auto& node) {
  io.required("name", node.name);
  io.required("state", node.state);
  io.optional("status", node.status);
  io.optional("error", node.error);
}
template <>
inline constexpr std::string_view kRecordName<NodeStatusList> = "NodeStatusList";
void describe(auto& io, Of<NodeStatusList> auto& list) { io.required("nodes", list.nodes); }

template <>
inline constexpr std::string_view kRecordName<Prune> = "Prune";
void describe(auto& io, Of<Prune> auto& prune) {
  io.optional("all", prune.all);
  io.optional("names", prune.names);
}
void describe(auto& io, Of<Pruned::Kept> auto& kept) {
  io.required("name", kept.name);
  io.required("why", kept.why);
}
template <>
inline constexpr std::string_view kRecordName<Pruned> = "Pruned";
void describe(auto& io, Of<Pruned> auto& pruned) {
  io.required("pruned", pruned.pruned);
  io.required("kept", pruned.kept);
}

template <>
inline constexpr std::string_view kRecordName<Hashes> = "Hashes";
void describe(auto& io, Of<Hashes> auto& hashes) { io.required("hashes", hashes.hashes); }

// RFC 9457.
struct ProblemParts {
  ErrorCode code = ErrorCode::internal;
  std::string detail;
};
template <>
inline constexpr std::string_view kRecordName<ProblemParts> = "Problem";
void describe(auto& io, Of<ProblemParts> auto& problem) {
  io.told("type", fmt::format("urn:octopoda:error:{}", name_of(problem.code)));
  std::string title(name_of(problem.code));
  std::ranges::replace(title, '_', ' ');
  io.told("title", title);
  io.told("status", http_status_of(problem.code));
  io.required("detail", problem.detail);
  io.required("code", problem.code);
}

template <>
inline constexpr std::string_view kRecordName<LogLine> = "LogLine";
void describe(auto& io, Of<LogLine> auto& line) { io.bytes("line", "line64", line.line); }

}  // namespace octo::api
