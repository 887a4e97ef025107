// SPDX-License-Identifier: MIT
#include "io/crypto/certificates.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "io/crypto/crypto.hpp"
#include "io/crypto/x509.hpp"

namespace octo::crypto {

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

constexpr int kYears =
    10;  // boards lie in cupboards for years; a leaf that outlives its CA is refused anyway
constexpr std::chrono::minutes kClockSlack{5};

Failure openssl_failure(std::string_view step) {
  const unsigned long number = ERR_get_error();
  char text[256] = "unknown reason";
  if (number != 0) ERR_error_string_n(number, text, sizeof text);
  ERR_clear_error();
  return fail(ErrorCode::internal, "{}: {}", step, text);
}

Result<X509Ptr> parse_certificate(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) return fail(ErrorCode::invalid_argument, "this is no certificate in PEM");
  return certificate;
}

Result<KeyPtr> parse_key(const Secret& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.reveal().data(), static_cast<int>(pem.reveal().size())));
  // An empty password callback: a key with a pass phrase fails instead of asking the terminal.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!key) return fail(ErrorCode::invalid_argument, "this is no private key in PEM");
  return key;
}

template <class Write>
Result<std::string> to_pem(Write write) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (write(bio.get()) != 1) return openssl_failure("write PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Result<void> add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
    return openssl_failure("add an extension " + value);
  return {};
}

void set_time(ASN1_TIME* to, WallTime time) {
  ASN1_TIME_set(
      to, static_cast<time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count()));
}

// A certificate without extensions and signature: serial, dates, names, key.
Result<X509Ptr> blank(std::string_view common_name, EVP_PKEY* key, WallTime now) {
  X509Ptr certificate(X509_new());
  SystemRandom random;
  Bytes serial = random.bytes(16);
  serial[0] = static_cast<char>(serial[0] & 0x7f);
  const std::unique_ptr<BIGNUM, Deleter<BN_free>> number(BN_bin2bn(
      reinterpret_cast<const unsigned char*>(serial.data()), static_cast<int>(serial.size()), nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
  X509_set_version(certificate.get(), X509_VERSION_3);
  set_time(X509_getm_notBefore(certificate.get()), now - kClockSlack);
  set_time(X509_getm_notAfter(certificate.get()), now + std::chrono::days(365 * kYears));
  if (X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.data()),
                                 static_cast<int>(common_name.size()), -1, 0) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_argument, "{} cannot be a common name: 1 to 64 characters",
                quote(common_name));
  }
  if (X509_set_pubkey(certificate.get(), key) != 1) return openssl_failure("set the public key");
  return certificate;
}

Result<KeyAndCertificate> sign(X509* certificate, EVP_PKEY* own_key, EVP_PKEY* issuer_key) {
  if (X509_sign(certificate, issuer_key, EVP_sha256()) == 0) return openssl_failure("sign the certificate");
  KeyAndCertificate made;
  made.key_pem = Secret(OCTO_TRY(to_pem([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, own_key, nullptr, nullptr, 0, nullptr, nullptr);
  })));
  made.certificate_pem = OCTO_TRY(to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }));
  return made;
}

bool is_address(const std::string& text) {
  unsigned char buffer[16];
  return ::inet_pton(AF_INET, text.c_str(), buffer) == 1 || ::inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

bool is_dns_name(const std::string& text) {
  if (text.empty() || text.size() > 253) return false;
  for (const char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
          c == '.' || c == '*'))
      return false;
  }
  return true;
}

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

WallTime time_of(const ASN1_TIME* time) {
  int days = 0;
  int seconds = 0;
  const std::unique_ptr<ASN1_TIME, Deleter<ASN1_TIME_free>> epoch(ASN1_TIME_set(nullptr, 0));
  ASN1_TIME_diff(&days, &seconds, epoch.get(), time);
  return WallTime(std::chrono::days(days) + std::chrono::seconds(seconds));
}

std::string common_name_of(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

}  // namespace

