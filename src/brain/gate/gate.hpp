// SPDX-License-Identifier: MIT
// Log-in and tokens; a token lasts until its end or until the password changes, whichever is first. Today
// there is one workgroup, the root; the names of others are refused, not guessed.
#pragma once
#include <string>

#include "api/records.hpp"
#include "async/clock.hpp"
#include "async/workers.hpp"
#include "brain/work/ports.hpp"

namespace octo::brain {

class Gate {
 public:
  static constexpr Span token_life = 1h;
  static constexpr int waiting_max = 16;  // log-ins: each takes 64 MiB and a tenth of a second

  struct Setup {
    std::string brain;          // our name, told at the log-in
    std::string password_hash;  // of the root workgroup, argon2id text
    Secret token_key;           // 32 bytes; those who have it and the hash make tokens
  };
  // `workers` must have one thread: one hash at a time.
  Gate(Setup setup, Workers& workers, Clock& clock);

  // unauthenticated without saying which of group and password was wrong; exhausted when too many wait.
  Async<Result<api::LoggedIn>> login(api::Login login, std::string holder);
  // Of a request with "Bearer <token>" by the holder of an operator certificate.
  Result<Caller> check(std::string_view authorization, std::string_view holder) const;
  // Of a request, to be stored: the same for the same one, as long as the key is kept, and of no use to those
  // who would guess what was in it.
  Sha256 digest(BytesView request) const;

 private:
  std::string sign(std::string_view claims) const;

  Setup setup_;
  Secret signing_key_, request_key_;
  Workers& workers_;
  Clock& clock_;
  int waiting_ = 0;
};

}  // namespace octo::brain
