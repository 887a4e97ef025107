// SPDX-License-Identifier: MIT
#include "io/crypto/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <sys/random.h>

#include <array>
#include <cerrno>

#include "base/expects.hpp"
#include "io/crypto/x509.hpp"

namespace octo::crypto {

namespace {
[[maybe_unused]] const bool kStarted = (start_openssl(), true);
}

Sha256 sha256(BytesView bytes) {
  Sha256 hash;
  OCTO_EXPECTS(EVP_Digest(bytes.data(), bytes.size(), hash.bytes.data(), nullptr, EVP_sha256(), nullptr) ==
               1);
  return hash;
}

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
  OCTO_EXPECTS(EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }
void Sha256Stream::add(BytesView bytes) {
  OCTO_EXPECTS(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
}
Sha256 Sha256Stream::finish() {
  Sha256 hash;
  OCTO_EXPECTS(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), hash.bytes.data(), nullptr) == 1);
  return hash;
}

Sha256 hmac_sha256(BytesView key, BytesView message) {
  Sha256 mac;
  unsigned size = 0;
  OCTO_EXPECTS(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                    reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac.bytes.data(),
                    &size) != nullptr);
  return mac;
}

bool equal_in_constant_time(BytesView left, BytesView right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

Bytes SystemRandom::bytes(std::size_t count) {
  Bytes out(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::getrandom(out.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    OCTO_EXPECTS(got > 0);
    done += static_cast<std::size_t>(got);
  }
  return out;
}

Result<std::string> hash_password(const Secret& password) {
  OCTO_EXPECTS(::sodium_init() >= 0);
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_argon2id_str(text.data(), password.reveal().data(), password.reveal().size(),
                                 crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
                                 crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE) != 0) {
    return fail(ErrorCode::exhausted, "no memory to hash a password (64 MiB are needed)");
  }
  return std::string(text.data());
}

bool password_fits(const Secret& password, std::string_view hash) {
  OCTO_EXPECTS(::sodium_init() >= 0);
  const std::string text(hash);
  return crypto_pwhash_argon2id_str_verify(text.c_str(), password.reveal().data(),
                                           password.reveal().size()) == 0;
}

Secret make_password(Random& random) {
  constexpr std::string_view kAlphabet =
      "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";  // no l I O 0 1 o
  constexpr std::size_t kLength = 20;
  std::string text;
  while (text.size() < kLength) {
    const auto value = static_cast<std::uint8_t>(random.bytes(1)[0]);
    // Values above the last whole multiple would favour the first letters.
    if (value < 256 / kAlphabet.size() * kAlphabet.size())
      text.push_back(kAlphabet[value % kAlphabet.size()]);
  }
  return Secret(std::move(text));
}

}  // namespace octo::crypto
