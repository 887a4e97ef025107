// SPDX-License-Identifier: MIT
// Connections: the stream, the listener, the dialer.
#include "io/net/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "async/deadline.hpp"
#include "base/expects.hpp"
#include "io/crypto/x509.hpp"
#include "io/net/tls_impl.hpp"

namespace octo::net {

namespace {

using asio::ip::tcp;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

constexpr Span kConnectWithin = 5s;
constexpr Span kHandshakeWithin = 10s;

enum class Side : std::uint8_t { server, client };

[[noreturn]] void throw_cancelled() { throw boost::system::system_error(asio::error::operation_aborted); }

class TlsStream final : public Stream {
 public:
  TlsStream(tcp::socket socket, std::shared_ptr<Tls> tls, Clock& clock, Side side, Endpoint peer)
      : socket_(std::move(socket)),
        tls_(std::move(tls)),
        clock_(clock),
        side_(side),
        peer_{.address = std::move(peer), .identity = {}} {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    ssl_ = SSL_new(tls_->impl().context);
    OCTO_EXPECTS(ssl_ != nullptr);
    SSL_set_fd(ssl_, socket_.native_handle());
    SSL_set_app_data(ssl_, &peer_);
    if (side_ == Side::server) SSL_set_accept_state(ssl_);
    else SSL_set_connect_state(ssl_);
  }
  ~TlsStream() override {
    TlsStream::close();
    SSL_free(ssl_);
  }

  // Server: it counts among those of `lobby` until it is through, and its steps wait for their turn.
  void enter(std::shared_ptr<Lobby> lobby, std::string address, int listener) {
    guest_ = std::make_unique<Lobby::Guest>(std::move(lobby), std::move(address), [this] { close(); });
    listener_ = listener;
  }

  // Before the handshake.
  void offer(BytesView ticket) {
    auto kept = decode_session(ticket);
    if (!kept) return;
    const auto* data = reinterpret_cast<const unsigned char*>(kept->session.data());
    SSL_SESSION* session = d2i_SSL_SESSION(nullptr, &data, static_cast<long>(kept->session.size()));
    if (session != nullptr) SSL_set_session(ssl_, session);
    SSL_SESSION_free(session);
    ERR_clear_error();
    offered_ = std::move(kept->server);
  }

  Async<Result<void>> handshake() override {
    auto done = co_await with_deadline(clock_, kHandshakeWithin, shake_hands());
    guest_.reset();
    if (!done) close();
    co_return std::move(done).with(fmt::format("TLS handshake with {}", print(peer_.address)));
  }

  Async<Result<std::size_t>> read_some(std::span<char> into) override {
    while (true) {
      if (closed_) co_return fail(ErrorCode::cancelled, "the connection is closed");
      // To ask the socket would tell that there is nothing.
      if (std::exchange(drained_, false)) OCTO_CO_TRY(co_await wait(SSL_ERROR_WANT_READ, "read"));
      ERR_clear_error();
      std::size_t got = 0;
      const int result = SSL_read_ex(ssl_, into.data(), into.size(), &got);
      if (result == 1) {
        drained_ = SSL_has_pending(ssl_) == 0;
        co_return got;
      }
      const int why = SSL_get_error(ssl_, result);
      if (why == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
      OCTO_CO_TRY(co_await wait(why, "read"));
    }
  }

  Async<Result<void>> write(BytesView bytes) override {
    while (!bytes.empty()) {
      if (closed_) co_return fail(ErrorCode::cancelled, "the connection is closed");
      ERR_clear_error();
      std::size_t put = 0;
      const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &put);
      if (result == 1) bytes.remove_prefix(put);
      else OCTO_CO_TRY(co_await wait(SSL_get_error(ssl_, result), "write"));
    }
    co_return Result<void>{};
  }

  void close() override {
    if (closed_) return;
    closed_ = true;
    // Without a shutdown, also after a loss, OpenSSL marks the session as bad and no ticket of it is taken
    // again.
    SSL_set_quiet_shutdown(ssl_, 1);
    SSL_shutdown(ssl_);
    ERR_clear_error();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  const Peer& peer() const override { return peer_; }

 private:
  Async<Result<void>> shake_hands() {
    // A turn is not asked for before there is something to do.
    if (guest_) OCTO_CO_TRY(co_await wait(SSL_ERROR_WANT_READ, "handshake"));
    while (true) {
      if (closed_) co_return fail(ErrorCode::cancelled, "the connection is closed");
      const int why = co_await step();
      if (why == SSL_ERROR_NONE) break;
      OCTO_CO_TRY(co_await wait(why, "handshake"));
    }
    X509* certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate != nullptr) peer_.identity = OCTO_CO_TRY(crypto::identity_of(certificate));
    // Only who had the session when it was made can resume it.
    else if (SSL_session_reused(ssl_) == 1)
      peer_.identity = side_ == Side::client ? std::move(offered_) : written_in_ticket(ssl_);
    co_return Result<void>{};
  }

