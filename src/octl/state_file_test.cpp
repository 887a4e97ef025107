// SPDX-License-Identifier: MIT
#include "octl/state_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace octo::octl {
namespace {

TEST(StateFile, IsWhatWasAskedFor) {
  EXPECT_EQ(find_state_file({.asked = "/a/state", .settings = "/etc/octl.yaml", .home = "/users/a"}).value(),
            "/a/state");
}

TEST(StateFile, IsBesideSettingsThatAreOurs) {
  char folder[] = "/tmp/octo_state_XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string at = folder;
  EXPECT_EQ(find_state_file({.settings = at + "/octl.yaml"}).value(), at + "/.octl.state");
  std::filesystem::remove(at);
}

TEST(StateFile, IsInTheHomeOtherwiseOneForEachSettingsFile) {
  const auto at = [](const char* settings) {
    return find_state_file({.settings = settings, .home = "/users/a"}).value();
  };
  EXPECT_TRUE(at("/absent/octl.yaml").starts_with("/users/a/.local/state/octopoda/octl-"));
  EXPECT_NE(at("/absent/octl.yaml"), at("/absent/2/octl.yaml"));
  EXPECT_FALSE(find_state_file({.settings = "/absent/octl.yaml"}));
}

}  // namespace
}  // namespace octo::octl
