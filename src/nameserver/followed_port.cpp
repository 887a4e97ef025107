// SPDX-License-Identifier: MIT
#include "nameserver/followed_port.hpp"

#include "io/log/log.hpp"

namespace octo::nameserver {

Result<std::unique_ptr<FollowedPort>> FollowedPort::open(FindAddress find, Listen listen,
                                                         std::uint16_t port) {
  std::unique_ptr<FollowedPort> followed(new FollowedPort(std::move(find), std::move(listen)));
  const std::string ip = OCTO_TRY(followed->find_());
  followed->port_ = OCTO_TRY(followed->listen_(ip, port));
  return followed;
}

Async<void> FollowedPort::follow(Clock& clock) {
  std::optional<Error> trouble;  // said once
  while (true) {
    co_await clock.sleep(look_every);
    const auto looked = look();
    if (!looked && (!trouble || *trouble != looked.error())) {
      log::warning("still at {}, where nobody may look for it: {}", net::print(address()),
                   looked.error().message());
    }
    trouble = looked ? std::nullopt : std::optional(looked.error());
  }
}

Result<void> FollowedPort::look() {
  const net::Endpoint now = address();
  const std::string ip = OCTO_TRY(find_());
  if (ip == now.host) return {};
  auto moved = OCTO_TRY(listen_(ip, now.port));
  const auto before = std::exchange(port_, std::shared_ptr<net::Listener>(std::move(moved)));
  before->close();  // who accepts there goes on at the new one
  log::info("the address has changed, now at {}", net::print(address()));
  return {};
}

Async<Result<std::unique_ptr<net::Stream>>> FollowedPort::accept() {
  while (true) {
    const std::shared_ptr<net::Listener> port = port_;  // lives as long as we wait at it
    auto stream = co_await port->accept();
    if (stream || port == port_) co_return stream;
  }
}

}  // namespace octo::nameserver
