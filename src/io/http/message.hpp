// SPDX-License-Identifier: MIT
// HTTP as values: what a door gets and gives. Header names are lower-case.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/async.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "io/net/stream.hpp"

namespace octo::http {

using Headers = std::map<std::string, std::string>;

struct Request {
  std::string method;  // "GET"
  std::string target;  // as sent: "/api/v2/nodes?names=a%20b"
  std::string path;    // "/api/v2/nodes", still percent-encoded; split first, then decode
  std::multimap<std::string, std::string> query;  // decoded
  Headers headers;
  Bytes body;
  net::Peer peer;
};

// Writes the body of a streamed reply piece by piece; waits while the peer is slow. An error means the peer
// is gone.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual Async<Result<void>> write(BytesView piece) = 0;
};

struct Reply {
  int status = 200;
  Headers headers;  // content-length and date are added
  Bytes body;
  // Instead of `body`: called once, streams with chunked encoding; the connection stays usable when it
  // returns ok.
  std::function<Async<Result<void>>(BodyWriter&)> stream;
  // How much `stream` writes, when that is known: told as content-length instead of chunks. It must keep to
  // it; a body that ends before breaks the connection off.
  std::optional<std::uint64_t> stream_bytes = std::nullopt;
};

// An error as application/problem+json (RFC 9457), with a status that may be none of the codes' own: 405,
// 416, 431. With the code's own it is what api::encode(api::Problem) makes.
Reply problem_reply(int status, const Error& error);

// One percent-decoded path segment or query part; nothing when malformed.
std::optional<std::string> percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);  // all but unreserved characters

struct Response {
  int status = 0;
  Headers headers;
  Bytes body;
};

}  // namespace octo::http
