// SPDX-License-Identifier: MIT
// TLS 1.3 over TCP with mutual certificates: our own thin stream (SSL_set_fd + async_wait), because Asio's
// costs 82 KB a connection. Peers are verified against the CA and by the role and name in their certificate,
// never by address.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "io/net/address.hpp"
#include "io/net/stream.hpp"

namespace octo::net {

struct TlsFiles {
  std::string ca_cert;  // PEM paths
  std::string cert;     // empty: this side shows none (nameserver readers)
  std::string key;
};

// Certificates and keys, loaded and checked once (key fits certificate, certificate is of `role`, is not
// expired). A wrong or missing one is an Error whose message ends with the command that makes the right one.
class Tls {
 public:
  enum class PeerCertificate { required, optional };
  // `role`: what this program must be; nothing for a reader without certificate.
  static Result<std::shared_ptr<Tls>> load(const TlsFiles& files, std::optional<crypto::Role> role,
                                           PeerCertificate peers = PeerCertificate::required);
  // For a short-lived client: the files are read when a dial first has no ticket to offer, or the server does
  // not take it. A resumed session needs none of them, and reading them is half of such a program's time.
  // What is wrong with them is then the dial's error.
  static std::shared_ptr<Tls> load_when_needed(TlsFiles files, crypto::Role role);
  // Nothing as long as no own certificate is loaded.
  const std::optional<crypto::Identity>& identity() const;
  // Session tickets (client): serialised session to persist, and to offer at the next dial to the same
  // endpoint. After a full handshake no ticket was offered, or it was not taken.
  enum class Handshake { full, resumed };
  void set_ticket_store(std::function<std::optional<Bytes>(const Endpoint&)> load,
                        std::function<void(const Endpoint&, BytesView, Handshake)> save);
  // For a long-lived client: its tickets are kept in memory, one per endpoint.
  void keep_tickets();
  // Server: keys of session tickets, so that they survive a restart. Exactly 80 bytes.
  void set_ticket_keys(BytesView keys);

  struct Impl;
  explicit Tls(std::unique_ptr<Impl> impl);
  ~Tls();
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct ListenAt {
  std::string ip = "0.0.0.0";
  std::uint16_t port = 0;  // 0: the system chooses
  // Whoever waits here has begun to count the seconds of its handshake; it had better dial later.
  int backlog = 1024;
};
Result<std::unique_ptr<Listener>> listen(const ListenAt& at, std::shared_ptr<Tls> tls, Clock& clock,
                                         Executor executor);

// Asked at every dial, because an interface gets, loses and changes its address while we live; its error is
// the dial's. Null: the system chooses.
using SourceAddress = std::function<Result<std::string>()>;
std::unique_ptr<Dialer> make_dialer(std::shared_ptr<Tls> tls, Clock& clock, Executor executor,
                                    SourceAddress source = nullptr);

}  // namespace octo::net
