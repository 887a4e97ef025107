// SPDX-License-Identifier: MIT
#include "setup/layout.hpp"

#include <algorithm>

#include "io/files/files.hpp"
#include "io/settings/settings.hpp"
#include "setup/certgen.hpp"
#include "setup/passwd.hpp"

namespace octo::setup {

namespace {

constexpr std::size_t kSettingsBytesMax = 1024 * 1024;
constexpr std::string_view kOwnNames[] = {"ca", "nameserver", "octl", "octl.yaml", "fleet.json", "lock"};

Result<void> complete_holder(const Layout& layout, const std::string& folder,
                             crypto::CertificateRequest request, WallTime now) {
  const std::string certificates = folder + "/cert";
  const PemFiles files = holder_files(certificates, request.role);
  if (files::exists(files.certificate) && files::exists(files.key)) return {};
  return make_holder({std::move(request), layout.ca(), certificates}, Existing::replace, now);
}

Result<void> complete_file(const std::string& path, const std::string& text) {
  if (files::exists(path)) return {};
  return files::save(path, text);
}

Result<void> complete_folders(const std::string& folder, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) OCTO_TRY(files::make_folders(files::join(folder, name)));
  return {};
}

Result<Secret> load_password(const Layout& layout) {
  return OCTO_TRY(settings::load_octl(layout.octl_settings())).settings.workgroup_password;
}

}  // namespace

net::TlsFiles Layout::octl_certificates() const {
  const PemFiles files = holder_files(octl() + "/cert", crypto::Role::client);
  return {octl() + "/cert/ca.pem", files.certificate, files.key};
}

Result<std::vector<NodeName>> parse_fleet_names(const std::vector<std::string>& names) {
  std::vector<NodeName> nodes;
  for (const std::string& text : names) {
    NodeName name = OCTO_TRY(parse_node_name(trim(text)));
    if (std::ranges::find(kOwnNames, name.str()) != std::end(kOwnNames)) {
      return fail(ErrorCode::invalid_argument,
                  "{} cannot be a node of this fleet: its folder has that name already", quote(name.str()));
    }
    if (std::ranges::find(nodes, name) != nodes.end()) {
      return fail(ErrorCode::invalid_argument, "{} is named twice", quote(name.str()));
    }
    nodes.push_back(std::move(name));
  }
  return nodes;
}

Result<std::vector<NodeName>> find_nodes(const Layout& layout) {
  std::vector<NodeName> nodes;
  if (!files::exists(layout.folder())) return nodes;
  for (const std::string& text : OCTO_TRY(files::list(layout.folder()))) {
    const auto name = parse_node_name(text);
    if (name && files::exists(layout.node_settings(*name))) nodes.push_back(*name);
  }
  return nodes;
}

Result<std::optional<Addresses>> load_addresses(const Layout& layout) {
  for (const std::string& file : {layout.nameserver_settings(), layout.brain_settings()}) {
    if (!files::exists(file)) return std::nullopt;
  }
  const auto nameserver = OCTO_TRY(settings::load_nameserver(layout.nameserver_settings())).settings;
  const auto brain = OCTO_TRY(settings::load_brain(layout.brain_settings())).settings;
  const std::string& ip = brain.octl_face.ip.empty() ? brain.name_server.host : brain.octl_face.ip;
  return Addresses{ip, {nameserver.serve_port, brain.tentacle_face.port, brain.octl_face.port}};
}

Result<void> change_ports(const Layout& layout, const Ports& before, const Ports& after) {
  std::vector<std::string> files = {layout.nameserver_settings(), layout.brain_settings(),
                                    layout.octl_settings()};
  for (const NodeName& node : OCTO_TRY(find_nodes(layout))) files.push_back(layout.node_settings(node));
  for (const std::string& file : files) {
    if (!files::exists(file)) continue;
    OCTO_TRY(files::save(file, replace_ports(OCTO_TRY(files::load(file, kSettingsBytesMax)), before, after)));
  }
  return {};
}

Result<void> complete_certificates(const Layout& layout, const std::vector<NodeName>& nodes,
                                   const std::string& ip, WallTime now) {
  using enum crypto::Role;
  const PemFiles ca = ca_files(layout.ca());
  if (!files::exists(ca.certificate) || !files::exists(ca.key)) {
    const std::string network = "octopoda";
    OCTO_TRY(make_ca(layout.ca(), network, Existing::refuse, now));
  }
  std::vector<std::string> addresses = {"localhost", "127.0.0.1"};
  if (ip != addresses[1]) addresses.push_back(ip);
  OCTO_TRY(complete_holder(layout, layout.nameserver(), {nameserver, "nameserver", addresses}, now));
  OCTO_TRY(complete_holder(layout, layout.brain(), {brain, "brain", addresses}, now));
  OCTO_TRY(complete_holder(layout, layout.octl(), {client, "operator", {}}, now));
  for (const NodeName& name : nodes)
    OCTO_TRY(complete_holder(layout, layout.node(name), {node, name.str(), {}}, now));
  return {};
}

Result<void> complete_settings(const Layout& layout, const std::vector<NodeName>& nodes, const Addresses& at,
                               const Secret& password) {
  OCTO_TRY(complete_folders(layout.nameserver(), {"data", "log"}));
  OCTO_TRY(complete_folders(layout.brain(), {"data", "workspace", "FSTORE", "log"}));
  OCTO_TRY(complete_file(layout.nameserver_settings(), print_nameserver_settings(layout.nameserver(), at)));
  OCTO_TRY(complete_file(layout.brain_settings(), print_brain_settings(layout.brain(), at)));
  for (const NodeName& name : nodes) {
    OCTO_TRY(complete_folders(layout.node(name), {"data", "workspace", "FSTORE", "pakma", "log"}));
    OCTO_TRY(complete_file(layout.node_settings(name), print_tentacle_settings(layout.node(name), at, name)));
  }
  const bool known = files::exists(layout.octl_settings());
  OCTO_TRY(complete_file(layout.octl_settings(), print_octl_settings(layout.octl(), at, password)));
  const std::string data = layout.brain() + "/data";
  if (known && files::exists(root_password_file(data))) return {};
  return set_root_password(data, known ? OCTO_TRY(load_password(layout)) : password);
}

}  // namespace octo::setup
