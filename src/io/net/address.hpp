// SPDX-License-Identifier: MIT
// Our own addresses, as the kernel knows them now. IPv4.
#pragma once
#include <string>
#include <string_view>

#include "io/net/stream.hpp"

namespace octo::net {

// IPv4 address of a network interface, read anew at each call. unavailable while it has none.
Result<std::string> address_of_interface(std::string_view interface);
// Our IPv4 address as `peer` would see it: what the route to it chooses. Sends nothing.
Result<std::string> address_towards(const Endpoint& peer);

}  // namespace octo::net
