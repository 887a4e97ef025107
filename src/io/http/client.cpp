// SPDX-License-Identifier: MIT
#include "io/http/client.hpp"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "async/deadline.hpp"
#include "base/expects.hpp"
#include "base/text.hpp"

namespace octo::http {

namespace {

namespace beast = boost::beast;
using Parser = beast::http::response_parser<beast::http::buffer_body>;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kHeadBytes = 64 * 1024;
constexpr std::size_t kWriteBytes = 64 * 1024;  // within the time limit: some ten kilobit a second are enough

}  // namespace

struct Client::Impl {
  net::Dialer& dialer;
  net::Endpoint server;
  crypto::ExpectedPeer expected;
  Clock& clock;
  std::unique_ptr<net::Stream> stream;
  std::string input;  // read and not parsed yet
  bool lent = false;  // a BodyReader has the connection

  void close() {
    if (stream) stream->close();
    stream.reset();
    input.clear();
  }

  std::string bytes_of(const Call& call) const {
    std::string bytes =
        fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\n", call.method, call.target, net::print(server));
    for (const auto& [name, value] : call.headers) {
      OCTO_EXPECTS(value.find_first_of("\r\n") == std::string::npos);
      bytes += fmt::format("{}: {}\r\n", name, value);
    }
    if (!call.body.empty() || call.method != "GET")
      bytes += fmt::format("content-length: {}\r\n", call.body.size());
    return bytes + "\r\n" + call.body;
  }

  template <class T>
  Async<Result<T>> within(Span limit, Async<Result<T>> work) {
    if (limit == Span::zero()) co_return co_await std::move(work);
    co_return co_await with_deadline(clock, limit, std::move(work));
  }

  // In pieces: a poor way may take its time for a large body, and one that is cut is noticed.
  Async<Result<void>> write(const Call& call) {
    const Bytes bytes = bytes_of(call);
    for (std::size_t at = 0; at < bytes.size(); at += kWriteBytes)
      OCTO_CO_TRY(co_await within(call.timeout, stream->write(BytesView(bytes).substr(at, kWriteBytes))));
    co_return Result<void>{};
  }

  // At least one byte more of input; 0: the server has closed.
  Async<Result<std::size_t>> read_more() {
    const std::size_t had = input.size();
    input.resize(had + kReadBytes);
    auto got = co_await stream->read_some(std::span(input).subspan(had));
    input.resize(had + (got ? *got : 0));
    co_return got;
  }

  Async<Result<std::unique_ptr<Parser>>> read_head(const Call& call) {
    auto parser = std::make_unique<Parser>();
    parser->header_limit(kHeadBytes);
    parser->body_limit(boost::none);
    parser->skip(call.method == "HEAD");  // the answer has a head only, whatever that promises
    while (!parser->is_header_done()) {
      if (input.empty() && OCTO_CO_TRY(co_await read_more()) == 0) {
        co_return fail(ErrorCode::timed_out, "the server closed the connection before its answer");
      }
      boost::system::error_code error;
      input.erase(0, parser->put(asio::const_buffer(input.data(), input.size()), error));
      if (error == beast::http::error::need_more) {
        if (OCTO_CO_TRY(co_await read_more()) == 0)
          co_return fail(ErrorCode::timed_out, "the server closed the connection in its answer");
      } else if (error) {
        co_return fail(ErrorCode::unavailable, "the server does not speak HTTP: {}", error.message());
      }
    }
    co_return std::move(parser);
  }

  Async<Result<std::unique_ptr<Parser>>> exchange(const Call& call) {
    const bool reused = stream != nullptr;
    if (!reused) stream = OCTO_CO_TRY(co_await dialer.dial(server, expected));
    input.clear();
    const auto sent = co_await write(call);
    auto head = sent ? co_await within(call.timeout, read_head(call))
                     : Result<std::unique_ptr<Parser>>(Failure(sent.error()));
    if (head) co_return std::move(head);
    const bool silent = input.empty() && head.error().message().find("within") == std::string::npos;
    close();
    // The server closed a kept connection between requests: nothing of ours was looked at, or it is safe to
    // ask twice.
    const bool safe = call.method == "GET" || call.method == "HEAD" || call.method == "PUT" ||
                      call.headers.contains("idempotency-key");
    if (!reused || !silent || !safe) {
      if (head.error().code() == ErrorCode::unavailable)
        co_return fail(ErrorCode::timed_out, "{}", head.error().message());
      co_return std::move(head);
    }
    stream = OCTO_CO_TRY(co_await dialer.dial(server, expected));
    OCTO_CO_TRY(co_await write(call));
    co_return co_await within(call.timeout, read_head(call));
  }
};

namespace {

// Reads one body; gives the connection back at its end, and closes it when dropped before.
class Reader final : public BodyReader {
 public:
  Reader(Client::Impl& on, std::unique_ptr<Parser> parser, Span timeout)
      : on_(on), parser_(std::move(parser)), timeout_(timeout) {
    on_.lent = true;
    parser_->eager(true);
  }
  ~Reader() override {
    on_.lent = false;
    if (!over_) on_.close();
  }

