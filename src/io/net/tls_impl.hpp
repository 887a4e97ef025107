// SPDX-License-Identifier: MIT
// Private to the room.
#pragma once
#include "base/text.hpp"
#include "io/net/handshakes.hpp"
#include "io/net/tls.hpp"

struct ssl_ctx_st;
struct ssl_st;

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
  std::function<void(const Endpoint&, BytesView, Handshake)> save_ticket;
  Turns turns;  // of handshakes that we are asked for
};

// What a client keeps of a session, so that the next one is resumed: who the server is, in place of the
// certificate that said so (to parse it again is a third of a resumed handshake), and the rest as OpenSSL has
// it.
struct KeptSession {
  crypto::Identity server;
  Bytes session;  // DER
};
Bytes encode(const KeptSession& kept);
std::optional<KeptSession> decode_session(BytesView bytes);

// Server: whose the ticket of this resumed session is. Who the client is stands in it, in place of the
// certificate that said so, and nothing when it showed none.
std::optional<crypto::Identity> written_in_ticket(const ssl_st* ssl);

// A ticket is good for so long: as long as TLS 1.3 allows, because a node offers the one it got when it came,
// which may be days ago. One that is offered again within six hours stays in use, half as long as octl keeps
// its own: making another one is a third of a resumed handshake.
inline constexpr std::chrono::seconds kTicketLife = std::chrono::days(7);
inline constexpr std::chrono::seconds kTicketRenewedAfter = std::chrono::hours(6);

// The newest of OpenSSL's errors, in its words; clears them.
std::string openssl_reason();

}  // namespace octo::net
