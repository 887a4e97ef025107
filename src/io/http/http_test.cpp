// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "async/deadline.hpp"
#include "async/mailbox.hpp"
#include "io/http/client.hpp"
#include "io/http/server.hpp"
#include "io/net/memory_stream.hpp"

namespace octo::http {
namespace {

// A listener and a dialer that meet in memory.
class Meeting final : public net::Listener, public net::Dialer {
 public:
  explicit Meeting(Executor executor) : executor_(executor), arrivals_(executor) {}
  Async<Result<std::unique_ptr<net::Stream>>> accept() override {
    auto stream = co_await arrivals_.take();
    if (!stream) co_return fail(ErrorCode::cancelled, "closed");
    co_return std::move(*stream);
  }
  net::Endpoint address() const override { return {"memory", 1}; }
  void close() override { arrivals_.close(); }
  Async<Result<std::unique_ptr<net::Stream>>> dial(const net::Endpoint&,
                                                   const crypto::ExpectedPeer&) override {
    auto [here, there] = net::MemoryStream::make_pair(executor_);
    arrivals_.put(std::move(there));
    ++dialled;
    co_return std::move(here);
  }
  int dialled = 0;

 private:
  Executor executor_;
  Mailbox<std::unique_ptr<net::Stream>> arrivals_;
};

class TestHandler final : public Handler {
 public:
  std::variant<std::size_t, Reply> body_limit(const Request& head) override {
    if (head.path == "/refused") return Reply{403, {}, "no", nullptr};
    return std::size_t{100'000};
  }
  Async<Reply> handle(Request request) override {
    ++served;
    if (request.path == "/stream") {
      Reply reply;
      reply.stream = [](BodyWriter& writer) -> Async<Result<void>> {
        for (int i = 0; i < 100; ++i)
          OCTO_CO_TRY(co_await writer.write(std::string(10'000, static_cast<char>('a' + i % 26))));
        co_return Result<void>{};
      };
      co_return reply;
    }
    if (request.path == "/broken") {
      Reply reply;
      reply.stream = [](BodyWriter& writer) -> Async<Result<void>> {
        OCTO_CO_TRY(co_await writer.write("half"));
        co_return fail(ErrorCode::internal, "and no more");
      };
      co_return reply;
    }
    if (request.path == "/measured" || request.path == "/short" || request.path == "/long") {
      Reply reply;
      reply.stream_bytes = request.path == "/short" ? 11 : request.path == "/long" ? 9 : 10;
      reply.stream = [](BodyWriter& writer) -> Async<Result<void>> {
        OCTO_CO_TRY(co_await writer.write("01234"));
        co_return co_await writer.write("56789");
      };
      co_return reply;
    }
    if (request.path == "/bye") co_return Reply{200, {{"connection", "close"}}, "bye", nullptr};
    std::string text = fmt::format("{} {} [{}]", request.method, request.path, request.body);
    for (const auto& [name, value] : request.query) text += fmt::format(" {}={}", name, value);
    co_return Reply{200, {{"content-type", "text/plain"}}, text, nullptr};
  }
  int served = 0;
};

template <class Body>
void with_server(Body body) {
  asio::io_context loop;
  std::exception_ptr error;
  asio::co_spawn(
      loop,
      [](Executor executor, Body run) -> Async<void> {
        SystemClock clock(executor);
        Meeting meeting(executor);
        TestHandler handler;
        co_await in_nursery([&](Nursery& nursery) -> Async<void> {
          nursery.spawn(serve(meeting, handler, clock));
          co_await run(meeting, handler, clock);
        });
      }(loop.get_executor(), body),
      [&](std::exception_ptr e) { error = e; });
  loop.run();
  if (error) std::rethrow_exception(error);
}

Client make_client(Meeting& meeting, Clock& clock) { return Client(meeting, {"memory", 1}, {}, clock); }

Async<Bytes> read_all(net::Stream& stream) {
  Bytes all;
  std::array<char, 1000> buffer;
  while (true) {
    const auto got = co_await stream.read_some(buffer);
    if (!got || *got == 0) co_return all;
    all.append(buffer.data(), *got);
  }
}

TEST(Http, RequestsShareAConnection) {
  with_server([](Meeting& meeting, TestHandler&, Clock& clock) -> Async<void> {
    auto client = make_client(meeting, clock);
    for (int i = 0; i < 3; ++i) {
      const auto answer = (co_await client.send({.target = "/a%20b?x=1%262&y"})).value();
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.body, "GET /a%20b [] x=1&2 y=");
      EXPECT_EQ(answer.headers.at("content-type"), "text/plain");
    }
    const auto posted =
        (co_await client.send({.method = "POST", .target = "/p", .body = std::string(90'000, 'x')})).value();
    EXPECT_EQ(posted.body.size(), 90'000U + 10);
    EXPECT_EQ(meeting.dialled, 1);
  });
}

TEST(Http, AConnectionClosedBetweenRequestsIsDialledAgain) {
  with_server([](Meeting& meeting, TestHandler&, Clock& clock) -> Async<void> {
    auto client = make_client(meeting, clock);
    EXPECT_EQ((co_await client.send({.target = "/bye"})).value().body, "bye");
    EXPECT_EQ((co_await client.send({.target = "/x"})).value().status, 200);
    EXPECT_EQ(meeting.dialled, 2);
  });
}

TEST(Http, AStreamedBodyOfAMegabyteArrivesWholeAndTheConnectionGoesOn) {
  with_server([](Meeting& meeting, TestHandler&, Clock& clock) -> Async<void> {
    auto client = make_client(meeting, clock);
    const auto answer = (co_await client.send({.target = "/stream"})).value();
    EXPECT_EQ(answer.body.size(), 1'000'000U);
    EXPECT_EQ(answer.body[990'000], 'a' + 99 % 26);
    EXPECT_EQ((co_await client.send({.target = "/x"})).value().status, 200);
    EXPECT_EQ(meeting.dialled, 1);
  });
}

TEST(Http, ABodyThatBreaksOffIsNotTakenForWhole) {
  with_server([](Meeting& meeting, TestHandler&, Clock& clock) -> Async<void> {
    auto client = make_client(meeting, clock);
    const auto answer = co_await client.send({.target = "/broken"});
    EXPECT_EQ(answer.error().code(), ErrorCode::unavailable);
  });
}

// Whoever downloads wants to know how much is coming, and before that, with HEAD.
TEST(Http, AStreamOfKnownSizeTellsItAndTheConnectionGoesOn) {
  with_server([](Meeting& meeting, TestHandler&, Clock& clock) -> Async<void> {
    auto client = make_client(meeting, clock);
    for (const char* method : {"HEAD", "GET"}) {
      const auto answer = (co_await client.send({.method = method, .target = "/measured"})).value();
      EXPECT_EQ(answer.headers.at("content-length"), "10");
      EXPECT_FALSE(answer.headers.contains("transfer-encoding"));
      EXPECT_EQ(answer.body, method == std::string_view("GET") ? "0123456789" : "");
    }
    EXPECT_EQ((co_await client.send({.target = "/x"})).value().status, 200);
    EXPECT_EQ(meeting.dialled, 1);
  });
}

TEST(Http, AStreamOfAnotherSizeThanPromisedBreaksOff) {
  with_server([](Meeting& meeting, TestHandler&, Clock& clock) -> Async<void> {
    auto client = make_client(meeting, clock);
    for (const char* target : {"/short", "/long"}) {
      EXPECT_EQ((co_await client.send({.target = target})).error().code(), ErrorCode::unavailable) << target;
    }
  });
}

TEST(Http, ABrokenPercentEscapeIsRefusedWhereverItIs) {
  with_server([](Meeting& meeting, TestHandler& handler, Clock& clock) -> Async<void> {
    auto client = make_client(meeting, clock);
    for (const char* target : {"/list?key=%2", "/list?a=1&b=%", "/list?%zz=1", "/%2", "/x%g0/y?a=1"}) {
      const auto answer = (co_await client.send({.target = target})).value();
      EXPECT_EQ(answer.status, 400) << target;
      EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
      EXPECT_NE(answer.body.find("percent escape"), Bytes::npos) << answer.body;
    }
    EXPECT_EQ(handler.served, 0);
  });
}

TEST(Http, AnErrorsTextCannotBreakOutOfItsJson) {
  const auto reply = problem_reply(405, Error(ErrorCode::invalid_argument, "a \"b\" \\ \n ü"));
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.body,
            "{\"type\":\"urn:octopoda:error:invalid_argument\",\"title\":\"invalid argument\",\"status\":405,"
            "\"detail\":\"a \\\"b\\\" \\\\ \\u000a ü\",\"code\":\"invalid_argument\"}");
}

TEST(Http, ARefusalNeedsNoBodyAndALargeBodyIsRefused) {
  with_server([](Meeting& meeting, TestHandler& handler, Clock& clock) -> Async<void> {
    auto client = make_client(meeting, clock);
    EXPECT_EQ((co_await client.send({.method = "POST", .target = "/refused", .body = "x"})).value().status,
              403);
    EXPECT_EQ((co_await client.send({.method = "POST", .target = "/p", .body = std::string(100'001, 'x')}))
                  .value()
                  .status,
              413);
    EXPECT_EQ(handler.served, 0);
  });
}

TEST(Http, GarbageAndAnEndlessHeadAreAnsweredAndClosed) {
  with_server([](Meeting& meeting, TestHandler& handler, Clock&) -> Async<void> {
    const std::pair<std::string, int> cases[] = {{"\x01\x02garbage\r\n\r\n", 400},
                                                 {"GET / HTTP/1.1\r\nx: " + std::string(20'000, 'y'), 431}};
    for (const auto& [bytes, status] : cases) {
      auto stream = (co_await meeting.dial({}, {})).value();
      (void)co_await stream->write(bytes);
      const Bytes answer = co_await read_all(*stream);
      EXPECT_TRUE(answer.starts_with(fmt::format("HTTP/1.1 {} ", status))) << answer;
      EXPECT_NE(answer.find("content-type: application/problem+json\r\n"), Bytes::npos) << answer;
      EXPECT_NE(answer.find(fmt::format("\"status\":{},", status)), Bytes::npos) << answer;
    }
    EXPECT_EQ(handler.served, 0);
  });
}

TEST(Http, AnAnswerThatDoesNotComeTimesOut) {
  with_server([](Meeting&, TestHandler&, Clock& clock) -> Async<void> {
    Meeting nobody(co_await asio::this_coro::executor);
    auto client = make_client(nobody, clock);
    const auto answer = co_await client.send({.target = "/x", .timeout = 20ms});
    EXPECT_EQ(answer.error().code(), ErrorCode::timed_out);
  });
}

// As a socket whose buffer is full, because nothing comes through any more.
class StuckDialer final : public net::Dialer {
  class Stuck final : public net::Stream {
   public:
    explicit Stuck(const Executor& executor) : never_(executor) {}
    Async<Result<std::size_t>> read_some(std::span<char>) override {
      co_await never_.wait();
      co_return std::size_t{0};
    }
    Async<Result<void>> write(BytesView) override {
      co_await never_.wait();
      co_return Result<void>{};
    }
    void close() override {}
    const net::Peer& peer() const override { return peer_; }

   private:
    Event never_;
    net::Peer peer_;
  };
  Async<Result<std::unique_ptr<net::Stream>>> dial(const net::Endpoint&,
                                                   const crypto::ExpectedPeer&) override {
    co_return std::make_unique<Stuck>(co_await asio::this_coro::executor);
  }
};

TEST(Http, ARequestThatCannotBeSentTimesOut) {
  with_server([](Meeting&, TestHandler&, Clock& clock) -> Async<void> {
    StuckDialer stuck;
    Client client(stuck, {"memory", 1}, {}, clock);
    const auto answer = co_await client.send(
        {.method = "POST", .target = "/x", .body = Bytes(1'000'000, 'x'), .timeout = 20ms});
    EXPECT_FALSE(answer.has_value());
    if (!answer) EXPECT_EQ(answer.error().code(), ErrorCode::timed_out);
  });
}

TEST(PercentCoding, GoesThereAndBack) {
  EXPECT_EQ(percent_encode("a b/ü@~"), "a%20b%2F%C3%BC%40~");
  EXPECT_EQ(percent_decode(percent_encode("a b/ü@~")), "a b/ü@~");
  for (const auto* bad : {"%", "%1", "%zz"}) EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace octo::http
