// SPDX-License-Identifier: MIT
// What octl remembers between calls, in one 0600 file: token, the Brain's address, TLS tickets. Beside it a
// folder
// `<file>.keys` with one file per idempotency key whose answer has not come yet, so that processes side by
// side never destroy each other's keys. Blocking, and small enough for the loop of a command-line program.
//
// Of the file itself the last writer wins: all it holds can be had again. A damaged one is replaced, with a
// warning.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "io/net/tls.hpp"

namespace octo::client {

class State {
 public:
  struct Token {
    Secret text;
    WallTime expires;
    std::string brain;  // whose it is
    std::string group;  // what it lets in to
  };
  struct PendingKey {
    std::string key;
    Sha256 command;  // digest of what was asked, so that the same command typed again can be recognised
    WallTime since;
  };

  // An absent file is an empty state. Reads only; `warnings` says what was thrown away.
  static State open(std::string file);
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Nothing when it is for another Brain or workgroup, or runs out within half a minute.
  std::optional<Secret> find_token(const std::string& brain, const std::string& group, WallTime now) const;
  void set_token(std::optional<Token> token);
  const std::optional<net::Endpoint>& brain() const { return brain_; }
  void set_brain(std::optional<net::Endpoint> brain);
  // Of the certificates in use. A ticket stands for the certificate it was got with, so those of others go.
  void set_credentials(const Sha256& digest);
  // For net::Tls::set_ticket_store. A ticket serves many dials; a new one replaces one that was taken only
  // when it is half an hour old, so that most calls write nothing.
  std::optional<Bytes> find_ticket(const net::Endpoint& server, WallTime now) const;
  void set_ticket(const net::Endpoint& server, BytesView ticket, net::Tls::Handshake handshake, WallTime now);
  // Durable replace; nothing when nothing changed.
  Result<void> save();

  // Durable when it returns: before the POST that carries it.
  Result<void> keep_key(const PendingKey& key) const;
  // After the answer, whatever it was.
  void drop_key(const std::string& key);
  // Oldest first. Those older than a day mean nothing to the Brain any more and are removed.
  std::vector<PendingKey> pending_keys(WallTime now);

 private:
  struct Ticket {
    Bytes bytes;
    WallTime got;
  };
  explicit State(std::string file) : file_(std::move(file)) {}
  Result<void> load();

  std::string file_;
  std::vector<std::string> warnings_;
  std::optional<Token> token_;
  std::optional<net::Endpoint> brain_;
  std::optional<Sha256> credentials_;
  std::map<std::string, Ticket> tickets_;  // by "host:port"
  bool changed_ = false;
};

}  // namespace octo::client