  Async<Result<Bytes>> read() override {
    if (over_) co_return Bytes();
    Bytes piece(kReadBytes, '\0');
    while (!parser_->is_done()) {
      if (on_.input.empty()) {
        if (OCTO_CO_TRY(co_await on_.within(timeout_, on_.read_more())) == 0) {
          boost::system::error_code error;
          parser_->put_eof(error);
          if (error)
            co_return fail(ErrorCode::unavailable, "the connection broke off in the middle of the answer");
          break;
        }
      }
      parser_->get().body().data = piece.data();
      parser_->get().body().size = piece.size();
      parser_->get().body().more = true;
      boost::system::error_code error;
      on_.input.erase(0, parser_->put(asio::const_buffer(on_.input.data(), on_.input.size()), error));
      const std::size_t produced = piece.size() - parser_->get().body().size;
      if (error == beast::http::error::need_more && produced == 0) {
        if (OCTO_CO_TRY(co_await on_.within(timeout_, on_.read_more())) == 0) {
          co_return fail(ErrorCode::unavailable, "the connection broke off in the middle of the answer");
        }
      } else if (error && error != beast::http::error::need_buffer &&
                 error != beast::http::error::need_more) {
        co_return fail(ErrorCode::unavailable, "the answer cannot be read: {}", error.message());
      }
      if (produced > 0) {
        piece.resize(produced);
        co_return piece;
      }
    }
    over_ = true;
    if (!parser_->keep_alive()) on_.close();
    co_return Bytes();
  }

 private:
  Client::Impl& on_;
  std::unique_ptr<Parser> parser_;
  Span timeout_;
  bool over_ = false;
};

}  // namespace

Client::Client(net::Dialer& dialer, net::Endpoint server, crypto::ExpectedPeer expected, Clock& clock)
    : impl_(new Impl{dialer, std::move(server), std::move(expected), clock, nullptr, {}, false}) {}
Client::~Client() = default;

void Client::close() { impl_->close(); }

Async<Result<void>> Client::connect() {
  if (!impl_->stream)
    impl_->stream = OCTO_CO_TRY(co_await impl_->dialer.dial(impl_->server, impl_->expected));
  co_return Result<void>{};
}

Async<Result<StreamedResponse>> Client::send_streaming(Call call) {
  OCTO_EXPECTS(!impl_->lent);
  auto parser =
      OCTO_CO_TRY((co_await impl_->exchange(call)).with(fmt::format("{} {}", call.method, call.target)));
  StreamedResponse response;
  response.status = static_cast<int>(parser->get().result_int());
  for (const auto& field : parser->get()) {
    response.headers[lower(std::string_view(field.name_string().data(), field.name_string().size()))] =
        std::string(field.value().data(), field.value().size());
  }
  response.body = std::make_unique<Reader>(*impl_, std::move(parser), call.timeout);
  co_return std::move(response);
}

Async<Result<Response>> Client::send(Call call) {
  const std::size_t most = call.body_bytes_max;
  auto streamed = OCTO_CO_TRY(co_await send_streaming(std::move(call)));
  Response response{streamed.status, std::move(streamed.headers), {}};
  while (true) {
    const Bytes piece = OCTO_CO_TRY(co_await streamed.body->read());
    if (piece.empty()) break;
    if (response.body.size() + piece.size() > most)
      co_return fail(ErrorCode::too_large, "an answer of more than {} bytes", most);
    response.body += piece;
  }
  co_return std::move(response);
}

}  // namespace octo::http
