// SPDX-License-Identifier: MIT
// X.509 for our own CA: ECDSA P-256, SHA-256. Every certificate names role and holder (identity.hpp).
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "io/crypto/identity.hpp"

namespace octo::crypto {

struct KeyAndCertificate {
  Secret key_pem;
  std::string certificate_pem;
};

// A CA of its own; `common_name` is the network's name. Basic constraints CA, key usage certSign and cRLSign.
Result<KeyAndCertificate> make_ca(std::string_view common_name, WallTime now);

struct CertificateRequest {
  Role role = Role::node;
  std::string name;
  std::vector<std::string> addresses;  // IPs or DNS names, for SAN besides the URI
};
// Signed by the CA. Extended key usage: serverAuth for nameserver and brain, clientAuth for all but a pure
// nameserver.
Result<KeyAndCertificate> make_certificate(const KeyAndCertificate& ca, const CertificateRequest& request,
                                           WallTime now);

// Identity and validity of a certificate in PEM; refuses one without our URI SAN.
struct CertificateFacts {
  Identity identity;
  WallTime not_before;
  WallTime not_after;
  std::vector<std::string> addresses;
};
Result<CertificateFacts> read_certificate(std::string_view pem);
// The network's name of a CA certificate.
Result<std::string> read_ca_name(std::string_view pem);

}  // namespace octo::crypto
