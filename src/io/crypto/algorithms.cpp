// SPDX-License-Identifier: MIT
// What of OpenSSL is there for us. Its default provider has some 300 algorithms, and the first use of any one
// of a kind makes an object of every one of that kind: half of what a call of octl takes, and a third of a
// handshake, because a key is decoded by trying all decoders there are. So the default provider is ours: it
// hands on those that our protocols and certificates use. The archive of OpenSSL is asked for a name only if
// nobody before it defines that name; so its own list, and with it 0.7 MB of algorithms and ciphers that a
// Debian machine could offer, are not in the programs at all.
#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "base/expects.hpp"
#include "io/crypto/x509.hpp"

// What is asked for below by private names. Where one is gone, linking fails; where a later version wants
// more of a provider, nothing would.
#if OPENSSL_VERSION_MAJOR != 3 || OPENSSL_VERSION_MINOR != 0
#error "compare this file with providers/defltprov.c of this version of OpenSSL, then name the version here"
#endif

extern "C" {
struct prov_ctx_st;
prov_ctx_st* ossl_prov_ctx_new();
void ossl_prov_ctx_set0_libctx(prov_ctx_st*, OSSL_LIB_CTX*);
void ossl_prov_ctx_set0_handle(prov_ctx_st*, const OSSL_CORE_HANDLE*);
void ossl_prov_ctx_set0_core_bio_method(prov_ctx_st*, BIO_METHOD*);
BIO_METHOD* ossl_bio_prov_init_bio_method();
int ossl_prov_bio_from_dispatch(const OSSL_DISPATCH*);
int ossl_prov_seeding_from_dispatch(const OSSL_DISPATCH*);
int ossl_prov_get_capabilities(void*, const char*, OSSL_CALLBACK*, void*);

#define OCTO_FUNCTIONS(name) extern const OSSL_DISPATCH ossl_##name##_functions[];
OCTO_FUNCTIONS(sha1)
OCTO_FUNCTIONS(sha256)
OCTO_FUNCTIONS(sha384)
OCTO_FUNCTIONS(sha512)
OCTO_FUNCTIONS(aes256ecb)
OCTO_FUNCTIONS(aes256cbc)
OCTO_FUNCTIONS(aes256ctr)
OCTO_FUNCTIONS(aes256gcm)
OCTO_FUNCTIONS(aes128gcm)
OCTO_FUNCTIONS(chacha20_ossl_poly1305)
OCTO_FUNCTIONS(hmac)
OCTO_FUNCTIONS(kdf_hkdf)
OCTO_FUNCTIONS(kdf_tls1_3_kdf)
OCTO_FUNCTIONS(drbg_ctr)
OCTO_FUNCTIONS(seed_src)
OCTO_FUNCTIONS(rsa_keymgmt)
OCTO_FUNCTIONS(rsapss_keymgmt)
OCTO_FUNCTIONS(ec_keymgmt)
OCTO_FUNCTIONS(x25519_keymgmt)
OCTO_FUNCTIONS(ed25519_keymgmt)
OCTO_FUNCTIONS(mac_legacy_keymgmt)
OCTO_FUNCTIONS(ecdh_keyexch)
OCTO_FUNCTIONS(x25519_keyexch)
OCTO_FUNCTIONS(rsa_signature)
OCTO_FUNCTIONS(ed25519_signature)
OCTO_FUNCTIONS(ecdsa_signature)
OCTO_FUNCTIONS(mac_legacy_hmac_signature)
OCTO_FUNCTIONS(ec_to_PrivateKeyInfo_der_encoder)
OCTO_FUNCTIONS(ec_to_PrivateKeyInfo_pem_encoder)
OCTO_FUNCTIONS(ec_to_SubjectPublicKeyInfo_der_encoder)
OCTO_FUNCTIONS(ec_to_SubjectPublicKeyInfo_pem_encoder)
OCTO_FUNCTIONS(PrivateKeyInfo_der_to_ec_decoder)
OCTO_FUNCTIONS(SubjectPublicKeyInfo_der_to_ec_decoder)
OCTO_FUNCTIONS(type_specific_no_pub_der_to_ec_decoder)
OCTO_FUNCTIONS(EC_der_to_ec_decoder)
OCTO_FUNCTIONS(PrivateKeyInfo_der_to_ed25519_decoder)
OCTO_FUNCTIONS(SubjectPublicKeyInfo_der_to_ed25519_decoder)
OCTO_FUNCTIONS(PrivateKeyInfo_der_to_rsa_decoder)
OCTO_FUNCTIONS(SubjectPublicKeyInfo_der_to_rsa_decoder)
OCTO_FUNCTIONS(type_specific_keypair_der_to_rsa_decoder)
OCTO_FUNCTIONS(RSA_der_to_rsa_decoder)
OCTO_FUNCTIONS(PrivateKeyInfo_der_to_rsapss_decoder)
OCTO_FUNCTIONS(SubjectPublicKeyInfo_der_to_rsapss_decoder)
OCTO_FUNCTIONS(SubjectPublicKeyInfo_der_to_der_decoder)
OCTO_FUNCTIONS(pem_to_der_decoder)
OCTO_FUNCTIONS(EncryptedPrivateKeyInfo_der_to_der_decoder)
#undef OCTO_FUNCTIONS
}

