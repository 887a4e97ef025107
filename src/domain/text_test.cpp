// SPDX-License-Identifier: MIT
// Names, folding, versions: what people type and read.
#include <gtest/gtest.h>

#include "domain/fold.hpp"
#include "domain/names.hpp"
#include "domain/version.hpp"

namespace octo {
namespace {

TEST(Names, NodeNamesAreShortAndPlain) {
  for (const auto* good : {"pi0", "pi-24", "A.b_c", "0"}) EXPECT_TRUE(parse_node_name(good)) << good;
  for (const auto* bad : {"", "-pi", ".", "a b", "a/b", "brain", "ALL", "default", "a\n", "pï"}) {
    EXPECT_FALSE(parse_node_name(bad)) << bad;
  }
  EXPECT_FALSE(parse_node_name(std::string(64, 'a')));
}

TEST(Names, AppNamesMayHoldSpacesAndQuotesButNoPath) {
  for (const auto* good : {"hello world", "größe", "it's $(fine)"}) EXPECT_TRUE(parse_app_name(good)) << good;
  for (const auto* bad : {"", ".", "..", "a/b", "a@b", "a\nb", "\xff"})
    EXPECT_FALSE(parse_app_name(bad)) << bad;
  EXPECT_EQ(print(parse_app_at("a b@c d").value()), "a b@c d");
  EXPECT_FALSE(parse_app_at("a"));
  EXPECT_FALSE(parse_app_at("a@b@c"));
}

TEST(Fold, NamesBecomeRanges) {
  EXPECT_EQ(fold_names({"pi2", "pi0", "pi1", "x"}), "pi[0-2],x");
  EXPECT_EQ(fold_names({"pi01", "pi02"}), "pi[01-02]");
  EXPECT_EQ(fold_names({"pi-24", "pi-240"}), "pi-[24,240]");
  EXPECT_EQ(fold_names({"n9", "n10", "n10"}), "n[9-10]");
  EXPECT_EQ(fold_names({"n09", "n10"}), "n[09-10]");
  EXPECT_EQ(fold_names({"pi7"}), "pi7");
  EXPECT_EQ(fold_names({}), "");
}

TEST(Fold, NaturalOrderReadsNumbers) {
  EXPECT_TRUE(natural_less("pi2", "pi10"));
  EXPECT_FALSE(natural_less("pi10", "pi2"));
  EXPECT_TRUE(natural_less("a", "b1"));
  EXPECT_TRUE(natural_less("pi", "pi0"));
}

TEST(Version, ThePrefixFindsOneOrSaysWhichItMayBe) {
  const std::vector<std::string> ids = {"abcdef", "abcxyz", "123456", "123456"};
  EXPECT_EQ(find_by_prefix(ids, "123").value(), "123456");  // equal ids count once
  EXPECT_EQ(find_by_prefix(ids, "abcd").value(), "abcdef");
  const auto ambiguous = find_by_prefix(ids, "abc");
  EXPECT_EQ(ambiguous.error().code(), ErrorCode::conflict);
  EXPECT_NE(ambiguous.error().message().find("abcxyz"), std::string::npos);
  EXPECT_EQ(find_by_prefix(ids, "ab").error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(find_by_prefix(ids, "999").error().code(), ErrorCode::not_found);
}

TEST(Version, TheCanonicalTextTellsFieldsApart) {
  ScenarioVersion one;
  one.message = "a";
  one.commits[{NodeName("pi0"), AppName("b")}] = "c";
  ScenarioVersion two = one;
  EXPECT_EQ(canonical(one), canonical(two));
  two.commits.clear();
  two.commits[{NodeName("pi0"), AppName("bc")}] = "";
  EXPECT_NE(canonical(one), canonical(two));
  two = one;
  two.parent = "x";
  EXPECT_NE(canonical(one), canonical(two));
}

}  // namespace
}  // namespace octo
