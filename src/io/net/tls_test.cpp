// SPDX-License-Identifier: MIT
#include "io/net/tls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "async/deadline.hpp"
#include "io/net/test_certificates.hpp"

namespace octo::net {
namespace {

using crypto::Role;

template <class Body>
void on_loop(Body body) {
  asio::io_context loop;
  SystemClock clock(loop.get_executor());
  std::exception_ptr error;
  asio::co_spawn(loop, body(clock, loop.get_executor()), [&](std::exception_ptr e) { error = e; });
  loop.run();
  if (error) std::rethrow_exception(error);
}

// Accepts one connection, echoes until it ends, and tells who it was.
Async<void> echo_once(Listener& listener, std::optional<Peer>& who, Result<void>& shaken) {
  auto stream = co_await listener.accept();
  if (!stream) co_return;
  shaken = co_await (*stream)->handshake();
  if (!shaken) co_return;
  who = (*stream)->peer();
  std::array<char, 1000> buffer;
  while (true) {
    const auto got = co_await (*stream)->read_some(buffer);
    if (!got || *got == 0) co_return;
    if (!co_await (*stream)->write({buffer.data(), *got})) co_return;
  }
}

Async<Result<Bytes>> talk(Stream& stream, BytesView text) {
  OCTO_CO_TRY(co_await stream.write(text));
  Bytes back;
  std::array<char, 4096> buffer;
  while (back.size() < text.size()) {
    const auto got = OCTO_CO_TRY(co_await stream.read_some(buffer));
    if (got == 0) co_return fail(ErrorCode::unavailable, "closed");
    back.append(buffer.data(), got);
  }
  co_return back;
}

struct Attempt {
  Result<Bytes> answer;
  std::optional<Peer> seen;
  Result<void> shaken;
};

Async<Attempt> attempt(Clock& clock, Executor executor, std::shared_ptr<Tls> server,
                       std::shared_ptr<Tls> client, crypto::ExpectedPeer expected, std::string text) {
  Attempt result{fail(ErrorCode::internal, "not tried"), std::nullopt, {}};
  const auto listener = listen({"127.0.0.1", 0}, server, clock, executor).value();
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    nursery.spawn(echo_once(*listener, result.seen, result.shaken));
    const auto dialer = make_dialer(client, clock, executor);
    auto stream = co_await dialer->dial(listener->address(), expected);
    if (stream) result.answer = co_await talk(**stream, text);
    else result.answer = Failure(stream.error());
    if (stream) (*stream)->close();
    co_await nursery.join();
  });
  co_return result;
}

TEST(Tls, BothSidesKnowWhoIsThere) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    const auto done = co_await attempt(clock, executor, certificates.tls(Role::brain, "brain"),
                                       certificates.tls(Role::node, "pi0"), {Role::brain, "brain"},
                                       std::string(300'000, 'x'));
    EXPECT_EQ(done.answer.value(), std::string(300'000, 'x'));
    EXPECT_EQ(done.seen->identity, (crypto::Identity{"testnet", Role::node, "pi0"}));
  });
}

TEST(Tls, APeerOfAnotherRoleOrNameIsRefused) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    const auto server = certificates.tls(Role::brain, "brain");
    const auto client = certificates.tls(Role::node, "pi0");
    for (const crypto::ExpectedPeer& wrong :
         {crypto::ExpectedPeer{Role::nameserver, ""}, crypto::ExpectedPeer{Role::brain, "other"}}) {
      const auto done = co_await attempt(clock, executor, server, client, wrong, "x");
      EXPECT_EQ(done.answer.error().code(), ErrorCode::forbidden) << done.answer.error().message();
    }
  });
}

TEST(Tls, ACertificateOfAnotherCaIsRefusedByBothSides) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    TestCertificates others("othernet");
    const auto done = co_await attempt(clock, executor, certificates.tls(Role::brain, "brain"),
                                       others.tls(Role::node, "pi0"), {Role::brain, "brain"}, "x");
    EXPECT_EQ(done.answer.error().code(), ErrorCode::forbidden);
    EXPECT_NE(done.answer.error().message().find("certificate"), std::string::npos)
        << done.answer.error().message();
    EXPECT_FALSE(done.seen);
  });
}

TEST(Tls, APeerWithoutCertificateIsWelcomeOnlyWhereReadersAre) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    const auto reader = Tls::load(certificates.reader(), std::nullopt).value();
    auto done = co_await attempt(clock, executor,
                                 certificates.tls(Role::nameserver, "ns", Tls::PeerCertificate::optional),
                                 reader, {Role::nameserver, ""}, "x");
    EXPECT_EQ(done.answer.value(), "x");
    EXPECT_FALSE(done.seen->identity);
    done = co_await attempt(clock, executor, certificates.tls(Role::nameserver, "ns"), reader,
                            {Role::nameserver, ""}, "x");
    EXPECT_FALSE(done.answer);
    EXPECT_FALSE(done.shaken);
  });
}

