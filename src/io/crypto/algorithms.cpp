// SPDX-License-Identifier: MIT
// What of OpenSSL is there for us. Its default provider has some 300 algorithms, and the first use of any one
// of a kind makes an object of every one of that kind: half of what a call of octl takes, and a third of a
// handshake, because a key is decoded by trying all decoders there are. So a provider of our own hands on
// those that our protocols and certificates use, and the default one is put aside again.
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/expects.hpp"
#include "io/crypto/x509.hpp"

namespace octo::crypto {

namespace {

// By the first of their names, as the default provider spells them.
constexpr std::array kOurs = std::to_array<std::pair<int, std::string_view>>({
    {OSSL_OP_DIGEST, "SHA1"},  // only names keys of certificates
    {OSSL_OP_DIGEST, "SHA2-256"},    {OSSL_OP_DIGEST, "SHA2-384"},
    {OSSL_OP_DIGEST, "SHA2-512"},    {OSSL_OP_CIPHER, "AES-256-GCM"},
    {OSSL_OP_CIPHER, "AES-128-GCM"}, {OSSL_OP_CIPHER, "ChaCha20-Poly1305"},
    {OSSL_OP_CIPHER, "AES-256-CBC"},  // session tickets
    {OSSL_OP_CIPHER, "AES-256-CTR"},  // random numbers
    {OSSL_OP_CIPHER, "AES-256-ECB"}, {OSSL_OP_MAC, "HMAC"},
    {OSSL_OP_KDF, "HKDF"},           {OSSL_OP_KDF, "TLS13-KDF"},
    {OSSL_OP_RAND, "CTR-DRBG"},      {OSSL_OP_RAND, "SEED-SRC"},
    {OSSL_OP_KEYMGMT, "EC"},         {OSSL_OP_KEYMGMT, "X25519"},
    {OSSL_OP_KEYMGMT, "ED25519"},    {OSSL_OP_KEYMGMT, "RSA"},
    {OSSL_OP_KEYMGMT, "RSA-PSS"},    {OSSL_OP_KEYMGMT, "HMAC"},  // binders of resumed sessions
    {OSSL_OP_KEYEXCH, "ECDH"},       {OSSL_OP_KEYEXCH, "X25519"},
    {OSSL_OP_SIGNATURE, "ECDSA"},    {OSSL_OP_SIGNATURE, "ED25519"},
    {OSSL_OP_SIGNATURE, "RSA"},      {OSSL_OP_SIGNATURE, "HMAC"},
    {OSSL_OP_ENCODER, "EC"},         {OSSL_OP_DECODER, "EC"},
    {OSSL_OP_DECODER, "ED25519"},    {OSSL_OP_DECODER, "RSA"},
    {OSSL_OP_DECODER, "RSA-PSS"},    {OSSL_OP_DECODER, "DER"},  // from PEM
});

struct Handed {
  OSSL_PROVIDER* whole = nullptr;
  std::array<std::vector<OSSL_ALGORITHM>, OSSL_OP__HIGHEST + 1> by_operation;
};
Handed handed;

const OSSL_ALGORITHM* query(void*, int operation, int* not_to_keep) {
  *not_to_keep = 0;
  if (operation < 0 || operation > OSSL_OP__HIGHEST) return nullptr;
  const auto& found = handed.by_operation[static_cast<std::size_t>(operation)];
  return found.empty() ? nullptr : found.data();
}

int capabilities(void*, const char* kind, OSSL_CALLBACK* each, void* argument) {
  return OSSL_PROVIDER_get_capabilities(handed.whole, kind, each, argument);
}

const OSSL_DISPATCH kDispatch[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)},
    {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(capabilities)},
    {0, nullptr}};

int begin(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  *out = kDispatch;
  *context = OSSL_PROVIDER_get0_provider_ctx(handed.whole);
  return 1;
}

bool is_ours(int operation, std::string_view names) {
  const std::string_view first = names.substr(0, names.find(':'));
  for (const auto& [of, name] : kOurs)
    if (of == operation && name == first) return true;
  return false;
}

bool begin_with_ours() {
  // Its configuration file has nothing to say to us, whose protocols and algorithms are fixed; names of what
  // is not there need not be known; and reading and tidying up is what every call of octl would wait for.
  // Texts of errors are loaded when there is one.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                          OPENSSL_INIT_NO_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
                      nullptr);
  // Signatures of certificates look their digests up by these.
  for (const EVP_MD* digest : {EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()}) EVP_add_digest(digest);
  handed.whole = OSSL_PROVIDER_load(nullptr, "default");
  OCTO_EXPECTS(handed.whole != nullptr);
  for (int operation = 0; operation <= OSSL_OP__HIGHEST; ++operation) {
    int not_to_keep = 0;
    auto& ours = handed.by_operation[static_cast<std::size_t>(operation)];
    const OSSL_ALGORITHM* all = OSSL_PROVIDER_query_operation(handed.whole, operation, &not_to_keep);
    for (; all != nullptr && all->algorithm_names != nullptr; ++all)
      if (is_ours(operation, all->algorithm_names)) ours.push_back(*all);
    if (!ours.empty()) ours.push_back({});
  }
  OCTO_EXPECTS(OSSL_PROVIDER_add_builtin(nullptr, "octopoda", begin) == 1);
  OCTO_EXPECTS(OSSL_PROVIDER_load(nullptr, "octopoda") != nullptr);
  // No more asked for algorithms; its own functions work on, for the library keeps it.
  OCTO_EXPECTS(OSSL_PROVIDER_unload(handed.whole) == 1);
  return true;
}

}  // namespace

void start_openssl() { [[maybe_unused]] static const bool kStarted = begin_with_ours(); }

}  // namespace octo::crypto
