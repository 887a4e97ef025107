// SPDX-License-Identifier: MIT
#include "io/http/server.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include "async/deadline.hpp"
#include "base/expects.hpp"
#include "base/text.hpp"

namespace octo::http {

namespace {

namespace beast = boost::beast;
using Parser = beast::http::request_parser<beast::http::string_body>;

constexpr std::size_t kHeadBytes = 16 * 1024;
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kConnectionsMax = 20'000;  // as many descriptors as a process may have here
constexpr Span kHeadWithin = 10s;
constexpr Span kBodyIdle = 30s;
constexpr Span kKeptIdle = 60s;

// An answer after which the connection is of no use: what comes on it is not understood.
Reply last_reply(int status, const Error& error) {
  Reply reply = problem_reply(status, error);
  reply.headers["connection"] = "close";
  return reply;
}

int status_of_bad_head(const Error& error) {
  constexpr int kHeadTooLarge = 431;  // RFC 6585
  return error.code() == ErrorCode::too_large ? kHeadTooLarge : http_status_of(error.code());
}

std::string head_of(const Reply& reply, bool keep, std::string_view framing) {
  const auto reason = beast::http::obsolete_reason(static_cast<beast::http::status>(reply.status));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n{}\r\n", reply.status,
                                 std::string_view(reason.data(), reason.size()), framing);
  for (const auto& [name, value] : reply.headers) {
    OCTO_EXPECTS(value.find_first_of("\r\n") == std::string::npos);
    if (name != "connection") head += fmt::format("{}: {}\r\n", name, value);
  }
  return head + (keep ? "\r\n" : "connection: close\r\n\r\n");
}

class ChunkedWriter final : public BodyWriter {
 public:
  explicit ChunkedWriter(net::Stream& stream) : stream_(stream) {}
  Async<Result<void>> write(BytesView piece) override {
    if (piece.empty()) co_return Result<void>{};  // an empty chunk would end the body
    co_return co_await stream_.write(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
  }

 private:
  net::Stream& stream_;
};

// A body whose size was promised in the head.
class MeasuredWriter final : public BodyWriter {
 public:
  MeasuredWriter(net::Stream& stream, std::uint64_t promised) : stream_(stream), left_(promised) {}
  Async<Result<void>> write(BytesView piece) override {
    if (piece.size() > left_) co_return fail(ErrorCode::internal, "a body is longer than was promised");
    left_ -= piece.size();
    co_return co_await stream_.write(piece);
  }
  bool whole() const { return left_ == 0; }

 private:
  net::Stream& stream_;
  std::uint64_t left_;
};

// One connection: requests one after another.
class Connection {
 public:
  Connection(std::unique_ptr<net::Stream> stream, Handler& handler, Clock& clock)
      : stream_(std::move(stream)), handler_(handler), clock_(clock) {}

  Async<void> serve() {
    if (!co_await stream_->handshake()) co_return;
    while (co_await serve_one()) {
    }
    stream_->close();
  }

 private:
  // Whether the connection can carry another request.
  Async<bool> serve_one() {
    Parser parser;
    parser.header_limit(kHeadBytes);
    parser.body_limit(boost::none);
    if (input_.empty() && !co_await read_more(kKeptIdle)) co_return false;
    const auto head = co_await with_deadline(clock_, kHeadWithin, parse_head(parser));
    if (!head) {
      if (head.error().code() == ErrorCode::unavailable) co_return false;
      co_return co_await send(last_reply(status_of_bad_head(head.error()), head.error()), false, false);
    }
    const bool head_only = parser.get().method() == beast::http::verb::head;
    auto understood = to_request(parser);
    if (!understood) {
      const Error& why = understood.error();
      co_return co_await send(last_reply(http_status_of(why.code()), why), false, head_only);
    }
    Request& request = *understood;
    const auto limit = handler_.body_limit(request);
    if (const auto* refused = std::get_if<Reply>(&limit)) co_return co_await send(*refused, false, head_only);
    const auto body = co_await read_body(parser, request, std::get<std::size_t>(limit));
    if (!body) {
      if (body.error().code() != ErrorCode::too_large) co_return false;
      co_return co_await send(last_reply(http_status_of(body.error().code()), body.error()), false,
                              head_only);
    }
    request.body = std::move(parser.get().body());
    const bool keep = parser.keep_alive();
    const Reply reply = co_await handler_.handle(std::move(request));
    co_return co_await send(reply, keep && !reply.headers.contains("connection"), head_only);
  }

  Async<Result<void>> parse_head(Parser& parser) {
    while (!parser.is_header_done()) {
      boost::system::error_code error = beast::http::error::need_more;
      if (!input_.empty()) {
        const std::size_t used = parser.put(asio::const_buffer(input_.data(), input_.size()), error);
        input_.erase(0, used);
      }
      if (error == beast::http::error::need_more) {
        if (!co_await read_more(kHeadWithin)) co_return fail(ErrorCode::unavailable, "the peer has gone");
      } else if (error == beast::http::error::header_limit) {
        co_return fail(ErrorCode::too_large, "the head is over {} bytes", kHeadBytes);
      } else if (error) {
        co_return fail(ErrorCode::invalid_argument, "this is no HTTP request: {}", error.message());
      }
    }
    co_return Result<void>{};
  }

