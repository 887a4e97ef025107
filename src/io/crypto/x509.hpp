// SPDX-License-Identifier: MIT
// For io/net, which holds certificates of peers as OpenSSL gives them.
#pragma once
#include "io/crypto/identity.hpp"

namespace octo::crypto {

// Before the first use of OpenSSL, which this room and io/net see to: what of it there is, algorithms.cpp
// says. Texts of its errors are not loaded.
void start_openssl();

// `x509` is an X509*. forbidden when it names no holder, or two.
Result<Identity> identity_of(void* x509);

}  // namespace octo::crypto
