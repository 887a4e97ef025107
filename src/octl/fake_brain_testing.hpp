// SPDX-License-Identifier: MIT
// A Brain and a nameserver of few words, over real TLS on a thread of their own; and octl called as main()
// does.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "api/records.hpp"
#include "async/clock.hpp"
#include "async/nursery.hpp"
#include "client/state.hpp"
#include "io/http/server.hpp"
#include "io/net/test_certificates.hpp"
#include "octl/octl.hpp"
#include "octl/print/viewer_testing.hpp"

namespace octo::octl {

// Serves `answer` until it dies; `answer` runs on the server's thread.
class FakeServer final : private http::Handler {
 public:
  using Answer = std::function<http::Reply(const http::Request&)>;
  FakeServer(std::shared_ptr<net::Tls> tls, Answer answer)
      : answer_(std::move(answer)), clock_(loop_.get_executor()) {
    listener_ = net::listen({.ip = "127.0.0.1"}, std::move(tls), clock_, loop_.get_executor()).value();
    nursery_.emplace(loop_.get_executor());
    nursery_->spawn(http::serve(*listener_, *this, clock_));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~FakeServer() override {
    asio::post(loop_, [this] { nursery_->cancel(); });
    thread_.join();
  }
  std::uint16_t port() const { return listener_->address().port; }
  // "POST /api/v2/login", in order.
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::size_t asked(const std::string& what) const {
    return static_cast<std::size_t>(std::ranges::count(asked(), what));
  }

 private:
  std::variant<std::size_t, http::Reply> body_limit(const http::Request&) override {
    return std::size_t{1024 * 1024};
  }
  Async<http::Reply> handle(http::Request request) override {
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(request.method + " " + request.path);
    }
    co_return answer_(request);
  }

  Answer answer_;
  asio::io_context loop_;
  SystemClock clock_;
  std::unique_ptr<net::Listener> listener_;
  std::optional<Nursery> nursery_;
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

inline http::Reply json_reply(std::string body, int status = 200) {
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}
inline http::Reply refuse(ErrorCode code, const std::string& why) {
  return json_reply(api::encode(api::Problem{Error(code, why)}), http_status_of(code));
}

struct Outcome {
  int code = -1;
  std::string out, err;
};
inline Outcome call_octl(std::vector<std::string> words, const std::string& settings_file, Look look = {},
                         std::FILE* out = std::tmpfile()) {
  Captured captured(look, out);
  const Environment environment = [&](const char* name) -> std::optional<std::string> {
    return name == std::string_view("OCTL_CONFIG") ? std::optional(settings_file) : std::nullopt;
  };
  Outcome outcome;
  outcome.code = run(words, environment, captured.output);
  outcome.out = captured.out();
  outcome.err = captured.err();
  return outcome;
}

class FakeBrainTest : public testing::Test {
 protected:
  // What the Brain says to a caller with a good token.
  http::Reply answer(const http::Request& request) {
    if (request.path == "/api/v2/login") {
      const auto login = api::decode_login(request.body).value();
      if (login.password.reveal() != "right") return refuse(ErrorCode::unauthenticated, "wrong password");
      return json_reply(api::encode(api::LoggedIn{Secret(token()), 3600, login.group, "brain"}));
    }
    const auto given = request.headers.find("authorization");
    if (given == request.headers.end() || given->second != "Bearer " + token()) {
      return refuse(ErrorCode::unauthenticated, "the token is not valid");
    }
    if (other_) return other_(request);
    NodeInfo node;
    node.record.name = NodeName("pi0");
    return json_reply(api::encode(api::NodeList{.nodes = {node}}));
  }
  std::string token() const { return fmt::format("token-{}", generation_.load()); }

  std::unique_ptr<FakeServer> make_brain(const std::string& name = "brain") {
    return std::make_unique<FakeServer>(certificates_.tls(crypto::Role::brain, name),
                                        [this](const http::Request& request) { return answer(request); });
  }
  std::string folder() const { return certificates_.folder(); }
  std::string write_settings(const std::string& where, const std::string& password = "right",
                             crypto::Role role = crypto::Role::client) {
    const net::TlsFiles files = certificates_.files(role, "alice");
    const std::string file = folder() + "/octl.yaml";
    std::ofstream(file) << fmt::format(
        "{}ssl:\n  caCert: {}\n  clientCert: {}\n  clientKey: {}\nworkgroup:\n  root: \"\"\n  password: "
        "\"{}\"\n"
        "stateFile: {}/state\n",
        where, files.ca_cert, files.cert, files.key, password, folder());
    return file;
  }
  static std::string brain_at(std::uint16_t port) {
    return fmt::format(
        "httpsNameServer:\n  enable: false\nbrain:\n  name: brain\n  ip: 127.0.0.1\n  port: {}\n", port);
  }
  static std::string nameserver_at(std::uint16_t port) {
    return fmt::format(
        "httpsNameServer:\n  enable: true\n  host: 127.0.0.1\n  port: {}\nbrain:\n  name: brain\n", port);
  }
  client::State state() { return client::State::open(folder() + "/state"); }
  static WallTime wall() { return std::chrono::time_point_cast<Span>(std::chrono::system_clock::now()); }

  net::TestCertificates certificates_;
  std::atomic<int> generation_ = 0;
  std::function<http::Reply(const http::Request&)> other_;
};

inline constexpr std::string_view kTask = "01J0000000000000000000000A";

inline std::string line_of(TaskEvent event, std::uint64_t number) {
  event.number = number;
  event.run.id.task = TaskId(std::string(kTask));
  return api::encode(event) + "\n";
}
inline http::Reply events_reply(std::string lines, Result<void> end) {
  http::Reply reply{.headers = {{"content-type", "application/x-ndjson"}}};
  reply.stream = [lines, end](http::BodyWriter& writer) -> Async<Result<void>> {
    OCTO_CO_TRY(co_await writer.write(lines));
    co_return end;
  };
  return reply;
}

inline const std::string kStarted = api::encode(api::TaskStarted{TaskId(std::string(kTask))}) + "\n";

// A run of pi0 that goes on until it is told to end; `begun` is called once octl has been told of it. Of a
// POST the task's id comes first.
inline http::Reply run_until(const std::atomic<bool>& cancelled, std::function<void()> begun,
                             std::string first = kStarted) {
  http::Reply reply;
  reply.stream = [&cancelled, begun, first](http::BodyWriter& writer) -> Async<Result<void>> {
    SystemClock clock(co_await asio::this_coro::executor);
    OCTO_CO_TRY(co_await writer.write(first + line_of(ended("pi0", RunState::running, {}), 1)));
    begun();
    while (!cancelled) co_await clock.sleep(1ms);
    co_return co_await writer.write(line_of(ended("pi0", RunState::cancelled, {}), 2) +
                                    line_of(finished(TaskState::cancelled), 3));
  };
  return reply;
}
inline http::Reply detail_reply(std::vector<RunRow> runs) {
  for (RunRow& run : runs) run.id.task = TaskId(std::string(kTask));
  return json_reply(
      api::encode(api::TaskDetail{.summary = {.id = TaskId(std::string(kTask))}, .runs = runs}));
}

}  // namespace octo::octl