  Async<Result<void>> read_body(Parser& parser, const Request& request, std::size_t limit) {
    const auto announced = parser.content_length();
    if (announced && *announced > limit)
      co_return fail(ErrorCode::too_large, "a body of {} bytes, {} at most", *announced, limit);
    parser.body_limit(limit);
    const auto expects = request.headers.find("expect");
    if (expects != request.headers.end() && lower(expects->second) == "100-continue" && !parser.is_done()) {
      OCTO_CO_TRY(co_await stream_->write("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    parser.eager(true);
    while (!parser.is_done()) {
      if (input_.empty() && !co_await read_more(kBodyIdle))
        co_return fail(ErrorCode::unavailable, "the peer has gone");
      boost::system::error_code error;
      input_.erase(0, parser.put(asio::const_buffer(input_.data(), input_.size()), error));
      if (error == beast::http::error::body_limit)
        co_return fail(ErrorCode::too_large, "the body is over {} bytes", limit);
      if (error == beast::http::error::need_more) {
        if (!co_await read_more(kBodyIdle)) co_return fail(ErrorCode::unavailable, "the peer has gone");
      } else if (error) {
        co_return fail(ErrorCode::invalid_argument, "the body cannot be read: {}", error.message());
      }
    }
    co_return Result<void>{};
  }

  // A broken percent escape is nobody's name: half of what was asked for would be another question.
  Result<Request> to_request(Parser& parser) const {
    Request request;
    const auto& head = parser.get();
    request.method = std::string(head.method_string().data(), head.method_string().size());
    request.target = std::string(head.target().data(), head.target().size());
    const std::size_t mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    if (!percent_decode(request.path))
      return fail(ErrorCode::invalid_argument, "broken percent escape in the path {}", quote(request.path));
    if (mark != std::string::npos) {
      for (const std::string& pair : split(std::string_view(request.target).substr(mark + 1), '&')) {
        const std::size_t equals = pair.find('=');
        const auto name = percent_decode(std::string_view(pair).substr(0, equals));
        const auto value = percent_decode(
            equals == std::string::npos ? std::string_view() : std::string_view(pair).substr(equals + 1));
        if (!name || !value)
          return fail(ErrorCode::invalid_argument, "broken percent escape in the query: {}", quote(pair));
        if (!name->empty()) request.query.emplace(*name, *value);
      }
    }
    for (const auto& field : head) {
      request.headers[lower(std::string_view(field.name_string().data(), field.name_string().size()))] =
          std::string(field.value().data(), field.value().size());
    }
    request.peer = stream_->peer();
    return request;
  }

  Async<bool> send(Reply reply, bool keep, bool head_only) {
    if (!reply.stream) {
      // One write for head and body: one TLS record, one packet for small replies.
      std::string whole = head_of(reply, keep, fmt::format("content-length: {}", reply.body.size()));
      if (!head_only) whole += reply.body;
      co_return (co_await stream_->write(whole)).has_value() && keep;
    }
    if (reply.stream_bytes) co_return co_await send_measured(reply, keep, head_only);
    if (!co_await stream_->write(head_of(reply, keep, "transfer-encoding: chunked"))) co_return false;
    if (head_only) co_return keep;
    ChunkedWriter writer(*stream_);
    // A body that breaks off ends without its last chunk, so that nobody takes it for whole.
    if (!co_await reply.stream(writer)) co_return false;
    co_return (co_await stream_->write("0\r\n\r\n")).has_value() && keep;
  }

  Async<bool> send_measured(const Reply& reply, bool keep, bool head_only) {
    const std::string length = fmt::format("content-length: {}", *reply.stream_bytes);
    if (!co_await stream_->write(head_of(reply, keep, length))) co_return false;
    if (head_only) co_return keep;
    MeasuredWriter writer(*stream_, *reply.stream_bytes);
    const bool sent = (co_await reply.stream(writer)).has_value();
    co_return sent&& writer.whole() && keep;
  }

  Async<bool> read_more(Span within) {
    const std::size_t had = input_.size();
    input_.resize(had + kReadBytes);
    const auto got =
        co_await with_deadline(clock_, within, stream_->read_some(std::span(input_).subspan(had)));
    input_.resize(had + (got ? *got : 0));
    if (input_.empty()) input_.shrink_to_fit();
    co_return got && *got > 0;
  }

  std::unique_ptr<net::Stream> stream_;
  Handler& handler_;
  Clock& clock_;
  std::string input_;  // read and not parsed yet
};

Async<void> serve_connection(std::unique_ptr<net::Stream> stream, Handler& handler, Clock& clock) {
  Connection connection(std::move(stream), handler, clock);
  co_await connection.serve();
}

}  // namespace

Async<void> serve(net::Listener& listener, Handler& handler, Clock& clock) {
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    while (true) {
      auto stream = co_await listener.accept();
      if (!stream) co_return;
      if (nursery.size() >= kConnectionsMax) continue;
      nursery.spawn(serve_connection(std::move(*stream), handler, clock));
    }
  });
}

}  // namespace octo::http