namespace octo::crypto {

namespace {

// Names as the library's own list spells them, object identifiers included: keys and certificates are looked
// up by those.
#define OCTO_ALGORITHM(names, functions) {names, "provider=default", ossl_##functions##_functions, nullptr}
#define OCTO_CODER(name, of, functions) {name, "provider=default," of, ossl_##functions##_functions, nullptr}
// SHA1 only names keys of certificates.
const OSSL_ALGORITHM kDigests[] = {OCTO_ALGORITHM("SHA1:SHA-1:SSL3-SHA1:1.3.14.3.2.26", sha1),
                                   OCTO_ALGORITHM("SHA2-256:SHA-256:SHA256:2.16.840.1.101.3.4.2.1", sha256),
                                   OCTO_ALGORITHM("SHA2-384:SHA-384:SHA384:2.16.840.1.101.3.4.2.2", sha384),
                                   OCTO_ALGORITHM("SHA2-512:SHA-512:SHA512:2.16.840.1.101.3.4.2.3", sha512),
                                   {}};
// CBC: session tickets. CTR: random numbers.
const OSSL_ALGORITHM kCiphers[] = {
    OCTO_ALGORITHM("AES-256-ECB:2.16.840.1.101.3.4.1.41", aes256ecb),
    OCTO_ALGORITHM("AES-256-CBC:AES256:2.16.840.1.101.3.4.1.42", aes256cbc),
    OCTO_ALGORITHM("AES-256-CTR", aes256ctr),
    OCTO_ALGORITHM("AES-256-GCM:id-aes256-GCM:2.16.840.1.101.3.4.1.46", aes256gcm),
    OCTO_ALGORITHM("AES-128-GCM:id-aes128-GCM:2.16.840.1.101.3.4.1.6", aes128gcm),
    OCTO_ALGORITHM("ChaCha20-Poly1305", chacha20_ossl_poly1305),
    {}};
const OSSL_ALGORITHM kMacs[] = {OCTO_ALGORITHM("HMAC", hmac), {}};
const OSSL_ALGORITHM kDerivations[] = {
    OCTO_ALGORITHM("HKDF", kdf_hkdf), OCTO_ALGORITHM("TLS13-KDF", kdf_tls1_3_kdf), {}};
const OSSL_ALGORITHM kRandom[] = {
    OCTO_ALGORITHM("CTR-DRBG", drbg_ctr), OCTO_ALGORITHM("SEED-SRC", seed_src), {}};
// HMAC: binders of resumed sessions.
const OSSL_ALGORITHM kKeys[] = {OCTO_ALGORITHM("RSA:rsaEncryption:1.2.840.113549.1.1.1", rsa_keymgmt),
                                OCTO_ALGORITHM("RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", rsapss_keymgmt),
                                OCTO_ALGORITHM("EC:id-ecPublicKey:1.2.840.10045.2.1", ec_keymgmt),
                                OCTO_ALGORITHM("X25519:1.3.101.110", x25519_keymgmt),
                                OCTO_ALGORITHM("ED25519:1.3.101.112", ed25519_keymgmt),
                                OCTO_ALGORITHM("HMAC", mac_legacy_keymgmt),
                                {}};
const OSSL_ALGORITHM kExchanges[] = {
    OCTO_ALGORITHM("ECDH", ecdh_keyexch), OCTO_ALGORITHM("X25519:1.3.101.110", x25519_keyexch), {}};
const OSSL_ALGORITHM kSignatures[] = {OCTO_ALGORITHM("RSA:rsaEncryption:1.2.840.113549.1.1.1", rsa_signature),
                                      OCTO_ALGORITHM("ED25519:1.3.101.112", ed25519_signature),
                                      OCTO_ALGORITHM("ECDSA", ecdsa_signature),
                                      OCTO_ALGORITHM("HMAC", mac_legacy_hmac_signature),
                                      {}};
// Of keys that are made here.
const OSSL_ALGORITHM kEncoders[] = {
    OCTO_CODER("EC", "output=der,structure=PrivateKeyInfo", ec_to_PrivateKeyInfo_der_encoder),
    OCTO_CODER("EC", "output=pem,structure=PrivateKeyInfo", ec_to_PrivateKeyInfo_pem_encoder),
    OCTO_CODER("EC", "output=der,structure=SubjectPublicKeyInfo", ec_to_SubjectPublicKeyInfo_der_encoder),
    OCTO_CODER("EC", "output=pem,structure=SubjectPublicKeyInfo", ec_to_SubjectPublicKeyInfo_pem_encoder),
    {}};
// Of keys and certificates that are read.
const OSSL_ALGORITHM kDecoders[] = {
    OCTO_CODER("EC", "input=der,structure=PrivateKeyInfo", PrivateKeyInfo_der_to_ec_decoder),
    OCTO_CODER("EC", "input=der,structure=SubjectPublicKeyInfo", SubjectPublicKeyInfo_der_to_ec_decoder),
    OCTO_CODER("EC", "input=der,structure=type-specific", type_specific_no_pub_der_to_ec_decoder),
    OCTO_CODER("EC", "input=der,structure=ec", EC_der_to_ec_decoder),
    OCTO_CODER("ED25519", "input=der,structure=PrivateKeyInfo", PrivateKeyInfo_der_to_ed25519_decoder),
    OCTO_CODER("ED25519", "input=der,structure=SubjectPublicKeyInfo",
               SubjectPublicKeyInfo_der_to_ed25519_decoder),
    OCTO_CODER("RSA", "input=der,structure=PrivateKeyInfo", PrivateKeyInfo_der_to_rsa_decoder),
    OCTO_CODER("RSA", "input=der,structure=SubjectPublicKeyInfo", SubjectPublicKeyInfo_der_to_rsa_decoder),
    OCTO_CODER("RSA", "input=der,structure=type-specific", type_specific_keypair_der_to_rsa_decoder),
    OCTO_CODER("RSA", "input=der,structure=rsa", RSA_der_to_rsa_decoder),
    OCTO_CODER("RSA-PSS", "input=der,structure=PrivateKeyInfo", PrivateKeyInfo_der_to_rsapss_decoder),
    OCTO_CODER("RSA-PSS", "input=der,structure=SubjectPublicKeyInfo",
               SubjectPublicKeyInfo_der_to_rsapss_decoder),
    OCTO_CODER("DER", "input=der,structure=SubjectPublicKeyInfo", SubjectPublicKeyInfo_der_to_der_decoder),
    OCTO_CODER("DER", "input=pem", pem_to_der_decoder),
    OCTO_CODER("DER", "input=der,structure=EncryptedPrivateKeyInfo",
               EncryptedPrivateKeyInfo_der_to_der_decoder),
    {}};
#undef OCTO_ALGORITHM
#undef OCTO_CODER

const OSSL_ALGORITHM* query(void*, int operation, int* not_to_keep) {
  *not_to_keep = 0;
  switch (operation) {
    case OSSL_OP_DIGEST: return kDigests;
    case OSSL_OP_CIPHER: return kCiphers;
    case OSSL_OP_MAC: return kMacs;
    case OSSL_OP_KDF: return kDerivations;
    case OSSL_OP_RAND: return kRandom;
    case OSSL_OP_KEYMGMT: return kKeys;
    case OSSL_OP_KEYEXCH: return kExchanges;
    case OSSL_OP_SIGNATURE: return kSignatures;
    case OSSL_OP_ENCODER: return kEncoders;
    case OSSL_OP_DECODER: return kDecoders;
    default: return nullptr;
  }
}

const OSSL_DISPATCH kDispatch[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)},
    {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(ossl_prov_get_capabilities)},
    {0, nullptr}};

