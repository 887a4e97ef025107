// SPDX-License-Identifier: MIT
// YAML as a tree with lines, read strictly: whoever reads a mapping says every key it knows, and the rest are
// faults that name file, line and the nearest known key. All faults of a file are reported at once. yaml-cpp
// stays behind this header.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "domain/deployment.hpp"

namespace octo::settings {

struct Fault {
  std::string file;
  int line = 0;  // from 1; 0: the file as a whole
  std::string text;
};
std::string print(const Fault& fault);  // "octl.yaml:12: unknown key 'passwort' (did you mean 'password'?)"
std::string print(const std::vector<Fault>& faults);  // one per line
void sort(std::vector<Fault>& faults);                // of one file, by line

// A node of the tree. Reading a wrong type adds a fault and answers the default.
class Node {
 public:
  struct Impl;
  explicit Node(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  bool present() const;
  int line() const;
  // A mapping's value; absent is an absent node. Marks the key as known.
  Node at(const std::string& key) const;
  std::string text(std::string otherwise = "") const;
  bool is_text() const;
  std::int64_t number(std::int64_t otherwise, std::int64_t low, std::int64_t high) const;
  bool flag(bool otherwise) const;
  std::vector<Node> items() const;  // of a sequence; absent or null: none
  std::vector<std::string> keys()
      const;  // of a mapping whose keys are names; each still has to be asked for with at()
  void fault(std::string text) const;  // at this node's line
  // A key that once meant something: one warning, no fault.
  void obsolete(const std::string& key, std::string_view why) const;

 private:
  std::shared_ptr<const Impl> impl_;
};

struct Document {
  std::string file;
  std::vector<Fault> faults;
  std::vector<Fault> warnings;
};
// Parses, hands the root to `read`, then adds a fault for every key that `read` did not ask for. not_found
// names the file.
Result<Document> read_yaml(const std::string& file, const std::function<void(const Node& root)>& read);

// `-c FILE` if given, else the first of /etc/octopoda/<program>/<program>.yaml, ./<program>.yaml; not_found
// lists them.
Result<std::string> find_settings(const std::string& program, const std::string& given);

// deployment.yaml (and alias.yaml beside it) of a scenario's folder; every fault at once, with what to write
// instead.
struct LoadedDeployment {
  Deployment deployment;
  std::string file;
  std::vector<Fault> faults;  // empty: the deployment is right, as far as a file can tell
  std::vector<Fault> warnings;
  std::map<NodeName, int> node_lines;  // where each node is named first, also beside faults
};
LoadedDeployment load_deployment(const std::string& folder);
// A fault, at its place among the others, for every node named that is not among `known`: the Brain tells
// which are.
void add_unknown_nodes(LoadedDeployment& loaded, const std::set<NodeName>& known);

}  // namespace octo::settings
