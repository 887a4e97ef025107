// SPDX-License-Identifier: MIT
// Typed client of the nameserver (spec/nameserver.md).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "api/names.hpp"
#include "io/http/client.hpp"

namespace octo::client {

class NameServer {
 public:
  NameServer(net::Dialer& dialer, net::Endpoint at, Clock& clock);
  ~NameServer();

  Async<Result<void>> ping();
  // Needs a certificate whose role and holder may write these names.
  Async<Result<void>> put(const std::vector<api::NameEntry>& entries);
  Async<Result<void>> remove(const std::string& name);
  Async<Result<api::NameEntry>> find(const std::string& name);  // not_found
  // The value of an entry of type addr.
  Async<Result<net::Endpoint>> find_endpoint(const std::string& name);
  struct Filter {
    api::NameMatch match = api::NameMatch::all;
    std::string text;
  };
  // All pages, in the order of the keys.
  Async<Result<std::vector<api::NameEntry>>> list(const Filter& filter);

 private:
  Async<Result<Bytes>> ask(http::Call call);
  net::Endpoint at_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace octo::client
