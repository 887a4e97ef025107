// SPDX-License-Identifier: MIT
#include "octl/session.hpp"

#include <gmock/gmock.h>

#include "api/names.hpp"
#include "io/crypto/crypto.hpp"
#include "octl/exit_code.hpp"
#include "octl/fake_brain_testing.hpp"

namespace octo::octl {
namespace {

using testing::HasSubstr;
using testing::Not;

class SessionTest : public FakeBrainTest {};

TEST_F(SessionTest, LogsInOnceAndRemembers) {
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  for (int i = 0; i < 3; ++i) {
    const Outcome got = call_octl({"node", "get"}, settings);
    EXPECT_EQ(got.code, kWell) << got.err;
    EXPECT_THAT(got.out, HasSubstr("\"name\": \"pi0\""));
    EXPECT_EQ(got.err, "");
  }
  EXPECT_EQ(brain->asked("POST /api/v2/login"), 1U);
}

TEST_F(SessionTest, ATokenThatIsNoLongerGoodIsRenewedSilentlyAndOnce) {
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  call_octl({"node", "get"}, settings);
  ++generation_;
  const Outcome got = call_octl({"node", "get"}, settings);
  EXPECT_EQ(got.code, kWell);
  EXPECT_EQ(got.err, "");
  EXPECT_EQ(brain->asked("POST /api/v2/login"), 2U);

  other_ = [](const http::Request&) { return refuse(ErrorCode::unauthenticated, "never good enough"); };
  EXPECT_EQ(call_octl({"node", "get"}, settings).code, kNotAllowed);
  EXPECT_EQ(brain->asked("POST /api/v2/login"), 3U);
}

TEST_F(SessionTest, AWrongPasswordIsRefusedAndNotShown) {
  const auto brain = make_brain();
  const Outcome got = call_octl({"node", "get"}, write_settings(brain_at(brain->port()), "a wrong one"));
  EXPECT_EQ(got.code, kNotAllowed);
  EXPECT_EQ(got.out, "");
  EXPECT_THAT(got.err, HasSubstr("workgroup.password"));
  EXPECT_THAT(got.err, Not(HasSubstr("a wrong one")));
  EXPECT_EQ(brain->asked("POST /api/v2/login"), 1U);
}

TEST_F(SessionTest, WithoutPasswordAndTerminalItSaysWhatIsMissing) {
  const auto brain = make_brain();
  const Outcome got = call_octl({"node", "get"}, write_settings(brain_at(brain->port()), ""));
  EXPECT_EQ(got.code, kNotAllowed);
  EXPECT_THAT(got.err, HasSubstr("workgroup.password is missing"));
  EXPECT_TRUE(brain->asked().empty());
}

TEST_F(SessionTest, ANodesCertificateIsNoOperators) {
  const auto brain = make_brain();
  const Outcome got =
      call_octl({"node", "get"}, write_settings(brain_at(brain->port()), "right", crypto::Role::node));
  EXPECT_NE(got.code, kWell);
  EXPECT_THAT(got.err, HasSubstr("certgen client"));
}

TEST_F(SessionTest, ABrainOfAnotherNameIsNotOurs) {
  const auto brain = make_brain("other");
  const Outcome got = call_octl({"node", "get"}, write_settings(brain_at(brain->port())));
  EXPECT_EQ(got.code, kNotAllowed);
  EXPECT_THAT(got.err, HasSubstr("other"));
  EXPECT_TRUE(brain->asked().empty()) << "the password is for the right one only";
}

TEST_F(SessionTest, ABrainThatIsAwayIsNotReached) {
  const std::uint16_t port = make_brain()->port();
  const Outcome got = call_octl({"node", "get"}, write_settings(brain_at(port)));
  EXPECT_EQ(got.code, kNotReached);
  EXPECT_THAT(got.err, HasSubstr(fmt::format("127.0.0.1:{}", port)));
}

TEST_F(SessionTest, TheNameserverIsAskedOnlyWhenTheBrainIsNotWhereItWas) {
  auto brain = make_brain();
  std::atomic<std::uint16_t> port = brain->port();
  FakeServer names(
      certificates_.tls(crypto::Role::nameserver, "ns", net::Tls::PeerCertificate::optional),
      [&](const http::Request& request) {
        if (request.query.find("key")->second != "brain.octlFace.request") {
          return refuse(ErrorCode::not_found, "no such name");
        }
        return json_reply(api::encode(api::NameEntry{.key = "brain.octlFace.request",
                                                     .type = "addr",
                                                     .value = fmt::format("127.0.0.1:{}", port.load())}));
      });
  const std::string settings = write_settings(nameserver_at(names.port()));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(call_octl({"node", "get"}, settings).code, kWell);
  EXPECT_EQ(names.asked("GET /query"), 1U);

  const auto another = make_brain();
  brain.reset();
  port = another->port();
  const Outcome got = call_octl({"node", "get"}, settings);
  EXPECT_EQ(got.code, kWell) << got.err;
  EXPECT_EQ(names.asked("GET /query"), 2U);
  EXPECT_EQ(state().brain(), (net::Endpoint{"127.0.0.1", port}));
}

TEST_F(SessionTest, ACommandWhoseAnswerNeverCameIsToldWhenItIsTypedAgain) {
  const std::vector<std::string> words = {"node", "prune", "ALL"};
  const Sha256 digest = crypto::sha256(join(words, std::string_view("\0", 1)));
  auto before = state();
  ASSERT_TRUE(before.keep_key({.key = "k1", .command = digest, .since = wall() - 1h}));
  ASSERT_TRUE(before.keep_key({.key = "k2", .command = Sha256{}, .since = wall() - 1h}));
  other_ = [](const http::Request&) { return json_reply(api::encode(api::Pruned{})); };
  const auto brain = make_brain();
  const std::string settings = write_settings(brain_at(brain->port()));
  EXPECT_THAT(call_octl(words, settings).err, HasSubstr("never got its answer"));
  EXPECT_EQ(call_octl(words, settings).err, "");
  const auto left = state().pending_keys(wall());
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left.front().key, "k2");
}

}  // namespace
}  // namespace octo::octl