TEST(Tls, AResumedSessionKeepsTheIdentityAlsoAcrossARestartOfTheServer) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    const auto client = certificates.tls(Role::client, "alice");
    const TlsFiles server_files = certificates.files(Role::brain, "brain");
    std::optional<Bytes> ticket;
    int offered = 0;
    int given = 0;
    client->set_ticket_store(
        [&](const Endpoint&) {
          offered += ticket ? 1 : 0;
          return ticket;
        },
        [&](const Endpoint&, BytesView bytes, Tls::Handshake) {
          ticket = Bytes(bytes);
          ++given;
        });
    for (int start = 0; start < 3; ++start) {
      const auto server = Tls::load(server_files, Role::brain).value();  // as after a restart
      server->set_ticket_keys(std::string(80, 'k'));
      const auto done = co_await attempt(clock, executor, server, client, {Role::brain, "brain"}, "hello");
      EXPECT_EQ(done.answer.value(), "hello");
      EXPECT_EQ(done.seen->identity->name, "alice");
      EXPECT_TRUE(ticket);
    }
    EXPECT_LT(ticket->size(), 512U) << "neither side's certificate is in it";
    EXPECT_EQ(offered, 2);
    EXPECT_EQ(given, 1) << "one that is young goes on being used";
  });
}

// What a client that reads its files late is answered, by a server that may have to be dialled again.
Async<Result<Bytes>> ask_late(Clock& clock, Executor executor, const TlsFiles& server_files, char server_key,
                              const TlsFiles& files, std::optional<Bytes>& ticket) {
  const auto server = Tls::load(server_files, Role::brain).value();
  server->set_ticket_keys(std::string(80, server_key));
  const auto client = Tls::load_when_needed(files, Role::client);
  client->set_ticket_store([&](const Endpoint&) { return ticket; },
                           [&](const Endpoint&, BytesView bytes, Tls::Handshake) { ticket = Bytes(bytes); });
  const auto listener = listen({"127.0.0.1", 0}, server, clock, executor).value();
  std::optional<Peer> seen[2];
  Result<void> shaken[2];
  Result<Bytes> answer = fail(ErrorCode::internal, "not tried");
  co_await in_nursery([&](Nursery& nursery) -> Async<void> {
    for (int dial = 0; dial < 2; ++dial) nursery.spawn(echo_once(*listener, seen[dial], shaken[dial]));
    const auto dialer = make_dialer(client, clock, executor);
    auto stream = co_await dialer->dial(listener->address(), {Role::brain, "brain"});
    if (stream) answer = co_await talk(**stream, "hello");
    else answer = Failure(stream.error());
    if (stream) (*stream)->close();
    listener->close();
    co_await nursery.join();
  });
  co_return answer;
}

TEST(Tls, AResumedSessionNeedsNoFilesAndARefusedTicketReadsThem) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    const TlsFiles server = certificates.files(Role::brain, "brain");
    const TlsFiles alice = certificates.files(Role::client, "alice");
    const TlsFiles nothing{"/nonexistent/ca.pem", "/nonexistent/cert.pem", "/nonexistent/key.pem"};
    std::optional<Bytes> ticket;
    const auto without = co_await ask_late(clock, executor, server, 'k', nothing, ticket);
    EXPECT_FALSE(without);
    if (!without) EXPECT_THAT(without.error().message(), testing::HasSubstr("/nonexistent/ca.pem"));
    EXPECT_EQ((co_await ask_late(clock, executor, server, 'k', alice, ticket)).value(), "hello");
    EXPECT_TRUE(ticket);
    EXPECT_EQ(ticket->rfind("octopoda://"), 0U)
        << "whose it is stands before it, and no certificate is in it";
    EXPECT_EQ((co_await ask_late(clock, executor, server, 'k', nothing, ticket)).value(), "hello");
    EXPECT_EQ(ticket->rfind("octopoda://"), 0U);
    EXPECT_EQ((co_await ask_late(clock, executor, server, 'j', alice, ticket)).value(), "hello");
    const auto refused = co_await ask_late(clock, executor, server, 'i', nothing, ticket);
    EXPECT_FALSE(refused);
    if (!refused) EXPECT_THAT(refused.error().message(), testing::HasSubstr("/nonexistent/ca.pem"));
  });
}

