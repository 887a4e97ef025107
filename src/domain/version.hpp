// SPDX-License-Identifier: MIT
// Scenario version: an immutable record of one state of a scenario on all its nodes.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/names.hpp"

namespace octo {

struct NodeAppAt {
  NodeName node;
  AppName app;
  friend auto operator<=>(const NodeAppAt&, const NodeAppAt&) = default;
};

struct ScenarioVersion {
  std::string id;      // SHA-256 of canonical(record), hex; set by whoever stores it
  std::string parent;  // id of the version before, or ""
  ScenarioName scenario;
  Sha256 bundle;                             // manifest of the whole scenario folder it was made from
  std::map<NodeAppAt, std::string> commits;  // git commit per nodeapp
  std::vector<NodeAppAt> missing;            // not durable there: the version is partial
  std::string message;
  WallTime made;
  bool partial() const { return !missing.empty(); }
  friend bool operator==(const ScenarioVersion&, const ScenarioVersion&) = default;
};

// The text whose SHA-256 is the id: every field but the id, one per line, names length-prefixed. See
// spec/files.md.
std::string canonical(const ScenarioVersion& version);

// The one id that begins with `prefix` (3 characters at least). Ambiguous: conflict, listing the candidates.
// Equal ids count once.
Result<std::string> find_by_prefix(const std::vector<std::string>& ids, std::string_view prefix);

// A scenario as it stands.
struct Scenario {
  ScenarioName name;
  std::string description;
  Group group;
  std::string deployment;  // JSON, as api encodes it
  ScenarioVersion newest;
};

// One version of a nodeapp.
struct NodeAppVersion {
  std::string commit;
  std::string message;
  WallTime made;
};
struct NodeAppInfo {
  AppAt app;
  std::string description;
  std::string path;       // folder on the node
  bool modified = false;  // files differ from the newest version
  std::uint64_t version_count = 0;
  std::vector<NodeAppVersion> versions;  // newest first, as many as asked for
};

}  // namespace octo