  // What OpenSSL wants next; none when the handshake is done.
  Async<int> step() {
    std::optional<Turns::Place> place;
    if (guest_) {
      guest_->set_waits_for_peer(false);
      place.emplace(tls_->impl().turns, clock_, socket_.get_executor(), listener_, guest_->address());
      co_await place->come();
      if (closed_) co_return SSL_ERROR_WANT_READ;
    }
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (guest_) {
      guest_->set_waits_for_peer(true);
      keep_young_ticket();
    }
    co_return result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
  }

  // Between the peer's hello and its last word it is known whether its ticket is taken.
  void keep_young_ticket() {
    if (SSL_session_reused(ssl_) != 1) return;
    const auto given = WallTime(std::chrono::seconds(SSL_SESSION_get_time(SSL_get0_session(ssl_))));
    if (clock_.wall() - given < kTicketRenewedAfter) SSL_set_num_tickets(ssl_, 0);
  }

  // Waits for what OpenSSL wants, or says why it cannot go on.
  Async<Result<void>> wait(int why, std::string_view step) {
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) co_return broken(why, step);
    const auto [error] = co_await socket_.async_wait(
        why == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write, kTuple);
    if (closed_) co_return fail(ErrorCode::cancelled, "the connection is closed");
    if (error == asio::error::operation_aborted) throw_cancelled();
    if (error) co_return fail(ErrorCode::unavailable, "{}: {}", step, error.message());
    co_return Result<void>{};
  }

  Failure broken(int why, std::string_view step) {
    const long verified = SSL_get_verify_result(ssl_);
    if (verified != X509_V_OK) {
      ERR_clear_error();
      return fail(
          ErrorCode::forbidden,
          "the peer's certificate is not accepted: {}; do both sides have certificates of the same CA?",
          X509_verify_cert_error_string(verified));
    }
    const unsigned long number = ERR_peek_last_error();
    const bool alert = why == SSL_ERROR_SSL && ERR_GET_REASON(number) >= SSL_AD_REASON_OFFSET;
    const std::string reason = openssl_reason();
    if (alert)
      return fail(ErrorCode::forbidden,
                  "the peer refuses our certificate ({}); do both sides have certificates of the same CA?",
                  reason);
    return fail(ErrorCode::unavailable, "{}: {}", step, reason);
  }

  tcp::socket socket_;
  std::shared_ptr<Tls> tls_;
  Clock& clock_;
  Side side_;
  std::optional<crypto::Identity> offered_;
  SSL* ssl_ = nullptr;
  Peer peer_;
  bool closed_ = false;
  bool drained_ = false;  // by the last read: nothing of what came is left in OpenSSL
  std::unique_ptr<Lobby::Guest> guest_;
  int listener_ = 0;
};

Endpoint to_endpoint(const tcp::endpoint& from) { return {from.address().to_string(), from.port()}; }

class TlsListener final : public Listener {
 public:
  TlsListener(tcp::acceptor acceptor, std::shared_ptr<Tls> tls, Clock& clock)
      : acceptor_(std::move(acceptor)),
        tls_(std::move(tls)),
        clock_(clock),
        lobby_(std::make_shared<Lobby>(clock, acceptor_.get_executor())),
        number_(tls_->impl().turns.add_listener()) {
    address_ = to_endpoint(acceptor_.local_endpoint());
  }

  Async<Result<std::unique_ptr<Stream>>> accept() override {
    while (true) {
      tcp::socket socket(acceptor_.get_executor());
      const auto [error] = co_await acceptor_.async_accept(socket, kTuple);
      if (closed_) co_return fail(ErrorCode::cancelled, "the listener is closed");
      if (error == asio::error::operation_aborted) throw_cancelled();
      if (error) {
        // Out of descriptors or memory: others go on, and so does this one, a little later.
        co_await clock_.sleep(100ms);
        continue;
      }
      boost::system::error_code gone;
      const auto remote = socket.remote_endpoint(gone);
      const auto local = socket.local_endpoint(gone);
      if (gone) continue;
      const Endpoint from = to_endpoint(remote);
      // A whole local fleet dials from one address; whoever is on this machine can exhaust it by other means.
      const std::string guest = remote.address() == local.address() ? print(from) : from.host;
      if (lobby_->has_too_many_of(guest)) continue;
      co_await lobby_->make_room();
      if (closed_) co_return fail(ErrorCode::cancelled, "the listener is closed");
      auto stream = std::make_unique<TlsStream>(std::move(socket), tls_, clock_, Side::server, from);
      stream->enter(lobby_, guest, number_);
      co_return std::move(stream);
    }
  }

