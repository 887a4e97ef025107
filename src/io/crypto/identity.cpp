// SPDX-License-Identifier: MIT
#include "io/crypto/identity.hpp"

#include <array>

#include "base/text.hpp"

namespace octo::crypto {

namespace {

constexpr std::string_view kScheme = "octopoda://";
constexpr std::array<std::pair<Role, std::string_view>, 4> kRoles = {{{Role::nameserver, "nameserver"},
                                                                      {Role::brain, "brain"},
                                                                      {Role::node, "node"},
                                                                      {Role::client, "client"}}};

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::string encode_segment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) out.push_back(c);
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::optional<std::string> decode_segment(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const auto digit = [](char c) { return std::string_view("0123456789ABCDEF").find(c); };
    if (i + 2 >= text.size() || digit(text[i + 1]) > 15 || digit(text[i + 2]) > 15) return std::nullopt;
    out.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
    i += 2;
  }
  return out;
}

}  // namespace

std::string_view name_of(Role role) {
  for (const auto& [candidate, name] : kRoles) {
    if (candidate == role) return name;
  }
  return {};
}

std::optional<Role> find_role(std::string_view name) {
  for (const auto& [role, candidate] : kRoles) {
    if (candidate == name) return role;
  }
  return std::nullopt;
}

std::string print_uri(const Identity& identity) {
  return fmt::format("{}{}/{}/{}", kScheme, encode_segment(identity.network), name_of(identity.role),
                     encode_segment(identity.name));
}

Result<Identity> parse_uri(std::string_view uri) {
  const auto bad = [&] {
    return fail(ErrorCode::invalid_argument, "{} names no holder as octopoda://network/role/name",
                quote(uri));
  };
  if (!uri.starts_with(kScheme)) return bad();
  const auto parts = split(uri.substr(kScheme.size()), '/');
  if (parts.size() != 3) return bad();
  const auto network = decode_segment(parts[0]);
  const auto role = find_role(parts[1]);
  const auto name = decode_segment(parts[2]);
  if (!network || network->empty() || !role || !name || name->empty()) return bad();
  return Identity{*network, *role, *name};
}

Result<void> check(const Identity& identity, const ExpectedPeer& expected) {
  if (identity.role == expected.role && (expected.name.empty() || identity.name == expected.name)) return {};
  return fail(ErrorCode::forbidden, "the peer's certificate is of {} {}, expected {}{}",
              name_of(identity.role), quote(identity.name), name_of(expected.role),
              expected.name.empty() ? "" : " " + quote(expected.name));
}

}  // namespace octo::crypto
