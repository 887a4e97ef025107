// SPDX-License-Identifier: MIT
#include "runner/command.hpp"

#include <gtest/gtest.h>

namespace octo::runner {
namespace {

using Words = std::vector<std::string>;

TEST(CommandTest, PlainWordsNeedNoShell) {
  EXPECT_EQ(plain_words("true"), Words{"true"});
  EXPECT_EQ(plain_words("  uname   -a\t"), (Words{"uname", "-a"}));
  EXPECT_EQ(plain_words("date +%s,%N"), (Words{"date", "+%s,%N"}));
  EXPECT_EQ(plain_words("dd if=/dev/zero of=x"), (Words{"dd", "if=/dev/zero", "of=x"}));
  EXPECT_EQ(plain_words("echo grüße"), (Words{"echo", "grüße"}));
  EXPECT_EQ(plain_words("./run.sh a"), (Words{"./run.sh", "a"}));
}

TEST(CommandTest, WhateverAShellWouldReadOtherwiseGoesToTheShell) {
  for (const char* command :
       {"a|b",        "a & b",    "a;b",   "a<b",   "a>b",  "(a)",    "echo $A", "echo `a`",
        "echo \"a\"", "echo 'a'", "a\\ b", "ls *",  "ls ?", "ls [a]", "a # b",   "ls ~",
        "echo {a,b}", "! a",      "a\nb",  "A=1 b", "%1",   "",       "  "}) {
    EXPECT_FALSE(plain_words(command)) << command;
  }
}

TEST(CommandTest, WordsOfTheShellItselfGoToTheShell) {
  for (const char* command : {"exit 3", "cd /", ". x", "source x", "export", "ulimit -n", "wait", "time ls",
                              "type ls", "umask", "set", "if", "exec ls", "trap", "read", ":"}) {
    EXPECT_FALSE(plain_words(command)) << command;
  }
}

TEST(CommandTest, TheProgramIsSoughtAsAShellSeeksIt) {
  EXPECT_EQ(places_of("ls", "/a:/b"), (Words{"/a/ls", "/b/ls"}));
  EXPECT_EQ(places_of("ls", "/a::/b:"), (Words{"/a/ls", "./ls", "/b/ls", "./ls"}));
  EXPECT_EQ(places_of("./ls", "/a"), Words{"./ls"});
  EXPECT_EQ(places_of("/x/ls", "/a"), Words{"/x/ls"});
}

}  // namespace
}  // namespace octo::runner
