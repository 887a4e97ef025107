// SPDX-License-Identifier: MIT
// Asks a fleet's programs, as octl would, whether they are there.
#pragma once
#include <memory>
#include <set>
#include <string>

#include "io/http/client.hpp"
#include "io/net/tls.hpp"
#include "setup/layout.hpp"

namespace octo::setup {

class Ready {
 public:
  // With the addresses, the password and the certificate that octl.yaml names.
  static Result<std::unique_ptr<Ready>> open(const Layout& layout, Clock& clock, Executor executor);

  Async<Result<void>> ask_nameserver();
  Async<Result<void>> ask_brain();
  // Logs in at the first call.
  Async<Result<std::set<std::string>>> fetch_online();

 private:
  Ready(std::unique_ptr<net::Dialer> dialer, net::Endpoint nameserver, net::Endpoint brain, Secret password,
        Clock& clock);
  Async<Result<Bytes>> ask(http::Client& client, http::Call call);

  std::unique_ptr<net::Dialer> dialer_;
  http::Client nameserver_;
  http::Client brain_;
  Secret password_;
  Secret token_;
};

}  // namespace octo::setup
