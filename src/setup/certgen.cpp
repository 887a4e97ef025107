// SPDX-License-Identifier: MIT
#include "setup/certgen.hpp"

#include <algorithm>

#include "domain/names.hpp"
#include "io/files/files.hpp"
#include "setup/addresses.hpp"

namespace octo::setup {

namespace {

constexpr std::size_t kPemBytesMax = 64 * 1024;         // a chain of several certificates is a few KB
constexpr std::size_t kNameListBytesMax = 1024 * 1024;  // 16,000 names of the longest kind
constexpr unsigned kPublicMode = 0644;

Result<void> refuse_existing(const PemFiles& files) {
  for (const std::string& path : {files.certificate, files.key}) {
    if (!files::exists(path)) continue;
    return fail(ErrorCode::conflict, "{} is there already; --force replaces it", quote(path));
  }
  return {};
}

// The key first: a certificate without key would look whole to whoever lists the folder.
Result<void> save_pair(const PemFiles& files, const crypto::KeyAndCertificate& made) {
  OCTO_TRY(files::save(files.key, made.key_pem.reveal()));
  return files::save(files.certificate, made.certificate_pem, kPublicMode);
}

Result<crypto::KeyAndCertificate> load_ca(const std::string& folder) {
  const PemFiles files = ca_files(folder);
  for (const std::string& path : {files.certificate, files.key}) {
    if (files::exists(path)) continue;
    return fail(ErrorCode::not_found,
                "there is no CA in {} ({} is missing); make one with: octopoda certgen ca <CN>, or say "
                "where it is with --ca FOLDER",
                quote(folder), path.substr(path.rfind('/') + 1));
  }
  crypto::KeyAndCertificate ca;
  ca.certificate_pem = OCTO_TRY(files::load(files.certificate, kPemBytesMax));
  ca.key_pem = Secret(OCTO_TRY(files::load(files.key, kPemBytesMax)));
  return ca;
}

}  // namespace

std::string_view stem_of(crypto::Role role) {
  return role == crypto::Role::nameserver || role == crypto::Role::brain ? "server" : "client";
}

PemFiles ca_files(const std::string& folder) {
  return {files::join(folder, "ca.pem"), files::join(folder, "ca.key")};
}

PemFiles holder_files(const std::string& folder, crypto::Role role) {
  const std::string stem(stem_of(role));
  return {files::join(folder, stem + ".pem"), files::join(folder, stem + ".key")};
}

Result<void> make_ca(const std::string& folder, std::string_view common_name, Existing existing,
                     WallTime now) {
  const PemFiles files = ca_files(folder);
  if (existing == Existing::refuse) OCTO_TRY(refuse_existing(files));
  const auto made = OCTO_TRY(crypto::make_ca(common_name, now));
  OCTO_TRY(files::make_folders(folder));
  return save_pair(files, made);
}

Result<void> make_holder(const HolderOrder& order, Existing existing, WallTime now) {
  OCTO_TRY(check_holder(order.request.role, order.request.name));
  for (const std::string& address : order.request.addresses) OCTO_TRY(check_server_address(address));
  const PemFiles files = holder_files(order.folder, order.request.role);
  if (existing == Existing::refuse) OCTO_TRY(refuse_existing(files));
  const auto ca = OCTO_TRY(load_ca(order.ca_folder));
  const auto made = OCTO_TRY(crypto::make_certificate(ca, order.request, now));
  OCTO_TRY(files::make_folders(order.folder));
  OCTO_TRY(files::save(files::join(order.folder, "ca.pem"), ca.certificate_pem, kPublicMode));
  return save_pair(files, made);
}

Result<void> make_nodes(const NodesOrder& order, Existing existing, WallTime now, const Told& told) {
  for (const std::string& name : order.names) OCTO_TRY(check_holder(crypto::Role::node, name));
  for (const std::string& name : order.names) {
    const std::string folder = files::join(order.folder, name);
    const bool has_one = files::exists(holder_files(folder, crypto::Role::node).certificate);
    if (has_one && existing == Existing::refuse) {
      told(name, Outcome::kept);
      continue;
    }
    // A key without certificate is of one that broke off, see save_pair().
    OCTO_TRY(make_holder({{crypto::Role::node, name, {}}, order.ca_folder, folder}, Existing::replace, now)
                 .with(quote(name)));
    told(name, Outcome::made);
  }
  return {};
}

Result<void> check_holder(crypto::Role role, std::string_view name) {
  if (role == crypto::Role::node) {
    OCTO_TRY(parse_node_name(name));
    return {};
  }
  constexpr std::size_t kCommonNameMax = 64;  // RFC 5280, ub-common-name
  const bool plain = std::ranges::none_of(
      name, [](char c) { return c == '/' || c == 0x7f || static_cast<unsigned char>(c) < 0x20; });
  if (plain && !name.empty() && name.size() <= kCommonNameMax && !name.starts_with('.') && is_utf8(name)) {
    if (role == crypto::Role::brain) OCTO_TRY(check_brain_name(name));
    return {};
  }
  return fail(ErrorCode::invalid_argument,
              "{} cannot be a holder's name: 1 to {} bytes of UTF-8 without '/' and control "
              "characters, no '.' first",
              quote(name), kCommonNameMax);
}

Result<std::vector<std::string>> read_name_list(const std::string& file) {
  const Bytes text = OCTO_TRY(files::load(file, kNameListBytesMax));
  std::vector<std::string> names;
  std::size_t number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    const std::string name(trim(line));
    if (name.empty() || name.starts_with('#')) continue;
    OCTO_TRY(check_holder(crypto::Role::node, name).with(fmt::format("{}:{}", file, number)));
    if (std::ranges::find(names, name) != names.end()) {
      return fail(ErrorCode::invalid_argument, "{}:{}: {} is named twice", file, number, quote(name));
    }
    names.push_back(name);
  }
  if (names.empty())
    return fail(ErrorCode::invalid_argument, "{} names no node: one name a line", quote(file));
  return names;
}

}  // namespace octo::setup
