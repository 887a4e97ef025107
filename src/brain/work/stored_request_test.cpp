// SPDX-License-Identifier: MIT
#include "brain/work/stored_request.hpp"

#include <gtest/gtest.h>

namespace octo::brain {

TEST(StoredReset, ComesBackAsItWas) {
  StoredReset reset;
  reset.scenario = ScenarioName("hello \"world\"");
  reset.bundle.bytes[3] = 7;
  reset.message = "back\nagain";
  Step first{0,           Step::Kind::reset, AppName("a b"), Target(), "", {NodeName("pi0"), NodeName("pi1")},
             {"c0", "c1"}};
  Step second{1, Step::Kind::reset, AppName("ü"), Target(), "", {NodeName("pi2")}, {"c2"}};
  reset.plan.stages.push_back(Stage{"reset", {first, second}, true});
  reset.missing = {{NodeName("pi3"), AppName("ü")}, {NodeName("pi4"), AppName("b")}};
  const auto again = decode_stored_reset(encode(reset));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->scenario, reset.scenario);
  EXPECT_EQ(again->bundle, reset.bundle);
  EXPECT_EQ(again->message, reset.message);
  EXPECT_EQ(again->plan, reset.plan);
  EXPECT_EQ(again->missing, reset.missing);
}

TEST(StoredReset, DamageIsSaid) {
  EXPECT_FALSE(decode_stored_reset("{}"));
  EXPECT_FALSE(decode_stored_reset("not json"));
  EXPECT_FALSE(decode_stored_reset(R"({"scenario":"s","bundle":"xx","message":"","steps":[]})"));
}

}  // namespace octo::brain
