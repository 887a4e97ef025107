// SPDX-License-Identifier: MIT
// Certificates, keys and tickets: loaded and checked once per program.
// Texts of errors are loaded when they are needed, which only the old names can do.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "io/crypto/x509.hpp"
#include "io/net/tls_impl.hpp"

namespace octo::net {

namespace {

std::string command_for(crypto::Role role) {
  switch (role) {
    case crypto::Role::nameserver: return "octopoda certgen server <name> <IP or DNS name>";
    case crypto::Role::brain: return "octopoda certgen brain <name> <IP or DNS name>";
    case crypto::Role::node: return "octopoda certgen node <name>";
    case crypto::Role::client: return "octopoda certgen client <name>";
  }
  return {};
}

Failure with_command(ErrorCode code, std::string what, std::optional<crypto::Role> role) {
  if (!role) return fail(code, "{}", what);
  return fail(code, "{}; make one with: {}", what, command_for(*role));
}

Result<void> readable(const std::string& what, const std::string& path, std::optional<crypto::Role> role) {
  if (path.empty()) return with_command(ErrorCode::invalid_argument, "no " + what + " is configured", role);
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) {
    return with_command(ErrorCode::not_found, fmt::format("{} {}: {}", what, path, std::strerror(errno)),
                        role);
  }
  std::fclose(file);
  return {};
}

// The chain that was found is not kept: whoever holds it holds the peer's certificate.
int verify(X509_STORE_CTX* certificate, void*) {
  const int verified = X509_verify_cert(certificate);
  X509_STORE_CTX_set0_verified_chain(certificate, nullptr);
  return verified;
}

// As OpenSSL serialises it, but for the peer's certificate; nothing when that is not as we know it.
std::optional<Bytes> without_certificate(const SSL_SESSION* session) {
  Bytes bytes(static_cast<std::size_t>(std::max(i2d_SSL_SESSION(session, nullptr), 0)), '\0');
  auto* into = reinterpret_cast<unsigned char*>(bytes.data());
  if (bytes.empty() || i2d_SSL_SESSION(session, &into) != static_cast<int>(bytes.size())) return std::nullopt;
  constexpr int kCertificate = 3;  // its tag in OpenSSL's SSL_SESSION_ASN1
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const unsigned char* end = at + bytes.size();
  int tag = 0, sort = 0;
  const auto enter = [&](long& size) {
    return at < end && (ASN1_get_object(&at, &size, &tag, &sort, end - at) & 0x80) == 0;
  };
  long size = 0;
  if (!enter(size) || tag != V_ASN1_SEQUENCE || at + size != end) return std::nullopt;
  Bytes rest;
  while (at < end) {
    const unsigned char* begin = at;
    if (!enter(size)) return std::nullopt;
    at += size;
    if (sort != V_ASN1_CONTEXT_SPECIFIC || tag != kCertificate) rest.append(begin, at);
  }
  Bytes whole(static_cast<std::size_t>(ASN1_object_size(1, static_cast<int>(rest.size()), V_ASN1_SEQUENCE)),
              '\0');
  auto* out = reinterpret_cast<unsigned char*>(whole.data());
  ASN1_put_object(&out, 1, static_cast<int>(rest.size()), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
  std::copy(rest.begin(), rest.end(), out);
  return whole;
}

// Client: there is a ticket.
int keep_ticket(SSL* ssl, SSL_SESSION* session) {
  const auto* context = static_cast<const Tls::Impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const auto* server = static_cast<const Peer*>(SSL_get_app_data(ssl));
  if (context->save_ticket && server->identity) {
    if (auto kept = without_certificate(session))
      context->save_ticket(server->address, encode({*server->identity, std::move(*kept)}),
                           SSL_session_reused(ssl) == 1 ? Tls::Handshake::resumed : Tls::Handshake::full);
  }
  return 0;  // the session stays OpenSSL's
}

// Server: a ticket is about to be made of the session. To keep a certificate costs 5 KB a connection, and to
// parse it out of the ticket is a third of a resumed handshake; whose it is says as much.
int write_ticket(SSL* ssl, void*) {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return 1;
  auto who = crypto::identity_of(certificate);
  if (!who) return 1;  // the handshake says why it is refused
  SSL_SESSION* session = SSL_get_session(ssl);
  const auto rest = without_certificate(session);
  if (!rest) return 1;
  const auto* data = reinterpret_cast<const unsigned char*>(rest->data());
  const std::string uri = crypto::print_uri(*who);
  static_cast<Peer*>(SSL_get_app_data(ssl))->identity = std::move(*who);
  return d2i_SSL_SESSION(&session, &data, static_cast<long>(rest->size())) == session &&
                 SSL_SESSION_set1_ticket_appdata(session, uri.data(), uri.size()) == 1
             ? 1
             : 0;
}

Result<void> load_own(SSL_CTX* context, const TlsFiles& files, crypto::Role role,
                      std::optional<crypto::Identity>& identity) {
  OCTO_TRY(readable("the certificate", files.cert, role));
  OCTO_TRY(readable("the key", files.key, role));
  if (SSL_CTX_use_certificate_chain_file(context, files.cert.c_str()) != 1) {
    ERR_clear_error();
    return with_command(ErrorCode::invalid_argument, files.cert + " is no certificate in PEM", role);
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return with_command(ErrorCode::invalid_argument, files.key + " is not the key of " + files.cert, role);
  }
  X509* certificate = SSL_CTX_get0_certificate(context);
  auto named = crypto::identity_of(certificate);
  if (!named) return with_command(named.error().code(), files.cert + ": " + named.error().message(), role);
  if (named->role != role) {
    return with_command(
        ErrorCode::forbidden,
        fmt::format("{} is a certificate of {} {}, this program needs one of a {}", files.cert,
                    crypto::name_of(named->role), quote(named->name), crypto::name_of(role)),
        role);
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    return with_command(ErrorCode::invalid_argument, files.cert + " has expired", role);
  }
  identity = *named;
  return {};
}

}  // namespace

Bytes encode(const KeptSession& kept) { return crypto::print_uri(kept.server) + "\n" + kept.session; }

std::optional<KeptSession> decode_session(BytesView bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == BytesView::npos) return std::nullopt;
  auto server = crypto::parse_uri(bytes.substr(0, end));
  if (!server) return std::nullopt;
  return KeptSession{std::move(*server), Bytes(bytes.substr(end + 1))};
}

