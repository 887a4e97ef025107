// SPDX-License-Identifier: MIT
#include "nameserver/rules.hpp"

#include <gtest/gtest.h>

namespace octo::nameserver {
namespace {

using api::NameMatch;

crypto::Identity identity(crypto::Role role, std::string name) { return {"net", role, std::move(name)}; }

TEST(RulesTest, EveryMethodMeansWhatItSays) {
  EXPECT_TRUE(fits(NameMatch::all, "nothing of it", "brain.octlFace.request"));
  EXPECT_TRUE(fits(NameMatch::prefix, "brain.", "brain.octlFace.request"));
  EXPECT_FALSE(fits(NameMatch::prefix, "request", "brain.octlFace.request"));
  EXPECT_TRUE(fits(NameMatch::suffix, ".request", "brain.octlFace.request"));
  EXPECT_FALSE(fits(NameMatch::suffix, "brain", "brain.octlFace.request"));
  EXPECT_TRUE(fits(NameMatch::contain, "octl", "brain.octlFace.request"));
  EXPECT_FALSE(fits(NameMatch::contain, "tentacle", "brain.octlFace.request"));
  EXPECT_TRUE(fits(NameMatch::equal, "brain.octlFace.request", "brain.octlFace.request"));
  EXPECT_FALSE(fits(NameMatch::equal, "brain.octlFace", "brain.octlFace.request"));
}

TEST(RulesTest, AZeroTtlIsTheDefaultAndANegativeOneForEver) {
  EXPECT_EQ(life_of({.ttl_ms = 0}), kTtlDefault);
  EXPECT_EQ(life_of({.ttl_ms = 1500}), 1500ms);
  EXPECT_EQ(life_of({.ttl_ms = -1}), std::nullopt);
}

TEST(RulesTest, ABrainWritesTheNamesThatBeginWithItsOwn) {
  const auto brain = identity(crypto::Role::brain, "brain");
  EXPECT_TRUE(check_writer(brain, "brain.octlFace.request"));
  for (const char* other : {"brain2.x", "brai.x", "brain", "other.brain.x", ".brain.x", "Brain.x", ""}) {
    EXPECT_EQ(check_writer(brain, other).error().code(), ErrorCode::forbidden) << other;
  }
  // A dotted name is not the owner of what another's first word begins.
  EXPECT_FALSE(check_writer(identity(crypto::Role::brain, "brain.x"), "brain.x.y"));
}

TEST(RulesTest, NobodyElseWrites) {
  for (const auto role : {crypto::Role::nameserver, crypto::Role::node, crypto::Role::client}) {
    const auto refused = check_writer(identity(role, "brain"), "brain.x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::forbidden);
    EXPECT_NE(refused.error().message().find(name_of(role)), std::string::npos);
  }
  EXPECT_EQ(check_writer(std::nullopt, "brain.x").error().code(), ErrorCode::unauthenticated);
}

TEST(RulesTest, AnEntryIsJudgedByEveryMember) {
  EXPECT_TRUE(check_entry({"brain.x", "", "anything", "", 0}));
  EXPECT_TRUE(check_entry({"brain.x", "addr", "10.0.0.1:80", "", 0}));
  EXPECT_TRUE(check_entry({"brain.x", "num", "-1.5", "", 0}));
  EXPECT_TRUE(check_entry({"brain.x", "array", "[1, \"b\"]", "", -1}));
  const std::pair<api::NameEntry, std::string> wrong[] = {{{"brain", "", "v", "", 0}, "no name"},
                                                          {{".x", "", "v", "", 0}, "no name"},
                                                          {{"brain.", "", "v", "", 0}, "no name"},
                                                          {{"brain.a b", "", "v", "", 0}, "no name"},
                                                          {{"brain.ü", "", "v", "", 0}, "no name"},
                                                          {{"brain.x", "addr", "here", "", 0}, "host:port"},
                                                          {{"brain.x", "num", "12 apples", "", 0}, "number"},
                                                          {{"brain.x", "array", "{}", "", 0}, "array"},
                                                          {{"brain.x", "list", "v", "", 0}, "type"},
                                                          {{"brain.x", "", "v", "", kTtlMsMax + 1}, "ttl"}};
  for (const char* number : {"nan", "NaN", "-nan", "inf", "-inf", "infinity", "1e999", "0x10", ""})
    EXPECT_FALSE(check_entry({"brain.x", "num", number, "", 0})) << number;
  for (const auto& [entry, word] : wrong) {
    const auto refused = check_entry(entry);
    ASSERT_FALSE(refused) << entry.key << " " << entry.type;
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
    EXPECT_NE(refused.error().message().find(word), std::string::npos) << refused.error().message();
  }
  for (const api::NameEntry& large : {api::NameEntry{"b." + std::string(300, 'x'), "", "v", "", 0},
                                      api::NameEntry{"b.x", "", std::string(5000, 'x'), "", 0},
                                      api::NameEntry{"b.x", "", "v", std::string(600, 'x'), 0}}) {
    EXPECT_EQ(check_entry(large).error().code(), ErrorCode::too_large);
  }
}

}  // namespace
}  // namespace octo::nameserver
