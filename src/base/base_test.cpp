// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "base/result.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace octo {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::invalid_argument, "{} is odd", value);
  return value / 2;
}
Result<int> quarter(int value) {
  const int first = OCTO_TRY(half(value).with("first half"));
  return OCTO_TRY(half(first).with("second half"));
}

TEST(Result, ATryReturnsTheErrorWithItsContext) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message(), "second half: 3 is odd");
  EXPECT_EQ(quarter(5).error().code(), ErrorCode::invalid_argument);
}

TEST(Result, EveryCodeHasOneNameAndAStatus) {
  std::set<std::string_view> names;
  for (const ErrorCode code : kErrorCodes) {
    EXPECT_TRUE(names.insert(name_of(code)).second);
    EXPECT_EQ(find_error_code(name_of(code)), code);
    EXPECT_GE(http_status_of(code), 400);
  }
  EXPECT_EQ(find_error_code("nonsense"), std::nullopt);
}

TEST(Text, SplitsAndTrims) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(trim(" \t a b\n"), "a b");
  EXPECT_EQ(trim("  "), "");
}

TEST(Text, NumbersAreWholeTexts) {
  EXPECT_EQ(parse_number("42"), 42);
  EXPECT_EQ(parse_number("-1"), -1);
  for (const auto* bad : {"", "4 2", "4x", "0x4", "99999999999999999999"})
    EXPECT_EQ(parse_number(bad), std::nullopt) << bad;
}

TEST(Text, Base64GoesThereAndBack) {
  for (const std::string& text : {std::string(), std::string("f"), std::string("fo"), std::string("foo"),
                                  std::string("\0\xff\x80!", 4)}) {
    EXPECT_EQ(parse_base64(print_base64(text)), text);
  }
  EXPECT_EQ(print_base64("foob"), "Zm9vYg==");
  for (const auto* bad : {"a", "ab=c", "====", "ab!="}) EXPECT_EQ(parse_base64(bad), std::nullopt) << bad;
}

TEST(Text, Utf8IsJudgedAsTheStandardSays) {
  EXPECT_TRUE(is_utf8("aß€😀"));
  for (const auto* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(Text, TheNearestWordIsOfferedAndAStrangeOneIsNot) {
  const std::vector<std::string> words = {"status", "get", "prune"};
  EXPECT_EQ(find_nearest("stauts", words), "status");
  EXPECT_EQ(find_nearest("gt", words), "get");
  EXPECT_EQ(find_nearest("elephant", words), std::nullopt);
}

TEST(Text, ASecretPrintsAsStars) { EXPECT_EQ(fmt::format("{}", Secret("hunter2")), "***"); }

TEST(Text, WhatIsWipedLeavesNothingInItsMemory) {
  for (const std::string& secret : {std::string("short"), std::string(100, 's')}) {
    std::string text = secret;
    text.resize(3);  // the rest is still there, behind the end
    const char* const bytes = text.data();
    wipe(text);
    EXPECT_TRUE(text.empty());
    ASSERT_EQ(text.data(), bytes);
    EXPECT_EQ(std::string(bytes, text.capacity()), std::string(text.capacity(), '\0'));
  }
}

TEST(Text, ASecretThatWasMovedAwayIsNotLeftBehind) {
  Secret first("short");
  const Secret second = std::move(first);
  EXPECT_EQ(second.reveal(), "short");
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is the question
  const char* const bytes = first.reveal().data();
  EXPECT_EQ(std::string(bytes, 6), std::string(6, '\0'));
}

TEST(Text, QuotingShowsControlCharacters) { EXPECT_EQ(quote("a\x1b[0m\n"), "'a\\x1b[0m\\x0a'"); }

TEST(Text, Crc32cMatchesItsPublishedCheckValue) { EXPECT_EQ(crc32c("123456789"), 0xe3069283U); }

TEST(Time, WallTimeGoesThereAndBack) {
  const WallTime time = std::chrono::sys_days(std::chrono::year(2026) / 2 / 28) + 23h + 59min + 58s + 7ms;
  EXPECT_EQ(print_wall(time), "2026-02-28T23:59:58.007Z");
  EXPECT_EQ(parse_wall(print_wall(time)), time);
  EXPECT_EQ(parse_wall("2026-02-30T00:00:00.000Z"), std::nullopt);
}

TEST(Time, SpansReadLikePeopleSayThem) {
  EXPECT_EQ(print_span(3ms), "3ms");
  EXPECT_EQ(print_span(162s), "2m42s");
  EXPECT_EQ(print_span(1234567ns), "1.23ms");
  EXPECT_EQ(print_span(25h + 1s), "25h0m1s");
}

}  // namespace
}  // namespace octo