std::optional<crypto::Identity> written_in_ticket(const SSL* ssl) {
  void* data = nullptr;
  std::size_t size = 0;
  if (SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &data, &size) != 1) return std::nullopt;
  auto who = crypto::parse_uri({static_cast<const char*>(data), size});
  return who ? std::optional(std::move(*who)) : std::nullopt;
}

std::string openssl_reason() {
  for (const auto load : {ERR_load_SSL_strings, ERR_load_X509_strings, ERR_load_PEM_strings,
                          ERR_load_ASN1_strings, ERR_load_EVP_strings})
    load();
  const unsigned long number = ERR_peek_last_error();
  const char* reason = number == 0 ? nullptr : ERR_reason_error_string(number);
  std::string text = reason == nullptr ? "the connection was closed" : reason;
  ERR_clear_error();
  return text;
}

Tls::Impl::Impl() {
  crypto::start_openssl();
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_SSL_STRINGS, nullptr);
  context = SSL_CTX_new(TLS_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  // Its hash takes half of the time of the one that OpenSSL prefers, and a handshake is mostly hashing and
  // keys.
  SSL_CTX_set_ciphersuites(context,
                           "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  // What a peer needs beside the CA's certificate, which it has, is in the file of our own. To look for the
  // chain is to verify our own certificate in every handshake, and to send the CA's is to have it parsed.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  // All that is there in one read, not the head of a record and its body.
  SSL_CTX_set_read_ahead(context, 1);
  // Our protocols say themselves where they end, so a missing close_notify cuts nothing off unseen.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("octopoda"), 8);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_ticket);
  SSL_CTX_set_session_ticket_cb(context, write_ticket, nullptr, nullptr);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, static_cast<long>(kTicketLife.count()));
}

Tls::Impl::~Impl() { SSL_CTX_free(context); }

Result<void> Tls::Impl::load() {
  if (loaded) return {};
  OCTO_TRY(readable("the CA's certificate", files.ca_cert, role));
  if (SSL_CTX_load_verify_file(context, files.ca_cert.c_str()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_argument,
                "{} is no CA certificate in PEM; make one with: octopoda certgen ca <name>", files.ca_cert);
  }
  if (role) OCTO_TRY(load_own(context, files, *role, identity));
  loaded = true;
  return {};
}

Tls::Tls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tls::~Tls() = default;

Result<std::shared_ptr<Tls>> Tls::load(const TlsFiles& files, std::optional<crypto::Role> role,
                                       PeerCertificate peers) {
  auto impl = std::make_unique<Impl>();
  impl->files = files;
  impl->role = role;
  OCTO_TRY(impl->load());
  if (peers == PeerCertificate::optional) SSL_CTX_set_verify(impl->context, SSL_VERIFY_PEER, nullptr);
  return std::make_shared<Tls>(std::move(impl));
}

std::shared_ptr<Tls> Tls::load_when_needed(TlsFiles files, crypto::Role role) {
  auto impl = std::make_unique<Impl>();
  impl->files = std::move(files);
  impl->role = role;
  return std::make_shared<Tls>(std::move(impl));
}

const std::optional<crypto::Identity>& Tls::identity() const { return impl_->identity; }

void Tls::set_ticket_store(std::function<std::optional<Bytes>(const Endpoint&)> load,
                           std::function<void(const Endpoint&, BytesView, Handshake)> save) {
  impl_->load_ticket = std::move(load);
  impl_->save_ticket = std::move(save);
}

void Tls::keep_tickets() {
  const auto kept = std::make_shared<std::map<std::string, Bytes>>();
  set_ticket_store(
      [kept](const Endpoint& server) -> std::optional<Bytes> {
        const auto found = kept->find(print(server));
        return found == kept->end() ? std::nullopt : std::optional(found->second);
      },
      [kept](const Endpoint& server, BytesView ticket, Handshake) {
        (*kept)[print(server)] = Bytes(ticket);
      });
}

void Tls::set_ticket_keys(BytesView keys) {
  Bytes copy(keys);
  SSL_CTX_set_tlsext_ticket_keys(impl_->context, copy.data(), static_cast<long>(copy.size()));
}

}  // namespace octo::net
