// SPDX-License-Identifier: MIT
// The whole server over real TLS.
#include "nameserver/nameserver.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "api/records.hpp"
#include "async/deadline.hpp"
#include "client/nameserver.hpp"
#include "io/net/test_certificates.hpp"
#include "nameserver/server.hpp"

namespace octo::nameserver {
namespace {

class NameServerTest : public testing::Test {
 protected:
  // The body with a running server.
  void serving(std::function<Async<void>()> body) {
    const auto files = certificates_.files(crypto::Role::nameserver, "ns");
    settings::NameServerSettings settings;
    settings.net_device = "lo";
    settings.serve_port = 0;
    settings.data = certificates_.folder() + "/data";
    settings.ssl = {files.ca_cert, files.cert, files.key};
    settings.static_dirs = {{"/static", certificates_.folder()}};
    asio::co_spawn(
        loop_,
        [&]() -> Async<void> {
          const auto server = Server::open(settings, clock_, loop_.get_executor()).value();
          at_ = server->address();
          co_await in_nursery([&](Nursery& nursery) -> Async<void> {
            nursery.spawn(server->serve());
            co_await body();
          });
        },
        [](std::exception_ptr error) {
          if (error) std::rethrow_exception(error);
        });
    loop_.restart();
    loop_.run();
  }
  std::unique_ptr<net::Dialer> dialer(std::shared_ptr<net::Tls> tls) {
    return net::make_dialer(std::move(tls), clock_, loop_.get_executor());
  }
  std::unique_ptr<net::Dialer> reader() {
    return dialer(net::Tls::load(certificates_.reader(), std::nullopt).value());
  }
  Async<http::Response> ask(net::Dialer& through, http::Call call) {
    http::Client client(through, at_, {crypto::Role::nameserver, ""}, clock_);
    co_return (co_await client.send(std::move(call))).value();
  }

