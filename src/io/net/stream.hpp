// SPDX-License-Identifier: MIT
// Byte streams as the rest of the house sees them; the seam that simulations replace. TLS is in tls.hpp.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "async/async.hpp"
#include "base/bytes.hpp"
#include "io/crypto/identity.hpp"

namespace octo::net {

struct Endpoint {
  std::string host;  // name or address
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};
std::string print(const Endpoint& endpoint);  // "host:port", "[v6]:port"
Result<Endpoint> parse_endpoint(std::string_view text);

// Who is at the other end.
struct Peer {
  Endpoint address;
  std::optional<crypto::Identity> identity;  // from the verified certificate; none when it showed none
};

class Stream {
 public:
  virtual ~Stream() = default;
  // First of all on a stream that a Listener gave: until then the peer is nobody. Not needed on a dialled
  // one.
  virtual Async<Result<void>> handshake() { co_return Result<void>{}; }
  // At least one byte; 0 means the peer has closed properly. One read and one write may be under way at once.
  virtual Async<Result<std::size_t>> read_some(std::span<char> into) = 0;
  // All of it.
  virtual Async<Result<void>> write(BytesView bytes) = 0;
  // Quiet and immediate; pending reads and writes end with `cancelled`.
  virtual void close() = 0;
  virtual const Peer& peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // The next connection; its owner does the handshake, so that a slow peer holds up nobody. Peers that are
  // not through their handshake are limited: of one address 32, more are closed at once; in all 512, and for
  // one more the oldest of the most crowded address goes, or the oldest that says nothing.
  virtual Async<Result<std::unique_ptr<Stream>>> accept() = 0;
  virtual Endpoint address() const = 0;  // with the port that the system chose
  virtual void close() = 0;
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // Connects, shakes hands and verifies that the peer is `expected` (by role, and by name unless empty).
  virtual Async<Result<std::unique_ptr<Stream>>> dial(const Endpoint& to,
                                                      const crypto::ExpectedPeer& expected) = 0;
};

}  // namespace octo::net
