// SPDX-License-Identifier: MIT
// HTTP/1.1 server over a net::Listener. Beast parses and serialises; nothing of it shows here.
// Limits: head ≤ 16 KiB within 10 s, body idle 30 s, keep-alive idle 60 s, 20,000 connections.
#pragma once
#include <variant>

#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "io/http/message.hpp"

namespace octo::http {

class Handler {
 public:
  virtual ~Handler() = default;
  // Asked with the head alone (body empty): how large a body may be, or the reply that refuses the request at
  // once.
  virtual std::variant<std::size_t, Reply> body_limit(const Request& head) = 0;
  virtual Async<Reply> handle(Request request) = 0;
};

// Serves until cancelled; every connection is a child of its nursery.
Async<void> serve(net::Listener& listener, Handler& handler, Clock& clock);

}  // namespace octo::http
