// SPDX-License-Identifier: MIT
#include "setup/ready.hpp"

#include "api/records.hpp"
#include "io/settings/settings.hpp"

namespace octo::setup {

namespace {

constexpr Span kAnswerTime = 10s;  // a log-in hashes; on two busy cores that takes a while

http::Call call_of(std::string_view method, std::string target, Bytes body = {}) {
  http::Call call{.method = std::string(method),
                  .target = std::move(target),
                  .body = std::move(body),
                  .timeout = kAnswerTime};
  if (!call.body.empty()) call.headers.emplace("content-type", "application/json");
  return call;
}

std::string brain_path(std::string_view path) { return fmt::format("{}{}", api::kPrefix, path); }

}  // namespace

Result<std::unique_ptr<Ready>> Ready::open(const Layout& layout, Clock& clock, Executor executor) {
  const auto octl = OCTO_TRY(settings::load_octl(layout.octl_settings())).settings;
  const auto tls =
      OCTO_TRY(net::Tls::load({octl.ssl.ca_cert, octl.ssl.cert, octl.ssl.key}, crypto::Role::client));
  return std::unique_ptr<Ready>(new Ready(net::make_dialer(tls, clock, std::move(executor)),
                                          {octl.name_server.host, octl.name_server.port},
                                          {octl.brain_ip, octl.brain_port}, octl.workgroup_password, clock));
}

Ready::Ready(std::unique_ptr<net::Dialer> dialer, net::Endpoint nameserver, net::Endpoint brain,
             Secret password, Clock& clock)
    : dialer_(std::move(dialer)),
      nameserver_(*dialer_, std::move(nameserver), {crypto::Role::nameserver, ""}, clock),
      brain_(*dialer_, std::move(brain), {crypto::Role::brain, ""}, clock),
      password_(std::move(password)) {}

Async<Result<void>> Ready::ask_nameserver() {
  OCTO_CO_TRY(co_await ask(nameserver_, call_of("GET", "/ping")));
  co_return Result<void>{};
}

Async<Result<void>> Ready::ask_brain() {
  const Bytes body = OCTO_CO_TRY(co_await ask(brain_, call_of("GET", brain_path("/ping"))));
  OCTO_CO_TRY(api::decode_pinged(body));
  co_return Result<void>{};
}

Async<Result<std::set<std::string>>> Ready::fetch_online() {
  if (token_.empty()) {
    const Bytes body = api::encode(api::Login{.group = "", .password = password_});
    const Bytes answer = OCTO_CO_TRY(co_await ask(brain_, call_of("POST", brain_path("/login"), body)));
    token_ = OCTO_CO_TRY(api::decode_logged_in(answer)).token;
  }
  http::Call call = call_of("GET", brain_path("/nodes"));
  call.headers.emplace("authorization", "Bearer " + token_.reveal());
  const Bytes answer = OCTO_CO_TRY(co_await ask(brain_, std::move(call)));
  std::set<std::string> online;
  for (const NodeInfo& node : OCTO_CO_TRY(api::decode_node_list(answer)).nodes) {
    if (node.state == NodeState::online) online.insert(node.record.name.str());
  }
  co_return online;
}

Async<Result<Bytes>> Ready::ask(http::Client& client, http::Call call) {
  http::Response response = OCTO_CO_TRY(co_await client.send(std::move(call)));
  if (response.status == 200) co_return std::move(response.body);
  const auto problem = api::decode_problem(response.body);
  if (problem) co_return fail(problem->error);
  co_return fail(ErrorCode::unavailable, "it answers with status {}", response.status);
}

}  // namespace octo::setup
