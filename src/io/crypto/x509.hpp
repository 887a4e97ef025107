// SPDX-License-Identifier: MIT
// For io/net, which holds certificates of peers as OpenSSL gives them.
#pragma once
#include "io/crypto/identity.hpp"

namespace octo::crypto {

// `x509` is an X509*. forbidden when it names no holder, or two.
Result<Identity> identity_of(void* x509);

}  // namespace octo::crypto
