// SPDX-License-Identifier: MIT
// A fleet in one folder: CA, certificates, settings and data of nameserver, Brain, octl and nodes. What is
// there is kept; what is missing is made, so that an interrupted init or up is finished by the next.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "io/crypto/certificates.hpp"
#include "io/net/tls.hpp"
#include "setup/settings_text.hpp"

namespace octo::setup {

class Layout {
 public:
  explicit Layout(std::string folder) : folder_(std::move(folder)) {}
  const std::string& folder() const { return folder_; }
  std::string ca() const { return below("ca"); }
  std::string nameserver() const { return below("nameserver"); }
  std::string brain() const { return below("brain"); }
  std::string octl() const { return below("octl"); }
  std::string node(const NodeName& name) const { return below(name.str()); }
  std::string nameserver_settings() const { return below("nameserver/httpns.yaml"); }
  std::string brain_settings() const { return below("brain/brain.yaml"); }
  std::string octl_settings() const { return below("octl.yaml"); }
  std::string node_settings(const NodeName& name) const { return node(name) + "/tentacle.yaml"; }
  std::string record() const { return below("fleet.json"); }
  // How octl and its like identify themselves.
  net::TlsFiles octl_certificates() const;

 private:
  std::string below(std::string_view name) const { return fmt::format("{}/{}", folder_, name); }
  std::string folder_;
};

// Node names that are good and take none of the layout's own.
Result<std::vector<NodeName>> parse_fleet_names(const std::vector<std::string>& names);
// Nodes that have settings in this layout, sorted.
Result<std::vector<NodeName>> find_nodes(const Layout& layout);

// As the settings there are say; nothing in a layout without.
Result<std::optional<Addresses>> load_addresses(const Layout& layout);
Result<void> change_ports(const Layout& layout, const Ports& before, const Ports& after);

// CA and certificates. Then settings, and the root password (in octl.yaml and, hashed, in the Brain's data
// folder): the one in octl.yaml, else `password`.
Result<void> complete_certificates(const Layout& layout, const std::vector<NodeName>& nodes,
                                   const std::string& ip, WallTime now);
Result<void> complete_settings(const Layout& layout, const std::vector<NodeName>& nodes, const Addresses& at,
                               const Secret& password);

}  // namespace octo::setup