Result<KeyAndCertificate> make_ca(std::string_view common_name, WallTime now) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("make a key");
  const X509Ptr certificate = OCTO_TRY(blank(common_name, key.get(), now));
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  OCTO_TRY(add_extension(certificate.get(), certificate.get(), NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0"));
  OCTO_TRY(
      add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign"));
  OCTO_TRY(add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash"));
  return sign(certificate.get(), key.get(), key.get());
}

Result<KeyAndCertificate> make_certificate(const KeyAndCertificate& ca, const CertificateRequest& request,
                                           WallTime now) {
  const X509Ptr issuer = OCTO_TRY(parse_certificate(ca.certificate_pem).with("read the CA's certificate"));
  const KeyPtr issuer_key = OCTO_TRY(parse_key(ca.key_pem).with("read the CA's key"));
  if (X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_argument, "the CA's key does not belong to its certificate");
  }
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_failure("make a key");
  const X509Ptr certificate = OCTO_TRY(blank(request.name, key.get(), now));
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
  std::string names = "URI:" + print_uri({common_name_of(issuer.get()), request.role, request.name});
  for (const std::string& address : request.addresses) {
    if (!is_address(address) && !is_dns_name(address)) {
      return fail(ErrorCode::invalid_argument, "{} is neither an IP address nor a DNS name", quote(address));
    }
    names += (is_address(address) ? ",IP:" : ",DNS:") + address;
  }
  const bool serves = request.role == Role::nameserver || request.role == Role::brain;
  const bool calls = request.role != Role::nameserver;
  OCTO_TRY(add_extension(certificate.get(), issuer.get(), NID_basic_constraints, "critical,CA:FALSE"));
  OCTO_TRY(add_extension(certificate.get(), issuer.get(), NID_key_usage, "critical,digitalSignature"));
  OCTO_TRY(add_extension(certificate.get(), issuer.get(), NID_ext_key_usage,
                         serves && calls ? "serverAuth,clientAuth"
                         : serves        ? "serverAuth"
                                         : "clientAuth"));
  OCTO_TRY(add_extension(certificate.get(), issuer.get(), NID_subject_key_identifier, "hash"));
  OCTO_TRY(add_extension(certificate.get(), issuer.get(), NID_authority_key_identifier, "keyid"));
  OCTO_TRY(add_extension(certificate.get(), issuer.get(), NID_subject_alt_name, names));
  return sign(certificate.get(), key.get(), issuer_key.get());
}

Result<Identity> identity_of(void* x509) {
  const auto* certificate = static_cast<X509*>(x509);
  const std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::optional<Identity> found;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const std::string uri = text_of(name->d.uniformResourceIdentifier);
    if (!uri.starts_with("octopoda://")) continue;
    if (found) return fail(ErrorCode::forbidden, "the certificate names two holders");
    found = OCTO_TRY(parse_uri(uri));
  }
  if (!found)
    return fail(ErrorCode::forbidden,
                "the certificate names no holder and role; make one with: octopoda certgen");
  return *found;
}

Result<CertificateFacts> read_certificate(std::string_view pem) {
  const X509Ptr certificate = OCTO_TRY(parse_certificate(pem));
  CertificateFacts facts;
  facts.identity = OCTO_TRY(identity_of(certificate.get()));
  facts.not_before = time_of(X509_get0_notBefore(certificate.get()));
  facts.not_after = time_of(X509_get0_notAfter(certificate.get()));
  const std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) facts.addresses.push_back(text_of(name->d.dNSName));
    if (name->type == GEN_IPADD) {
      const std::string raw = text_of(name->d.iPAddress);
      char text[INET6_ADDRSTRLEN] = "";
      ::inet_ntop(raw.size() == 4 ? AF_INET : AF_INET6, raw.data(), text, sizeof text);
      facts.addresses.emplace_back(text);
    }
  }
  return facts;
}

Result<std::string> read_ca_name(std::string_view pem) {
  const X509Ptr certificate = OCTO_TRY(parse_certificate(pem));
  if (X509_check_ca(certificate.get()) != 1)
    return fail(ErrorCode::invalid_argument, "this certificate is of no CA");
  return common_name_of(certificate.get());
}

}  // namespace octo::crypto
