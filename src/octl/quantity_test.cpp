// SPDX-License-Identifier: MIT
#include "octl/quantity.hpp"

#include <gtest/gtest.h>

namespace octo::octl {
namespace {

TEST(Quantity, TimesHaveUnits) {
  EXPECT_EQ(parse_span("500ms"), Span(500ms));
  EXPECT_EQ(parse_span("10s"), Span(10s));
  EXPECT_EQ(parse_span("5m"), Span(5min));
  EXPECT_EQ(parse_span("2h"), Span(2h));
  EXPECT_EQ(parse_span("0"), Span(0));
  for (const char* wrong : {"", "5", "s", "-5s", "5x", "1e3s", "99999999999h", "5 m"})
    EXPECT_FALSE(parse_span(wrong)) << wrong;
}

TEST(Quantity, ADelayIsInSecondsUnlessItSaysOtherwise) {
  EXPECT_EQ(parse_delay("3"), Span(3s));
  EXPECT_EQ(parse_delay("0"), Span(0));
  EXPECT_EQ(parse_delay("500ms"), Span(500ms));
  for (const char* wrong : {"", "-1", "3.5", "soon", "99999999999999999"})
    EXPECT_FALSE(parse_delay(wrong)) << wrong;
}

TEST(Quantity, SizesArePowersOf1024) {
  EXPECT_EQ(parse_size("17"), 17U);
  EXPECT_EQ(parse_size("512K"), 512U * 1024);
  EXPECT_EQ(parse_size("64M"), 64U << 20);
  EXPECT_EQ(parse_size("64MiB"), 64U << 20);
  EXPECT_EQ(parse_size("2G"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size("1T"), std::uint64_t{1} << 40);
  for (const char* wrong : {"", "M", "iB", "-1M", "1.5G", "2X", "64MB", "64iB", "9999999999T"})
    EXPECT_FALSE(parse_size(wrong)) << wrong;
}

}  // namespace
}  // namespace octo::octl
