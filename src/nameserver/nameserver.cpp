// SPDX-License-Identifier: MIT
#include "nameserver/nameserver.hpp"

#include <algorithm>

#include "api/records.hpp"
#include "base/text.hpp"
#include "io/log/log.hpp"
#include "nameserver/rules.hpp"

namespace octo::nameserver {

namespace {

enum class Access { reads, writes };
struct Verb {
  std::string_view path;
  Access access;
};
constexpr Verb kVerbs[] = {{"/ping", Access::reads},      {"/query", Access::reads},
                           {"/list", Access::reads},      {"/summary", Access::reads},
                           {"/register", Access::writes}, {"/delete", Access::writes}};

const Verb* find_verb(std::string_view path) {
  const auto* const found = std::ranges::find(kVerbs, path, &Verb::path);
  return found == std::end(kVerbs) ? nullptr : found;
}

http::Reply refuse(const Error& error) { return http::problem_reply(http_status_of(error.code()), error); }

http::Reply refuse_method(std::string_view allowed) {
  constexpr int kMethodNotAllowed = 405;
  http::Reply reply = http::problem_reply(
      kMethodNotAllowed,
      Error(ErrorCode::invalid_argument, fmt::format("only {} is understood here", allowed)));
  reply.headers["allow"] = allowed;
  return reply;
}

std::string find_parameter(const http::Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : found->second;
}

Result<std::string> get_key(const http::Request& request) {
  std::string key = find_parameter(request, "key");
  if (key.empty()) return fail(ErrorCode::invalid_argument, "say which name: {}?key=…", request.path);
  if (key.size() > kKeyBytesMax)
    return fail(ErrorCode::too_large, "a name of {} bytes, {} at most", key.size(), kKeyBytesMax);
  return key;
}

}  // namespace

NameServer::NameServer(Registry& registry, StaticFiles& files, Clock& clock)
    : registry_(registry), files_(files), clock_(clock), since_(clock.now()) {}

std::variant<std::size_t, http::Reply> NameServer::body_limit(const http::Request& head) {
  const Verb* verb = find_verb(head.path);
  const bool writes = verb != nullptr && verb->access == Access::writes;
  if (writes && head.method != "POST") return refuse_method("POST");
  if (!writes && head.method != "GET" && head.method != "HEAD") return refuse_method("GET, HEAD");
  if (!writes) return std::size_t{0};
  // Who may write nothing need not send it.
  if (head.peer.identity && head.peer.identity->role == crypto::Role::brain) return kBodyBytesMax;
  return refuse(check_writer(head.peer.identity, "").error());
}

Async<http::Reply> NameServer::handle(http::Request request) {
  if (find_verb(request.path) == nullptr) {
    auto file = co_await files_.serve(request);
    co_return file ? std::move(*file)
                   : refuse(Error(ErrorCode::not_found, fmt::format("no {} here", quote(request.path))));
  }
  auto body = co_await answer(request);
  if (!body) co_return refuse(body.error());
  co_return http::Reply{200, {{"content-type", "application/json"}}, std::move(*body), nullptr};
}

Async<Result<std::string>> NameServer::answer(const http::Request& request) {
  if (request.path == "/register") co_return co_await put(request);
  if (request.path == "/delete") co_return co_await remove(request);
  if (request.path == "/query") co_return find(request);
  if (request.path == "/list") co_return list(request);
  if (request.path == "/summary") co_return summary();
  co_return fmt::format(R"({{"version":"{}"}})", OCTO_VERSION);
}

Async<Result<std::string>> NameServer::put(const http::Request& request) {
  auto asked = OCTO_CO_TRY(api::decode_name_entries(request.body));
  for (const api::NameEntry& entry : asked.entries) {
    OCTO_CO_TRY(check_entry(entry));
    OCTO_CO_TRY(check_writer(request.peer.identity, entry.key));
  }
  for (const api::NameEntry& entry : asked.entries) {
    const api::NameEntry* held = registry_.find(entry.key);
    if (held == nullptr || held->value != entry.value) log::info("{} = {}", entry.key, quote(entry.value));
  }
  const std::size_t count = asked.entries.size();
  OCTO_CO_TRY(co_await registry_.put(std::move(asked.entries)));
  counts_.registrations += count;
  co_return "{}";
}

Async<Result<std::string>> NameServer::remove(const http::Request& request) {
  const std::string key = OCTO_CO_TRY(get_key(request));
  OCTO_CO_TRY(check_writer(request.peer.identity, key));
  OCTO_CO_TRY(co_await registry_.remove(key));
  log::info("{} deleted", key);
  co_return "{}";
}

Result<std::string> NameServer::find(const http::Request& request) {
  const std::string key = OCTO_TRY(get_key(request));
  ++counts_.queries;
  if (const api::NameEntry* entry = registry_.find(key)) return api::encode(*entry);
  ++counts_.misses;
  return fail(ErrorCode::not_found, "no name {}", quote(key));
}

Result<std::string> NameServer::list(const http::Request& request) {
  const std::string method = find_parameter(request, "method");
  const auto match = method.empty() ? api::NameMatch::all : api::find_name_match(method);
  if (!match)
    return fail(ErrorCode::invalid_argument, "method {} is none of all, prefix, suffix, contain, equal",
                quote(method));
  ++counts_.queries;
  return api::encode(
      registry_.list({*match, find_parameter(request, "key"), find_parameter(request, "from")}));
}

std::string NameServer::summary() const {
  api::NameSummary summary = counts_;
  summary.names = registry_.count();
  summary.up_seconds = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - since_).count();
  return api::encode(summary);
}

}  // namespace octo::nameserver
