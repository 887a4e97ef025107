// SPDX-License-Identifier: MIT
#include "client/state.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace octo::client {

using Handshake = net::Tls::Handshake;

class StateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octopoda-state.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    file = folder + "/sub/state";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::string folder, file;
  const WallTime now{1'700'000'000s};
};

TEST_F(StateTest, RemembersUntilItRunsOutAndIsForItsOwnerOnly) {
  {
    State state = State::open(file);
    state.set_token(State::Token{Secret("t\"1"), now + 1h, "brain", ""});
    state.set_brain(net::Endpoint{"127.0.0.1", 7});
    state.set_ticket({"127.0.0.1", 7}, "not taken later", Handshake::full, now);
    state.set_ticket({"127.0.0.1", 7}, std::string("\0\xff", 2), Handshake::full, now);
    state.set_ticket({"127.0.0.1", 7}, "too soon", Handshake::resumed, now + 29min);
    ASSERT_TRUE(state.save());
  }
  State state = State::open(file);
  EXPECT_TRUE(state.warnings().empty());
  ASSERT_TRUE(state.find_token("brain", "", now));
  EXPECT_EQ(state.find_token("brain", "", now)->reveal(), "t\"1");
  EXPECT_FALSE(state.find_token("other", "", now));
  EXPECT_FALSE(state.find_token("brain", "room1", now));
  EXPECT_FALSE(state.find_token("brain", "", now + 1h - 10s));
  EXPECT_EQ(state.brain(), (net::Endpoint{"127.0.0.1", 7}));
  EXPECT_EQ(state.find_ticket({"127.0.0.1", 7}, now), std::string("\0\xff", 2));
  EXPECT_FALSE(state.find_ticket({"127.0.0.1", 8}, now));
  struct stat facts{};
  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(StateTest, DamageIsSaidOnceAndHurtsNobody) {
  std::filesystem::create_directories(folder + "/sub");
  for (const char* damage : {"", "{", "[]", "{\"brain\":7}", "{\"brain\":\"no port\"}"}) {
    std::ofstream(file) << damage;
    State state = State::open(file);
    EXPECT_EQ(state.warnings().size(), 1U) << damage;
    EXPECT_FALSE(state.brain());
    ASSERT_TRUE(state.save());
    EXPECT_TRUE(State::open(file).warnings().empty());
  }
}

TEST_F(StateTest, KeysStayUntilTheirAnswerAndNoLongerThanADay) {
  State state = State::open(file);
  Sha256 command;
  command.bytes[0] = 7;
  ASSERT_TRUE(state.keep_key({"b", command, now}));
  ASSERT_TRUE(state.keep_key({"a", command, now + 1s}));
  State other = State::open(file);
  const auto keys = other.pending_keys(now + 2s);
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].key, "b");
  EXPECT_EQ(keys[0].command, command);
  other.drop_key("b");
  EXPECT_EQ(state.pending_keys(now + 2s).size(), 1U);
  EXPECT_TRUE(state.pending_keys(now + 25h).empty());
  EXPECT_TRUE(state.pending_keys(now).empty()) << "removed for good";
}

TEST_F(StateTest, AKeyThatAnotherIsJustWritingIsLeftAlone) {
  State state = State::open(file);
  ASSERT_TRUE(state.keep_key({"a", {}, now}));
  const std::string unnamed = file + ".keys/b.1.1.tmp";
  std::ofstream(unnamed) << "{";
  const auto written = std::chrono::time_point_cast<Span>(std::chrono::system_clock::now());
  EXPECT_TRUE(state.pending_keys(written).empty());
  EXPECT_TRUE(std::filesystem::exists(unnamed));
  EXPECT_TRUE(state.pending_keys(written + 25h).empty());
  EXPECT_FALSE(std::filesystem::exists(unnamed)) << "its octl was killed";
}

}  // namespace octo::client
