// SPDX-License-Identifier: MIT
// Requests to answers (spec/nameserver.md). Everyone may read; writing needs the Brain's certificate.
#pragma once
#include "io/http/server.hpp"
#include "nameserver/registry.hpp"
#include "nameserver/static_files.hpp"

namespace octo::nameserver {

inline constexpr std::size_t kBodyBytesMax = 64 * 1024;  // hundreds of entries

class NameServer final : public http::Handler {
 public:
  NameServer(Registry& registry, StaticFiles& files, Clock& clock);
  std::variant<std::size_t, http::Reply> body_limit(const http::Request& head) override;
  Async<http::Reply> handle(http::Request request) override;

 private:
  Async<Result<std::string>> answer(const http::Request& request);
  Async<Result<std::string>> put(const http::Request& request);
  Async<Result<std::string>> remove(const http::Request& request);
  Result<std::string> find(const http::Request& request);
  Result<std::string> list(const http::Request& request);
  std::string summary() const;

  Registry& registry_;
  StaticFiles& files_;
  Clock& clock_;
  Instant since_;
  api::NameSummary counts_;
};

}  // namespace octo::nameserver
