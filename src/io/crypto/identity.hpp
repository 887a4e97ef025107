// SPDX-License-Identifier: MIT
// Who a certificate says its holder is: URI SAN octopoda://<network>/<role>/<name>.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace octo::crypto {

enum class Role : std::uint8_t { nameserver, brain, node, client };  // client: an operator's octl
std::string_view name_of(Role role);
std::optional<Role> find_role(std::string_view name);

struct Identity {
  std::string network;  // the CA's common name
  Role role = Role::node;
  std::string name;
  friend bool operator==(const Identity&, const Identity&) = default;
};
// Names are percent-encoded in the URI where it needs that.
std::string print_uri(const Identity& identity);
Result<Identity> parse_uri(std::string_view uri);

struct ExpectedPeer {
  Role role = Role::brain;
  std::string name;  // empty: any holder of the role
};
// forbidden, saying what was expected and what came.
Result<void> check(const Identity& identity, const ExpectedPeer& expected);

}  // namespace octo::crypto
