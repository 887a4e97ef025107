// SPDX-License-Identifier: MIT
#include "brain/gate/gate.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>

#include "io/crypto/crypto.hpp"

namespace octo::brain {

namespace {

class FixedClock final : public Clock {
 public:
  Instant now() const override { return {}; }
  WallTime wall() const override { return at; }
  Async<void> sleep_until(Instant) override { co_return; }
  WallTime at{1'700'000'000s};
};

class GateTest : public ::testing::Test {
 protected:
  Result<api::LoggedIn> login(const std::string& group, const std::string& password,
                              const std::string& holder = "ann") {
    asio::io_context loop;
    std::optional<Result<api::LoggedIn>> answer;
    asio::co_spawn(loop, gate.login({group, Secret(password)}, holder),
                   [&](std::exception_ptr error, Result<api::LoggedIn> result) {
                     if (error) std::rethrow_exception(error);
                     answer = std::move(result);
                   });
    loop.run();
    return std::move(*answer);
  }
  std::string bearer(const std::string& holder = "ann") {
    return "Bearer " + login("", "right", holder)->token.reveal();
  }

  InlineWorkers workers;
  FixedClock clock;
  const std::string hash = crypto::hash_password(Secret("right")).value();
  Gate gate{{"brain", hash, Secret(std::string(32, 'k'))}, workers, clock};
};

}  // namespace

TEST_F(GateTest, TheRightPasswordGivesATokenForAnHour) {
  const auto answer = login("", "right");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->expires_in_seconds, 3600);
  EXPECT_EQ(answer->brain, "brain");
  const std::string token = "Bearer " + answer->token.reveal();
  const auto caller = gate.check(token, "ann");
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->name, "ann");
  EXPECT_TRUE(caller->group.empty());
  clock.at += 59min;
  EXPECT_TRUE(gate.check(token, "ann"));
  clock.at += 1min;
  EXPECT_FALSE(gate.check(token, "ann"));
}

TEST_F(GateTest, AWrongPasswordAndAnUnknownGroupLookAlike) {
  const auto password = login("", "wrong"), group = login("room1", "right");
  ASSERT_FALSE(password);
  ASSERT_FALSE(group);
  EXPECT_EQ(password.error(), group.error());
  EXPECT_EQ(password.error().code(), ErrorCode::unauthenticated);
}

TEST_F(GateTest, AStolenTokenIsNothingWithoutItsCertificate) {
  EXPECT_FALSE(gate.check(bearer("ann"), "eve"));
}

TEST_F(GateTest, EveryChangedByteIsNoticed) {
  const std::string token = bearer();
  for (std::size_t i = 7; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(gate.check(changed, "ann")) << i;
  }
  for (const char* bad : {"", "Bearer", "Bearer ", "Basic abc", "Bearer ....", "Bearer o1..."})
    EXPECT_FALSE(gate.check(bad, "ann")) << bad;
}

// Whoever changes a password wants those out who knew the old one, not in an hour.
TEST_F(GateTest, AChangedPasswordEndsTheTokensOfTheOldOne) {
  const std::string before = bearer();
  Gate restarted({"brain", hash, Secret(std::string(32, 'k'))}, workers, clock);
  EXPECT_TRUE(restarted.check(before, "ann")) << "a mere restart ends none";
  const std::string other = crypto::hash_password(Secret("right")).value();
  for (const std::string& changed : {crypto::hash_password(Secret("new")).value(), other}) {
    Gate gate_after({"brain", changed, Secret(std::string(32, 'k'))}, workers, clock);
    EXPECT_EQ(gate_after.check(before, "ann").error().code(), ErrorCode::unauthenticated);
  }
}

TEST_F(GateTest, TheDigestOfARequestOutlivesARestartAndAPasswordAndTellsNothingWithoutTheKey) {
  const Sha256 digest = gate.digest("secret 1234");
  EXPECT_NE(digest, gate.digest("secret 1235"));
  EXPECT_NE(digest, crypto::sha256("secret 1234"));
  Gate restarted({"brain", crypto::hash_password(Secret("new")).value(), Secret(std::string(32, 'k'))},
                 workers, clock);
  EXPECT_EQ(restarted.digest("secret 1234"), digest);
  Gate other({"brain", hash, Secret(std::string(32, 'o'))}, workers, clock);
  EXPECT_NE(other.digest("secret 1234"), digest);
}

TEST_F(GateTest, ATokenOfAnotherBrainIsNone) {
  Gate other({"brain", hash, Secret(std::string(32, 'o'))}, workers, clock);
  EXPECT_FALSE(other.check(bearer(), "ann"));
}

}  // namespace octo::brain
