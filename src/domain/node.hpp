// SPDX-License-Identifier: MIT
// Node: a machine with an agent; how alive it is, and what it says of itself.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/names.hpp"

namespace octo {

enum class NodeState : std::uint8_t { online, suspect, offline };
std::string_view name_of(NodeState state);
// By how long the node has been silent; suspect from 15 s, offline from 45 s. A node without a session is
// offline.
NodeState state_after(Span silence);

// Clock of a node against the Brain's: node time + offset = Brain time, true within ± bound.
struct ClockReading {
  Span offset{};
  Span bound{};
  friend bool operator==(const ClockReading&, const ClockReading&) = default;
};

// What a node says of itself in its settings, for node sets: "arch" is "arm64". Sorted by key.
using Labels = std::vector<std::pair<std::string, std::string>>;
inline constexpr std::size_t kLabelsMax =
    64;  // they travel in the hello and are looked through for every set
// Keys and values as node sets can name them, each key once.
Result<void> check(const Labels& labels);
// One "key=value" a line; back only what print_labels() made.
std::string print_labels(const Labels& labels);
Labels parse_labels(std::string_view text);

// What the Brain remembers of a node; the moving parts come from the live session.
struct NodeRecord {
  NodeName name;
  std::string version;    // of the agent
  std::string address;    // ip the session comes from
  std::string instance;   // changes when the node is reinstalled
  WallTime joined;        // first ever
  WallTime online_since;  // of the present or last session
  WallTime last_heard;
  Labels labels;
};

struct NodeInfo {
  NodeRecord record;
  NodeState state = NodeState::offline;
  std::optional<Span> delay;  // half the smallest recent round trip
  std::optional<ClockReading> clock;
  Span state_for{};  // online time, time since last heard, …
};

// Facts of the host as it measured them just now.
struct HostStatus {
  std::string platform;  // "linux 6.1.0-18-amd64 x86_64"
  std::uint32_t cpu_cores = 0;
  double cpu_load_short = 0;                        // busy share of all cores over the last second, 0…1
  double cpu_load_long = 0;                         // over the last ten
  std::uint64_t memory_used = 0, memory_total = 0;  // bytes; used = total − available
  std::uint64_t disk_used = 0, disk_total = 0;      // of the file system that holds the workspace
  WallTime local_time{};
  std::int32_t utc_offset_seconds = 0;
  Span uptime{};
  std::optional<ClockReading> clock;
};

// Which lines of a program's log.
struct LogQuestion {
  std::uint64_t lines = 30;  // so many before the end
  std::optional<std::uint32_t>
      days_before;      // none older than so many days before today; nothing: all there is
  bool follow = false;  // and those that are written from then on
  friend bool operator==(const LogQuestion&, const LogQuestion&) = default;
};

}  // namespace octo
