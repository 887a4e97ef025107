// SPDX-License-Identifier: MIT
#include "client/nameserver.hpp"

#include <algorithm>

#include "api/records.hpp"

namespace octo::client {

namespace {
constexpr Span kWithin = 10s;
constexpr std::size_t kAnswerMax = 4 * 1024 * 1024;
constexpr std::size_t kNamesMax = 100'000;  // far above what a nameserver keeps
}  // namespace

NameServer::NameServer(net::Dialer& dialer, net::Endpoint at, Clock& clock)
    : at_(at),
      client_(std::make_unique<http::Client>(dialer, std::move(at),
                                             crypto::ExpectedPeer{crypto::Role::nameserver, ""}, clock)) {}
NameServer::~NameServer() = default;

Async<Result<Bytes>> NameServer::ask(http::Call call) {
  call.timeout = kWithin;
  call.body_bytes_max = kAnswerMax;
  if (!call.body.empty()) call.headers["content-type"] = "application/json";
  auto response = OCTO_CO_TRY(
      (co_await client_->send(std::move(call))).with(fmt::format("nameserver at {}", net::print(at_))));
  if (response.status / 100 == 2) co_return std::move(response.body);
  if (const auto problem = api::decode_problem(response.body))
    co_return fail(problem->error.with("nameserver"));
  co_return fail(ErrorCode::unavailable, "the nameserver at {} answered {}", net::print(at_),
                 response.status);
}

Async<Result<void>> NameServer::ping() {
  OCTO_CO_TRY(co_await ask({.method = "GET", .target = "/ping"}));
  co_return Result<void>{};
}

Async<Result<void>> NameServer::put(const std::vector<api::NameEntry>& entries) {
  OCTO_CO_TRY(co_await ask(
      {.method = "POST", .target = "/register", .body = api::encode(api::NameEntries{entries})}));
  co_return Result<void>{};
}

Async<Result<void>> NameServer::remove(const std::string& name) {
  OCTO_CO_TRY(co_await ask({.method = "POST", .target = "/delete?key=" + http::percent_encode(name)}));
  co_return Result<void>{};
}

Async<Result<api::NameEntry>> NameServer::find(const std::string& name) {
  const Bytes body =
      OCTO_CO_TRY(co_await ask({.method = "GET", .target = "/query?key=" + http::percent_encode(name)}));
  co_return api::decode_name_entry(body);
}

Async<Result<net::Endpoint>> NameServer::find_endpoint(const std::string& name) {
  const auto entry = OCTO_CO_TRY(co_await find(name));
  co_return net::parse_endpoint(entry.value).with(fmt::format("the value of name {}", quote(name)));
}

Async<Result<std::vector<api::NameEntry>>> NameServer::list(const Filter& filter) {
  const std::string target =
      fmt::format("/list?method={}&key={}", api::name_of(filter.match), http::percent_encode(filter.text));
  std::vector<api::NameEntry> all;
  std::string from;
  do {
    const Bytes body = OCTO_CO_TRY(co_await ask({.method = "GET", .target = target + from}));
    auto page = OCTO_CO_TRY(api::decode_name_entries(body).with("the nameserver's answer"));
    if (page.entries.empty()) break;
    std::ranges::move(page.entries, std::back_inserter(all));
    from = page.next.empty() ? "" : "&from=" + http::percent_encode(page.next);
  } while (!from.empty() && all.size() < kNamesMax);
  co_return all;
}

}  // namespace octo::client