bool begin_with_ours() {
  // Its configuration file has nothing to say to us, whose protocols and algorithms are fixed; names of what
  // is not there need not be known; and reading and tidying up is what every call of octl would wait for.
  // Texts of errors are loaded when there is one.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                          OPENSSL_INIT_NO_ADD_ALL_DIGESTS | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
                      nullptr);
  // Signatures of certificates look their digests up by these.
  for (const EVP_MD* digest : {EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()}) EVP_add_digest(digest);
  OCTO_EXPECTS(OSSL_PROVIDER_load(nullptr, "default") != nullptr);
  return true;
}

}  // namespace

void start_openssl() { [[maybe_unused]] static const bool kStarted = begin_with_ours(); }

}  // namespace octo::crypto

extern "C" {
int ossl_default_provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core,
                               const OSSL_DISPATCH** out, void** context);
// Made once, for the whole life of the program: there is no teardown.
int ossl_default_provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core,
                               const OSSL_DISPATCH** out, void** context) {
  if (ossl_prov_bio_from_dispatch(core) == 0 || ossl_prov_seeding_from_dispatch(core) == 0) return 0;
  OSSL_FUNC_core_get_libctx_fn* library = nullptr;
  for (; core->function_id != 0; ++core)
    if (core->function_id == OSSL_FUNC_CORE_GET_LIBCTX) library = OSSL_FUNC_core_get_libctx(core);
  prov_ctx_st* made = ossl_prov_ctx_new();
  BIO_METHOD* bio = ossl_bio_prov_init_bio_method();
  if (library == nullptr || made == nullptr || bio == nullptr) return 0;
  ossl_prov_ctx_set0_libctx(made, reinterpret_cast<OSSL_LIB_CTX*>(library(handle)));
  ossl_prov_ctx_set0_handle(made, handle);
  ossl_prov_ctx_set0_core_bio_method(made, bio);
  *out = octo::crypto::kDispatch;
  *context = made;
  return 1;
}

// Coders without algorithms, for programs that have those from elsewhere: none of ours asks for it.
int ossl_base_provider_init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core,
                            const OSSL_DISPATCH** out, void** context);
int ossl_base_provider_init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH**, void**) {
  return 0;
}

// All ciphers and digests of before providers, and engines: there are none to add.
#define OCTO_NOTHING_TO_ADD(name) \
  void name(void);                \
  void name(void) {}
OCTO_NOTHING_TO_ADD(openssl_add_all_ciphers_int)
OCTO_NOTHING_TO_ADD(openssl_add_all_digests_int)
OCTO_NOTHING_TO_ADD(engine_load_openssl_int)
OCTO_NOTHING_TO_ADD(engine_load_dynamic_int)
OCTO_NOTHING_TO_ADD(engine_load_padlock_int)
OCTO_NOTHING_TO_ADD(engine_load_afalg_int)
#undef OCTO_NOTHING_TO_ADD
}
