// SPDX-License-Identifier: MIT
#include "setup/run_cgroups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "setup/test_folder.hpp"

namespace octo::setup {
namespace {

using testing::IsEmpty;

// A fleet's folder whose one node knows a run; the cgroups are made where the host has any.
class RunCgroups : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(layout_.node(kNode) + "/data/runs/" + run_);
    write_file(layout_.node_settings(kNode), print_tentacle_settings(layout_.node(kNode), {}, kNode));
  }
  void TearDown() override {
    for (const std::string& path : made_) {
      (void)process::Cgroups::kill(path);
      (void)process::Cgroups::remove(path);
    }
  }
  std::string make(process::Cgroups& cgroups, const std::string& name) {
    made_.push_back(cgroups.path_of(name));
    EXPECT_TRUE(process::Cgroups::make(made_.back()));
    return made_.back();
  }

  const NodeName kNode{"pi0"};
  TemporaryFolder folder_;
  Layout layout_{folder_.path()};
  // As unique as a task id: others on this machine may test too.
  const std::string run_ = "TEST" + folder_.path().substr(folder_.path().rfind('_') + 1) + ".1.1";
  std::vector<std::string> made_;
};

TEST_F(RunCgroups, OnlyThoseOfTheFleetsOwnRunsAreFound) {
  EXPECT_THAT(find_run_cgroups(layout_).value(), IsEmpty());
  auto cgroups = process::Cgroups::find();
  if (!cgroups) return;
  const std::string ours = make(*cgroups, "pi0." + run_);
  (void)make(*cgroups, "pi0.X" + run_);  // of another fleet's pi0
  (void)make(*cgroups, "pi1." + run_);
  EXPECT_EQ(find_run_cgroups(layout_).value(), std::vector{ours});
}

TEST_F(RunCgroups, WhoIsInThereIsTold) {
  auto cgroups = process::Cgroups::find();
  if (!cgroups) return;
  const std::string group = make(*cgroups, "pi0." + run_);
  std::filesystem::create_directory(group + "/inner");
  const pid_t pid = process::spawn({.program = "/bin/sleep", .arguments = {"sleep", "1000"}}).value();
  write_file(group + "/inner/cgroup.procs", std::to_string(pid));
  EXPECT_EQ(processes_in({group}), std::vector{identify(pid).value()});
  EXPECT_TRUE(remove_cgroups({group}));
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_THAT(find_run_cgroups(layout_).value(), IsEmpty());
  EXPECT_THAT(processes_in({group}), IsEmpty());
}

}  // namespace
}  // namespace octo::setup