  asio::io_context loop_;
  SystemClock clock_{loop_.get_executor()};
  net::TestCertificates certificates_;
  net::Endpoint at_;
};

TEST_F(NameServerTest, ABrainWritesAndEverybodyReads) {
  serving([this]() -> Async<void> {
    const auto brain = dialer(certificates_.tls(crypto::Role::brain, "brain"));
    const auto anybody = reader();
    client::NameServer writer(*brain, at_, clock_), readers(*anybody, at_, clock_);
    EXPECT_TRUE(co_await readers.ping());
    EXPECT_TRUE(co_await writer.put(
        {{"brain.a", "addr", "10.0.0.1:80", "where", -1}, {"brain.b", "", "x", "", 60'000}}));
    EXPECT_EQ((co_await readers.find_endpoint("brain.a")).value(), (net::Endpoint{"10.0.0.1", 80}));
    EXPECT_EQ((co_await readers.find("brain.none")).error().code(), ErrorCode::not_found);
    EXPECT_EQ((co_await readers.list({.match = api::NameMatch::suffix, .text = ".b"})).value().size(), 1U);
    const auto summary =
        api::decode_name_summary((co_await ask(*anybody, {.target = "/summary"})).body).value();
    EXPECT_EQ(summary.names, 2U);
    EXPECT_EQ(summary.registrations, 2U);
    EXPECT_EQ(summary.misses, 1U);
    EXPECT_TRUE(co_await writer.remove("brain.a"));
    EXPECT_FALSE(co_await readers.find("brain.a"));
  });
}

TEST_F(NameServerTest, NobodyElseWrites) {
  serving([this]() -> Async<void> {
    const auto brain = dialer(certificates_.tls(crypto::Role::brain, "brain"));
    const auto other = dialer(certificates_.tls(crypto::Role::brain, "other"));
    const auto node = dialer(certificates_.tls(crypto::Role::node, "pi0"));
    const auto anybody = reader();
    EXPECT_TRUE(co_await client::NameServer(*brain, at_, clock_).put({{"brain.x", "", "v", "", -1}}));
    for (net::Dialer* dialer : {other.get(), node.get()}) {
      client::NameServer writer(*dialer, at_, clock_);
      EXPECT_EQ((co_await writer.put({{"brain.x", "", "w", "", -1}})).error().code(), ErrorCode::forbidden);
      EXPECT_EQ((co_await writer.remove("brain.x")).error().code(), ErrorCode::forbidden);
    }
    client::NameServer nobody(*anybody, at_, clock_);
    EXPECT_EQ((co_await nobody.put({{"brain.x", "", "w", "", -1}})).error().code(),
              ErrorCode::unauthenticated);
    // One that is not ours spoils all of them.
    client::NameServer own(*brain, at_, clock_);
    EXPECT_FALSE(co_await own.put({{"brain.y", "", "v", "", -1}, {"other.y", "", "v", "", -1}}));
    EXPECT_FALSE(co_await nobody.find("brain.y"));
    EXPECT_EQ((co_await nobody.find("brain.x")).value().value, "v");
  });
}

TEST_F(NameServerTest, WhatIsNotUnderstoodIsNamed) {
  serving([this]() -> Async<void> {
    const auto brain = dialer(certificates_.tls(crypto::Role::brain, "brain"));
    const auto wrong_method = co_await ask(*brain, {.target = "/register"});
    EXPECT_EQ(wrong_method.status, 405);
    EXPECT_EQ(wrong_method.headers.at("allow"), "POST");
    EXPECT_EQ((co_await ask(*brain, {.method = "POST", .target = "/query?key=x"})).status, 405);
    EXPECT_EQ((co_await ask(*brain, {.target = "/none"})).status, 404);
    EXPECT_EQ((co_await ask(*brain, {.target = "/query"})).status, 400);
    const auto method = co_await ask(*brain, {.target = "/list?method=like"});
    EXPECT_EQ(method.status, 400);
    EXPECT_NE(method.body.find("prefix"), Bytes::npos) << method.body;
    EXPECT_EQ((co_await ask(*brain, {.method = "POST", .target = "/register", .body = "{"})).status, 400);
    const Bytes large(kBodyBytesMax + 1, ' ');
    EXPECT_EQ((co_await ask(*brain, {.method = "POST", .target = "/register", .body = large})).status, 413);
  });
}

TEST_F(NameServerTest, EveryErrorIsAProblemWithItsOwnStatus) {
  serving([this]() -> Async<void> {
    const auto brain = dialer(certificates_.tls(crypto::Role::brain, "brain"));
    const Bytes large(kBodyBytesMax + 1, ' ');
    const std::pair<http::Call, int> cases[] = {
        {{.target = "/register"}, 405},
        {{.target = "/none"}, 404},
        {{.target = "/query"}, 400},
        {{.target = "/list?method=contain&key=%2"}, 400},
        {{.method = "POST", .target = "/register", .body = large}, 413},
        {{.target = "/static/none"}, 404},
        {{.target = "/static/" + std::string(5000, 'x')}, 404},
        {{.target = "/static/ca.pem", .headers = {{"range", "bytes=999999-"}}}, 416},
        {{.target = "/ping", .headers = {{"x", std::string(20'000, 'x')}}}, 431}};
    for (const auto& [call, status] : cases) {
      const auto answer = co_await ask(*brain, call);
      EXPECT_EQ(answer.status, status) << call.target;
      EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json") << call.target;
      EXPECT_NE(answer.body.find(fmt::format("\"status\":{},", status)), Bytes::npos) << answer.body;
      const auto problem = api::decode_problem(answer.body);
      EXPECT_TRUE(problem) << answer.body;
      if (problem && http_status_of(problem->error.code()) == status)
        EXPECT_EQ(answer.body, api::encode(*problem)) << "one form of errors, whoever writes it";
    }
  });
}

TEST_F(NameServerTest, FilesAreServedToAnybody) {
  serving([this]() -> Async<void> {
    const auto anybody = reader();
    const auto whole = co_await ask(*anybody, {.target = "/static/ca.pem"});
    EXPECT_EQ(whole.status, 200);
    EXPECT_TRUE(whole.body.starts_with("-----BEGIN CERTIFICATE-----"));
    EXPECT_EQ(whole.headers.at("content-length"), std::to_string(whole.body.size()));
    const auto part =
        co_await ask(*anybody, {.target = "/static/ca.pem", .headers = {{"range", "bytes=5-9"}}});
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "BEGIN");
    EXPECT_EQ(part.headers.at("content-length"), "5");
    const auto head = co_await ask(*anybody, {.method = "HEAD", .target = "/static/ca.pem"});
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.body.empty());
    EXPECT_EQ(head.headers.at("content-length"), whole.headers.at("content-length"));
  });
}

}  // namespace
}  // namespace octo::nameserver
