// SPDX-License-Identifier: MIT
// Certificates as files, in the folders of the original's CertGen: <folder>/{ca.pem,ca.key} of the CA, and
// <folder>/<name>/{ca.pem, server.pem, server.key | client.pem, client.key} of a holder. Keys are 0600.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "io/crypto/certificates.hpp"

namespace octo::setup {

// `refuse`: conflict when a file that would be written is there already; nothing is written then.
enum class Existing { refuse, replace };

struct PemFiles {
  std::string certificate;
  std::string key;
};
// "server" for who listens, "client" for who dials.
std::string_view stem_of(crypto::Role role);
PemFiles ca_files(const std::string& folder);
PemFiles holder_files(const std::string& folder, crypto::Role role);

Result<void> make_ca(const std::string& folder, std::string_view common_name, Existing existing,
                     WallTime now);

// Writes certificate, key and a copy of ca.pem into `folder`, which is made. `ca_folder` has the CA's files.
struct HolderOrder {
  crypto::CertificateRequest request;
  std::string ca_folder;
  std::string folder;
};
Result<void> make_holder(const HolderOrder& order, Existing existing, WallTime now);

// Certificates of many nodes, each in <folder>/<name>. All names are judged before the first is made; with
// `refuse` a node that has a certificate keeps it, so that a longer list, or one that broke off, is
// continued.
struct NodesOrder {
  std::vector<std::string> names;
  std::string ca_folder;
  std::string folder;
};
enum class Outcome { made, kept };
using Told = std::function<void(const std::string& name, Outcome outcome)>;
Result<void> make_nodes(const NodesOrder& order, Existing existing, WallTime now, const Told& told);

// A name that can be a holder's and a folder's. Nodes have their own rule (domain/names.hpp) and pass this as
// well; so have Brains, whose names are the first part of what they register.
Result<void> check_holder(crypto::Role role, std::string_view name);

// Node names, one a line; blank lines and those that begin with '#' do not count. Faults name file and line.
Result<std::vector<std::string>> read_name_list(const std::string& file);

}  // namespace octo::setup
