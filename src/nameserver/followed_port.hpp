// SPDX-License-Identifier: MIT
// A port on the address of an interface, also when that address changes: an interface gets another one while
// we live, and whoever looks for us looks there.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "io/net/stream.hpp"

namespace octo::nameserver {

class FollowedPort final : public net::Listener {
 public:
  static constexpr Span look_every = 5s;

  using FindAddress = std::function<Result<std::string>()>;
  // Listens on that address, at the port of before.
  using Listen =
      std::function<Result<std::unique_ptr<net::Listener>>(const std::string& ip, std::uint16_t port)>;
  // Listens before it returns.
  static Result<std::unique_ptr<FollowedPort>> open(FindAddress find, Listen listen, std::uint16_t port);

  // Until cancelled. An address that is gone is waited for; the port stays where it was until there is
  // another one. Connections that are open stay open.
  Async<void> follow(Clock& clock);

  Async<Result<std::unique_ptr<net::Stream>>> accept() override;
  net::Endpoint address() const override { return port_->address(); }
  void close() override { port_->close(); }

 private:
  FollowedPort(FindAddress find, Listen listen) : find_(std::move(find)), listen_(std::move(listen)) {}
  Result<void> look();

  FindAddress find_;
  Listen listen_;
  std::shared_ptr<net::Listener> port_;
};

}  // namespace octo::nameserver
