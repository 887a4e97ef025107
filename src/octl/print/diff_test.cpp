// SPDX-License-Identifier: MIT
#include "octl/print/diff.hpp"

#include <gmock/gmock.h>

namespace octo::octl {
namespace {

std::string diff(const std::string& from, const std::string& to) {
  return unified_diff({.from_name = "a", .from = from, .to_name = "b", .to = to});
}

TEST(Diff, EqualTextsHaveNone) {
  EXPECT_EQ(diff("", ""), "");
  EXPECT_EQ(diff("x\ny\n", "x\ny\n"), "");
}

TEST(Diff, AChangeIsShownWithThreeLinesAround) {
  EXPECT_EQ(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(Diff, WhatIsFarApartIsTwoHunks) {
  EXPECT_EQ(diff("a\n1\n2\n3\n4\n5\n6\n7\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\nB\n"),
            "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+B\n");
}

TEST(Diff, WhatIsCloseIsOneHunk) {
  EXPECT_EQ(diff("a\n1\n2\nb\n", "A\n1\n2\nB\n"), "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n-b\n+B\n");
}

TEST(Diff, OneSideMayBeEmptyAndTheLastLineMayLackItsEnd) {
  EXPECT_EQ(diff("", "x\ny\n"), "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+x\n+y\n");
  EXPECT_EQ(diff("x\ny\n", ""), "--- a\n+++ b\n@@ -1,2 +0,0 @@\n-x\n-y\n");
  EXPECT_EQ(diff("x", "x\n"), "--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n");
}

TEST(Diff, InsertedLinesDoNotMakeTheRestDifferent) {
  EXPECT_EQ(diff("1\n2\n3\n", "0\n1\n2\n2.5\n3\n"), "--- a\n+++ b\n@@ -1,3 +1,5 @@\n+0\n 1\n 2\n+2.5\n 3\n");
}

TEST(Diff, ItIsBounded) {
  std::string from, to;
  for (int i = 0; i < 30'000; ++i) {
    from += "left " + std::to_string(i) + "\n";
    to += "right " + std::to_string(i) + "\n";
  }
  const std::string text = diff(from, to);
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), kDiffLinesMax + 1);
  EXPECT_TRUE(text.ends_with("... 59003 more lines\n")) << text.substr(text.size() - 60);
}

}  // namespace
}  // namespace octo::octl
