// SPDX-License-Identifier: MIT
// Addresses that people type, judged before anything is made with them.
#pragma once
#include <string_view>

#include "base/result.hpp"

namespace octo::setup {

// An IPv4 address that a machine can have and others can dial.
Result<void> check_machine_ip(std::string_view text);
// What a certificate of a server can be for: an IP address or a DNS name. A name whose last label is a number
// is none (RFC 3696 §2): it is an IP address with a slip of the finger.
Result<void> check_server_address(std::string_view text);

}  // namespace octo::setup