  Endpoint address() const override { return address_; }
  void close() override {
    closed_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  tcp::acceptor acceptor_;
  std::shared_ptr<Tls> tls_;
  Clock& clock_;
  std::shared_ptr<Lobby> lobby_;
  int number_;  // among the listeners that take turns
  Endpoint address_;
  bool closed_ = false;
};

class TlsDialer final : public Dialer {
 public:
  TlsDialer(std::shared_ptr<Tls> tls, Clock& clock, Executor executor, SourceAddress source)
      : tls_(std::move(tls)), clock_(clock), executor_(std::move(executor)), source_(std::move(source)) {}

  Async<Result<std::unique_ptr<Stream>>> dial(const Endpoint& to,
                                              const crypto::ExpectedPeer& expected) override {
    const Endpoint endpoint = to;
    const crypto::ExpectedPeer wanted = expected;
    const std::string source = source_ ? OCTO_CO_TRY(source_()) : std::string();
    Tls::Impl& tls = tls_->impl();
    const std::optional<Bytes> ticket = tls.load_ticket ? tls.load_ticket(endpoint) : std::nullopt;
    if (!ticket) OCTO_CO_TRY(tls.load());
    auto stream = OCTO_CO_TRY(co_await open(endpoint, source));
    if (ticket) stream->offer(*ticket);
    auto shaken = co_await stream->handshake();
    if (!shaken && !tls.loaded) {
      // The ticket was not taken, and without our files there was nothing else to show.
      OCTO_CO_TRY(tls.load());
      stream = OCTO_CO_TRY(co_await open(endpoint, source));
      shaken = co_await stream->handshake();
    }
    OCTO_CO_TRY(std::move(shaken));
    if (!stream->peer().identity)
      co_return fail(ErrorCode::forbidden, "{} shows no certificate", print(endpoint));
    OCTO_CO_TRY(crypto::check(*stream->peer().identity, wanted).with(print(endpoint)));
    co_return std::move(stream);
  }

 private:
  Async<Result<std::unique_ptr<TlsStream>>> open(const Endpoint& to, const std::string& source) {
    auto socket = OCTO_CO_TRY((co_await with_deadline(clock_, kConnectWithin, connect(to, source)))
                                  .with("connect to " + print(to)));
    co_return std::make_unique<TlsStream>(std::move(*socket), tls_, clock_, Side::client, to);
  }

  Async<Result<std::unique_ptr<tcp::socket>>> connect(Endpoint to, std::string source) {
    std::vector<tcp::endpoint> candidates;
    boost::system::error_code error;
    asio::ip::address from;
    if (!source.empty()) from = asio::ip::make_address(source, error);
    if (error) co_return fail(ErrorCode::unavailable, "{} is no address to dial from", quote(source));
    const auto literal = asio::ip::make_address(to.host, error);
    if (!error) {
      candidates.emplace_back(literal, to.port);
    } else {
      tcp::resolver resolver(executor_);
      auto [failed, found] = co_await resolver.async_resolve(to.host, std::to_string(to.port), kTuple);
      if (failed == asio::error::operation_aborted) throw_cancelled();
      if (failed) co_return fail(ErrorCode::unavailable, "resolve {}: {}", quote(to.host), failed.message());
      for (const auto& entry : found) candidates.push_back(entry.endpoint());
    }
    Error last(ErrorCode::unavailable, "no address");
    for (const tcp::endpoint& candidate : candidates) {
      auto socket = std::make_unique<tcp::socket>(executor_);
      socket->open(candidate.protocol(), error);
      if (!error && !source.empty()) socket->bind({from, 0}, error);
      if (!error) std::tie(error) = co_await socket->async_connect(candidate, kTuple);
      if (error == asio::error::operation_aborted) throw_cancelled();
      if (!error) co_return std::move(socket);
      last = Error(ErrorCode::unavailable, error.message());
    }
    co_return fail(last);
  }

  std::shared_ptr<Tls> tls_;
  Clock& clock_;
  Executor executor_;
  SourceAddress source_;
};

}  // namespace

Result<std::unique_ptr<Listener>> listen(const ListenAt& at, std::shared_ptr<Tls> tls, Clock& clock,
                                         Executor executor) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(at.ip, error);
  if (error) return fail(ErrorCode::invalid_argument, "{} is no IP address", quote(at.ip));
  const tcp::endpoint endpoint(address, at.port);
  tcp::acceptor acceptor(executor);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(at.backlog, error);
  if (error)
    return fail(ErrorCode::unavailable, "listen on {}: {}", print(Endpoint{at.ip, at.port}), error.message());
  return std::make_unique<TlsListener>(std::move(acceptor), std::move(tls), clock);
}

std::unique_ptr<Dialer> make_dialer(std::shared_ptr<Tls> tls, Clock& clock, Executor executor,
                                    SourceAddress source) {
  return std::make_unique<TlsDialer>(std::move(tls), clock, std::move(executor), std::move(source));
}

}  // namespace octo::net