TEST(Tls, GarbageInsteadOfAHandshakeIsAnErrorNotACrash) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    const auto listener =
        listen({"127.0.0.1", 0}, certificates.tls(Role::brain, "brain"), clock, executor).value();
    std::optional<Peer> who;
    Result<void> shaken;
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn(echo_once(*listener, who, shaken));
      asio::ip::tcp::socket raw(executor);
      co_await raw.async_connect({asio::ip::make_address("127.0.0.1"), listener->address().port},
                                 asio::use_awaitable);
      raw.send(asio::buffer(std::string("GET / HTTP/1.0\r\n\r\n")));
      co_await nursery.join();
    });
    EXPECT_FALSE(shaken);
    EXPECT_FALSE(who);
  });
}

// An interface gets its address late and changes it; one that was kept could not be dialled from any more.
TEST(Tls, TheSourceAddressIsAskedAtEveryDial) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    const auto listener =
        listen({"127.0.0.1", 0}, certificates.tls(Role::brain, "brain"), clock, executor).value();
    Result<std::string> source = fail(ErrorCode::unavailable, "wlan0 has no address");
    const auto dialer =
        make_dialer(certificates.tls(Role::node, "pi0"), clock, executor, [&source] { return source; });
    const auto without = co_await dialer->dial(listener->address(), {Role::brain, ""});
    EXPECT_EQ(without.error(), source.error());
    for (const char* address : {"127.0.0.2", "127.0.0.3"}) {
      source = address;
      std::optional<Peer> who;
      Result<void> shaken;
      co_await in_nursery([&](Nursery& nursery) -> Async<void> {
        nursery.spawn(echo_once(*listener, who, shaken));
        auto stream = (co_await dialer->dial(listener->address(), {Role::brain, ""})).value();
        EXPECT_EQ((co_await talk(*stream, "from here")).value(), "from here");
      });
      EXPECT_EQ(who.value().address.host, address);
    }
    for (const char* wrong : {"192.0.2.1", "no address"}) {
      source = wrong;
      const auto refused = co_await dialer->dial(listener->address(), {Role::brain, ""});
      EXPECT_EQ(refused.error().code(), ErrorCode::unavailable) << wrong;
    }
  });
}

TEST(Tls, AReadEndsWhenItIsCancelled) {
  on_loop([](Clock& clock, Executor executor) -> Async<void> {
    TestCertificates certificates;
    const auto listener =
        listen({"127.0.0.1", 0}, certificates.tls(Role::brain, "brain"), clock, executor).value();
    std::optional<Peer> who;
    Result<void> shaken;
    co_await in_nursery([&](Nursery& nursery) -> Async<void> {
      nursery.spawn(echo_once(*listener, who, shaken));
      const auto dialer = make_dialer(certificates.tls(Role::node, "pi0"), clock, executor);
      auto stream = (co_await dialer->dial(listener->address(), {Role::brain, ""})).value();
      std::array<char, 10> buffer;
      const auto late = co_await with_deadline(clock, 20ms, stream->read_some(buffer));
      EXPECT_EQ(late.error().code(), ErrorCode::timed_out);
      EXPECT_EQ((co_await talk(*stream, "still fine")).value(), "still fine");
    });
  });
}

TEST(Tls, AWrongOrMissingCertificateSaysWhichCommandMakesTheRightOne) {
  TestCertificates certificates;
  const auto missing =
      Tls::load({certificates.folder() + "/ca.pem", "/nowhere.pem", "/nowhere.key"}, Role::node);
  EXPECT_NE(missing.error().message().find("octopoda certgen node"), std::string::npos);
  const auto wrong = Tls::load(certificates.files(Role::client, "alice"), Role::node);
  EXPECT_EQ(wrong.error().code(), ErrorCode::forbidden);
  EXPECT_NE(wrong.error().message().find("client 'alice'"), std::string::npos) << wrong.error().message();
  const auto alice = certificates.files(Role::client, "alice");
  const auto bob = certificates.files(Role::client, "bob");
  EXPECT_FALSE(Tls::load({alice.ca_cert, alice.cert, bob.key}, Role::client));
}

TEST(Endpoint, GoesThereAndBack) {
  EXPECT_EQ(parse_endpoint("1.2.3.4:80").value(), (Endpoint{"1.2.3.4", 80}));
  EXPECT_EQ(print(parse_endpoint("[::1]:80").value()), "[::1]:80");
  for (const auto* bad : {"", "host", ":80", "host:", "host:0", "host:99999", "host:x"})
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
}

}  // namespace
}  // namespace octo::net
