// SPDX-License-Identifier: MIT
#include "octl/print/visible.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace octo::octl {
namespace {

TEST(Visible, WhatSteersATerminalIsWrittenNotObeyed) {
  EXPECT_EQ(visible("\x1b]0;owned\x07"), "\\x1b]0;owned\\x07");
  EXPECT_EQ(visible("a\rb\bc"), "a\\rb\\x08c");
  EXPECT_EQ(visible("\xc2\x9b"
                    "31m"),
            "\\x9b31m");
  EXPECT_EQ(visible("a\xe2\x80\xae"
                    "b"),
            "a\\u202eb");
  EXPECT_EQ(visible(std::string_view("\0\xff\xc0\xaf", 4)), "\\x00\\xff\\xc0\\xaf");
}

TEST(Visible, TextPassesAsItIs) {
  const std::string text = "größe\t名前 🙂\nline\n";
  EXPECT_EQ(visible(text), text);
  EXPECT_EQ(visible("dos\r\nline\r\n"), "dos\nline\n");
  EXPECT_EQ(visible_line("two\nlines\tand\ttabs"), "two\\nlines\\tand\\ttabs");
}

TEST(Visible, AnyCutGivesTheSameText) {
  const std::string text = "ä\r\n名\x1b[0m🙂\xff\xe5\x90 end\r";
  const std::string whole = visible(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Visible pieces;
    EXPECT_EQ(pieces.feed(text.substr(0, cut)) + pieces.feed(text.substr(cut)) + pieces.finish(), whole)
        << cut;
  }
  Visible bytes;
  std::string out;
  for (const char c : text) out += bytes.feed(std::string_view(&c, 1));
  EXPECT_EQ(out + bytes.finish(), whole);
}

TEST(Visible, AgreesWithBaseOnWhatUtf8Is) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second), '\x80', '\x80'};
      std::string_view rest = text;
      bool valid = true;
      while (valid && !rest.empty()) {
        const CodePoint point = next_code_point(rest);
        valid = point.valid;
        rest.remove_prefix(point.bytes);
      }
      EXPECT_EQ(valid, is_utf8(text)) << first << ' ' << second;
    }
  }
}

TEST(Visible, WidthCountsCharacters) {
  EXPECT_EQ(width_of("größe"), 5U);
  EXPECT_EQ(width_of(""), 0U);
}

}  // namespace
}  // namespace octo::octl
