// SPDX-License-Identifier: MIT
// HTTP/1.1 client for one server; keeps one connection and dials again when the server has closed it between
// requests.
#pragma once
#include "async/clock.hpp"
#include "io/http/message.hpp"

namespace octo::http {

struct Call {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;
  Bytes body;
  Span timeout = 30s;  // to the response head, and for each piece of a body, theirs or ours
  std::size_t body_bytes_max = 64 * 1024 * 1024;
};

// Body of a response as it arrives.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Next piece; empty at the end. Until then the connection belongs to it.
  virtual Async<Result<Bytes>> read() = 0;
};
struct StreamedResponse {
  int status = 0;
  Headers headers;
  std::unique_ptr<BodyReader> body;
};

class Client {
 public:
  Client(net::Dialer& dialer, net::Endpoint server, crypto::ExpectedPeer expected, Clock& clock);
  ~Client();

  // Dials unless there is a connection, so that the first call need not.
  Async<Result<void>> connect();
  // unavailable: not reachable, nothing was sent; timed_out: sent, outcome unknown.
  Async<Result<Response>> send(Call call);
  // For event streams; no time limit between pieces when call.timeout is zero.
  Async<Result<StreamedResponse>> send_streaming(Call call);
  void close();

  struct Impl;  // private to client.cpp

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace octo::http
