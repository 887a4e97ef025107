// SPDX-License-Identifier: MIT
// Hashes, randomness, passwords, tokens. OpenSSL and libsodium stay behind this header.
#pragma once
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/text.hpp"

namespace octo::crypto {

Sha256 sha256(BytesView bytes);
class Sha256Stream {  // for what does not fit memory
 public:
  Sha256Stream();
  ~Sha256Stream();
  void add(BytesView bytes);
  Sha256 finish();  // once

 private:
  void* context_;
};
Sha256 hmac_sha256(BytesView key, BytesView message);
bool equal_in_constant_time(BytesView left, BytesView right);

class SystemRandom final : public Random {
 public:
  Bytes bytes(std::size_t count) override;
};

// argon2id, about 64 MiB and 70 ms: off the loop, one at a time. Text form "$argon2id$…".
Result<std::string> hash_password(const Secret& password);
bool password_fits(const Secret& password, std::string_view hash);
// Readable random password: 20 characters of an alphabet without look-alikes.
Secret make_password(Random& random);

}  // namespace octo::crypto
