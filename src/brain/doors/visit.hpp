// SPDX-License-Identifier: MIT
// One request on its way through; private to the room.
#pragma once
#include "brain/doors/doors.hpp"

namespace octo::brain {

struct Doors::Visit {
  const http::Request& request;
  const api::Route& route;
  std::map<std::string, std::string> segments;
  Caller caller;    // once admitted
  std::string key;  // of a POST that changes something
  Sha256 body_hash;

  bool streams() const {
    const auto accept = request.headers.find("accept");
    return accept != request.headers.end() &&
           accept->second.find("application/x-ndjson") != std::string::npos;
  }
  std::string query(const std::string& name) const {
    const auto found = request.query.find(name);
    return found == request.query.end() ? "" : found->second;
  }
  // A number of the query; absent or empty: `otherwise`.
  Result<std::uint64_t> number(const std::string& name, std::uint64_t otherwise, std::uint64_t most) const {
    const std::string text = query(name);
    if (text.empty()) return otherwise;
    const auto number = parse_number(text);
    if (!number || *number < 0 || static_cast<std::uint64_t>(*number) > most) {
      return fail(ErrorCode::invalid_argument, "{}: expected a number from 0 to {}, found {}", name, most,
                  quote(text));
    }
    return static_cast<std::uint64_t>(*number);
  }
};

inline http::Reply json_reply(std::string body, int status = 200) {
  http::Reply reply;
  reply.status = status;
  reply.headers["content-type"] = "application/json";
  reply.body = std::move(body);
  return reply;
}
inline http::Reply problem_reply(const Error& error) {
  http::Reply reply = json_reply(api::encode(api::Problem{error}), http_status_of(error.code()));
  reply.headers["content-type"] = "application/problem+json";
  return reply;
}

}  // namespace octo::brain
