// SPDX-License-Identifier: MIT
#include "brain/doors/doors.hpp"

#include <algorithm>

#include "base/expects.hpp"
#include "brain/doors/visit.hpp"
#include "io/crypto/crypto.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {

constexpr std::size_t kKeyBytesMax = 128;

std::string header(const http::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

// The route, or why there is none.
Result<api::Match> find_route(const http::Request& head) {
  auto match = api::match(head.method, head.path);
  if (!match) return fail(ErrorCode::not_found, "there is no {}", quote(head.path));
  if (match->route == nullptr)
    return fail(ErrorCode::unsupported, "{} is not for {}", quote(head.path), head.method);
  return std::move(*match);
}

Result<std::string> operator_of(const http::Request& request) {
  const auto& identity = request.peer.identity;
  if (!identity || identity->role != crypto::Role::client) {
    return fail(
        ErrorCode::forbidden,
        "operators only, and this is the certificate of {}; make one with: octopoda certgen client <name>",
        identity ? fmt::format("{} {}", crypto::name_of(identity->role), quote(identity->name)) : "nobody");
  }
  return identity->name;
}

}  // namespace

Doors::Doors(Ports ports, About about) : ports_(std::move(ports)), about_(std::move(about)) {
  bind();
  OCTO_EXPECTS(std::ranges::none_of(doors_, [](Door door) { return door == nullptr; }));
}

void Doors::bind() {
  const auto set = [this](api::RouteId id, Door door) { doors_[static_cast<std::size_t>(id)] = door; };
  set(api::RouteId::ping, &Doors::ping);
  set(api::RouteId::login, &Doors::login);
  set(api::RouteId::nodes_list, &Doors::nodes_list);
  set(api::RouteId::nodes_status, &Doors::nodes_status);
  set(api::RouteId::nodes_prune, &Doors::nodes_prune);
  set(api::RouteId::tasks_start, &Doors::tasks_start);
  set(api::RouteId::tasks_list, &Doors::tasks_list);
  set(api::RouteId::task_get, &Doors::task_get);
  set(api::RouteId::task_events, &Doors::task_events);
  set(api::RouteId::task_cancel, &Doors::task_cancel);
  set(api::RouteId::blobs_missing, &Doors::blobs_missing);
  set(api::RouteId::blob_put, &Doors::blob_put);
  set(api::RouteId::scenarios_list, &Doors::scenarios_list);
  set(api::RouteId::scenario_get, &Doors::scenario_get);
  set(api::RouteId::scenario_versions, &Doors::scenario_versions);
  set(api::RouteId::scenario_apply, &Doors::scenario_apply);
  set(api::RouteId::scenario_reset, &Doors::scenario_reset);
  set(api::RouteId::node_apps, &Doors::node_apps);
  set(api::RouteId::node_app_get, &Doors::node_app_get);
  set(api::RouteId::node_app_reset, &Doors::node_app_reset);
  set(api::RouteId::node_log, &Doors::node_log);
}

// Before a byte of the body is read: who asks, for what, and may they.
std::variant<std::size_t, http::Reply> Doors::body_limit(const http::Request& head) {
  if (const auto name = operator_of(head); !name) return problem_reply(name.error());
  auto match = find_route(head);
  if (!match) return problem_reply(match.error());
  Visit visit{head, *match->route, {}, {}, {}, {}};
  if (const auto admitted = admit(visit); !admitted) return problem_reply(admitted.error());
  return match->route->body_bytes_max;
}

Result<void> Doors::admit(Visit& visit) const {
  visit.caller.name = OCTO_TRY(operator_of(visit.request));
  if (visit.route.scope == api::Scope::group) {
    visit.caller = OCTO_TRY(ports_.gate.check(header(visit.request, "authorization"), visit.caller.name));
  }
  if (!visit.route.mutates || visit.route.method != "POST") return {};
  visit.key = header(visit.request, "idempotency-key");
  const bool printable = std::ranges::all_of(visit.key, [](char c) { return c > ' ' && c < 0x7f; });
  if (visit.key.empty() || visit.key.size() > kKeyBytesMax || !printable) {
    return fail(ErrorCode::invalid_argument, "this needs an Idempotency-Key: up to {} printable characters",
                kKeyBytesMax);
  }
  return {};
}

Async<http::Reply> Doors::handle(http::Request request) {
  auto match = find_route(request);
  if (!match) co_return problem_reply(match.error());
  Visit visit{request, *match->route, std::move(match->segments), {}, {}, {}};
  auto reply = co_await pass(visit);
  wipe(request.body);  // it may have held secrets
  if (reply) co_return std::move(*reply);
  if (reply.error().code() == ErrorCode::internal || reply.error().code() == ErrorCode::storage_full) {
    log::error("{} {}: {}", request.method, request.path, reply.error().message());
  }
  co_return problem_reply(reply.error());
}

Doors::Answer Doors::pass(Visit& visit) {
  OCTO_CO_TRY(admit(visit));
  if (visit.key.empty()) co_return co_await (this->*doors_[static_cast<std::size_t>(visit.route.id)])(visit);
  std::string asked =
      fmt::format("{}\n{}\n{}", visit.request.method, visit.request.target, visit.request.body);
  visit.body_hash = ports_.gate.digest(asked);
  wipe(asked);
  // Two at once with one key: the second must not begin before the first has its receipt.
  const std::pair slot(visit.caller.name, visit.key);
  if (!under_way_.insert(slot).second) {
    co_return fail(ErrorCode::conflict, "a request with this Idempotency-Key is still under way; ask again");
  }
  struct Leaving {
    ~Leaving() { from.erase(slot); }
    std::set<std::pair<std::string, std::string>>& from;
    const std::pair<std::string, std::string>& slot;
  } const leaving{under_way_, slot};
  co_return co_await pass_once(visit, visit.key);
}

Doors::Answer Doors::pass_once(Visit& visit, const std::string& key) {
  if (const auto receipt = OCTO_CO_TRY(co_await ports_.ledger.find_receipt(visit.caller, key))) {
    if (receipt->body_hash != visit.body_hash) {
      co_return fail(ErrorCode::unprocessable, "this Idempotency-Key was used for another request");
    }
    co_return co_await replay(visit, *receipt);
  }
  co_return co_await (this->*doors_[static_cast<std::size_t>(visit.route.id)])(visit);
}

// The answer of then; a task's events from the first on.
Doors::Answer Doors::replay(Visit& visit, const Receipt& receipt) {
  const auto task = visit.streams() ? api::decode_task_started(receipt.answer)
                                    : Result<api::TaskStarted>(fail(ErrorCode::not_found, "no stream"));
  if (task) co_return co_await events_reply(task->task, {}, receipt.answer);
  co_return json_reply(receipt.answer, receipt.status);
}

Stamp Doors::stamp_of(const Visit& visit, std::string action, std::string object, std::string answer,
                      int status) const {
  return {visit.caller, std::move(action), std::move(object), ports_.clock.wall(),
          Receipt{visit.key, visit.body_hash, status, std::move(answer)}};
}

}  // namespace octo::brain
