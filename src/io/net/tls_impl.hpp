// SPDX-License-Identifier: MIT
// Private to the room.
#pragma once
#include "base/text.hpp"
#include "io/net/tls.hpp"

struct ssl_ctx_st;

namespace octo::net {

struct Tls::Impl {
  Impl();
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  // Reads the files, once. Until then no handshake succeeds but a resumed one: nobody is trusted.
  Result<void> load();

  ssl_ctx_st* context = nullptr;
  TlsFiles files;
  std::optional<crypto::Role> role;
  bool loaded = false;
  std::optional<crypto::Identity> identity;
  std::function<std::optional<Bytes>(const Endpoint&)> load_ticket;
  std::function<void(const Endpoint&, BytesView)> save_ticket;
};

// The newest of OpenSSL's errors, in its words; clears them.
std::string openssl_reason();

}  // namespace octo::net
