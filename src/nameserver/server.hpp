// SPDX-License-Identifier: MIT
// The nameserver as its program runs it: names, files and the HTTPS port.
#pragma once
#include <memory>

#include "async/clock.hpp"
#include "io/net/stream.hpp"
#include "io/settings/settings.hpp"

namespace octo::nameserver {

class Server {
 public:
  // Loads certificate and names and listens; blocking.
  static Result<std::unique_ptr<Server>> open(const settings::NameServerSettings& settings, Clock& clock,
                                              Executor executor);
  ~Server();
  net::Endpoint address() const;
  // Until cancelled; returns by itself only when the port is lost.
  Async<void> serve();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace octo::nameserver
