// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/settings/yaml.hpp"
#include "octl/octl.hpp"
#include "octl/print/viewer_testing.hpp"

namespace octo::octl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ScenCreate : public testing::Test {
 protected:
  ScenCreate() : before_(std::filesystem::current_path()) {
    std::string folder = (std::filesystem::temp_directory_path() / "octl_test_XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    std::filesystem::current_path(folder_);
  }
  ~ScenCreate() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }
  static int octl(std::vector<std::string> words, Captured& captured) {
    return run(words, [](const char*) { return std::nullopt; }, captured.output);
  }

 private:
  std::filesystem::path before_, folder_;
};

TEST_F(ScenCreate, MakesAFolderThatIsADeploymentWithoutFault) {
  Captured captured;
  ASSERT_EQ(octl({"scen", "create", "my scene"}, captured), 0) << captured.err();
  const auto loaded = settings::load_deployment("my scene");
  ASSERT_TRUE(loaded.faults.empty()) << settings::print(loaded.faults);
  EXPECT_EQ(loaded.deployment.name.str(), "my scene");
  ASSERT_EQ(loaded.deployment.apps.size(), 1U);
  EXPECT_EQ(loaded.deployment.apps[0].name.str(), "YourApp");
}

TEST_F(ScenCreate, WithNamesMakesOneAppEach) {
  Captured captured;
  ASSERT_EQ(octl({"scen", "create", "s", "with", "größe: 1", "b"}, captured), 0) << captured.err();
  const auto loaded = settings::load_deployment("s");
  ASSERT_TRUE(loaded.faults.empty()) << settings::print(loaded.faults);
  std::vector<std::string> names;
  for (const App& app : loaded.deployment.apps) names.push_back(app.name.str());
  EXPECT_THAT(names, ElementsAre("größe: 1", "b"));
  EXPECT_TRUE(std::filesystem::exists("s/b/src/README.md"));
  EXPECT_NE(
      std::filesystem::status("s/b/scripts/start.sh").permissions() & std::filesystem::perms::owner_exec,
      std::filesystem::perms::none);
}

TEST_F(ScenCreate, NeverTouchesWhatIsThere) {
  std::filesystem::create_directory("s");
  std::ofstream("s/mine") << "mine";
  Captured captured;
  EXPECT_EQ(octl({"scen", "create", "s"}, captured), 6);
  EXPECT_THAT(captured.err(), HasSubstr("exists already"));
  EXPECT_FALSE(std::filesystem::exists("s/deployment.yaml"));
}

TEST_F(ScenCreate, RefusesNamesThatAreNone) {
  Captured captured;
  EXPECT_EQ(octl({"scen", "create", "../up"}, captured), 2);
  EXPECT_EQ(octl({"scen", "create", "s", "with"}, captured), 2);
  EXPECT_EQ(octl({"scen", "create", "s", "with", "a", "a"}, captured), 2);
  EXPECT_EQ(octl({"scen", "create", "s", "and", "a"}, captured), 2);
  EXPECT_TRUE(std::filesystem::is_empty("."));
}

TEST_F(ScenCreate, WordsGoToTheRightStream) {
  Captured captured;
  EXPECT_EQ(octl({"-version"}, captured), 0);
  EXPECT_EQ(captured.out(), "octl " OCTO_VERSION "\n");
  Captured wrong;
  EXPECT_EQ(octl({"nod", "get"}, wrong), 2);
  EXPECT_EQ(wrong.out(), "");
  EXPECT_EQ(wrong.err(), "octl: unknown subcommand 'nod'\ndid you mean: octl node\n");
  Captured later;
  EXPECT_EQ(octl({"wg", "ls"}, later), 1);
}

}  // namespace
}  // namespace octo::octl
