// SPDX-License-Identifier: MIT
#include "octl/octl.hpp"

#include <gmock/gmock.h>

#include "octl/exit_code.hpp"
#include "octl/print/viewer_testing.hpp"

namespace octo::octl {
namespace {

using testing::HasSubstr;

const Environment kNone = [](const char*) { return std::optional<std::string>(); };

TEST(Octl, WhatCannotBeWrittenIsNoSuccess) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"help"}, {"-version"}, {"-usage"}, {"help", "cmd", "run"}}) {
    Captured captured({}, std::fopen("/dev/full", "w"));
    EXPECT_EQ(run(words, kNone, captured.output), kOurError) << join(words, " ");
    EXPECT_EQ(captured.err(), "octl: write to stdout: No space left on device\n");
  }
}

TEST(Octl, WrongUseStaysWrongUseWithoutAStdout) {
  Captured captured({}, std::fopen("/dev/full", "w"));
  EXPECT_EQ(run(std::vector<std::string>{"nod"}, kNone, captured.output), kUsage);
  EXPECT_THAT(captured.err(), HasSubstr("did you mean: octl node"));
}

}  // namespace
}  // namespace octo::octl
