// SPDX-License-Identifier: MIT
// What a reset brings back, and what it leaves alone.
#include <gmock/gmock.h>

#include "tentacle/workspace/workspace_testing.hpp"

namespace octo::tentacle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ResetTest : public WorkspaceTest {
 protected:
  unsigned mode(const std::string& path) const {
    struct stat facts{};
    return ::lstat(at("root/hello@w/" + path).c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
  }
  Manifest tree(const std::string& of) const {
    return files::scan({at(of), [](const std::string& path) { return path != ".git"; }, nullptr}).value();
  }
  void make_empty(const std::string& path) const {
    fs::remove_all(at(path));
    fs::create_directory(at(path));
  }
};

TEST_F(ResetTest, ModesAndEmptyFoldersOfABundleComeBack) {
  write("source/key", "secret", 0600);
  write("source/read only", "1", 0444);
  write("source/for all", "1", 0666);
  write("source/private/tool", "1", 0700);
  write("source/same bytes", "1", 0640);
  fs::create_directories(at("source/spool/deep"));
  ASSERT_EQ(::chmod(at("source/private").c_str(), 0700), 0);
  ASSERT_EQ(::chmod(at("source/spool").c_str(), 0750), 0);
  ASSERT_TRUE(sync());
  const std::string one = commit("one", "op1").value().commit;
  const Manifest then = tree("source");
  make_empty("source");
  write("source/same bytes", "1", 0644);
  write("source/for all", "1", 0600);
  ASSERT_TRUE(sync());
  const std::string two = commit("two", "op2").value().commit;
  const Manifest later = tree("source");
  ASSERT_EQ(tree("root/hello@w"), later);
  const std::string back = reset(one, "op3").value().commit;
  EXPECT_EQ(tree("root/hello@w"), then);
  expect_clean_git();
  ASSERT_TRUE(reset(two, "op4"));
  EXPECT_EQ(tree("root/hello@w"), later) << "and what only the first had is gone again, folders too";
  ASSERT_TRUE(reset(back, "op5"));
  EXPECT_EQ(tree("root/hello@w"), then) << "also by way of a version that a reset made";
  expect_clean_git();
}

TEST_F(ResetTest, WhatAScriptWroteIsNeverReadableByMore) {
  write("source/conf", "of the bundle");
  ASSERT_TRUE(sync());
  write("root/hello@w/token", "1", 0600);
  write("root/hello@w/tool", "1", 0700);
  write("root/hello@w/group", "1", 0664);
  write("root/hello@w/conf", "with a password", 0600);
  const std::string one = commit("one", "op1").value().commit;
  write("root/hello@w/token", "2", 0600);
  write("root/hello@w/tool", "2", 0600);
  write("root/hello@w/conf", "with another", 0600);
  ASSERT_TRUE(commit("two", "op2"));
  ASSERT_TRUE(reset(one, "op3"));
  EXPECT_EQ(read("root/hello@w/token"), "1");
  EXPECT_EQ(mode("token"), 0600U);
  EXPECT_EQ(mode("tool"), 0700U);
  EXPECT_EQ(mode("conf"), 0600U);
  EXPECT_EQ(mode("group"), 0664U) << "not changed, not touched";
  fs::remove(at("root/hello@w/tool"));
  fs::remove(at("root/hello@w/token"));
  ASSERT_TRUE(reset(one, "op4"));
  EXPECT_EQ(mode("tool"), 0755U) << "what git knows";
  EXPECT_EQ(mode("token"), 0644U);
  if (::geteuid() != 0) return;
  write("root/hello@w/conf", "of a service", 0600);
  ASSERT_EQ(::chown(at("root/hello@w/conf").c_str(), 1234, 1235), 0);
  ASSERT_TRUE(reset(one, "op5"));
  struct stat facts{};
  ASSERT_EQ(::stat(at("root/hello@w/conf").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_uid, 1234U) << "which can read it still";
  EXPECT_EQ(facts.st_gid, 1235U);
}

TEST_F(ResetTest, AFileThatNoVersionHoldsIsNamedAndNothingChanges) {
  write("source/data", "tracked", 0600);
  write("source/folder", "a file");
  write("source/a", "1");
  ASSERT_TRUE(sync());
  const std::string one = commit("one", "op1").value().commit;
  make_empty("source");
  write("source/.gitignore", "data\nx.log\n");
  write("source/a", "2");
  ASSERT_TRUE(sync());
  ASSERT_TRUE(commit("two", "op2"));
  write("root/hello@w/data", "of a script, ignored");
  for (const char* way : {"data", "folder/x.log"}) {
    if (std::string(way) != "data") write("root/hello@w/folder/x.log", "ignored");
    const auto refused = reset(one, "op3");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::conflict);
    EXPECT_THAT(refused.error().message(), HasSubstr(std::string("'") + way + "' is in the way"));
    EXPECT_EQ(read("root/hello@w/a"), "2");
    EXPECT_EQ(info().version_count, 2U);
    fs::remove(at(std::string("root/hello@w/") + way));
  }
  ASSERT_TRUE(fs::is_directory(at("root/hello@w/folder"))) << "empty now: nobody's";
  ASSERT_TRUE(reset(one, "op3"));
  EXPECT_EQ(read("root/hello@w/data"), "tracked");
  EXPECT_EQ(read("root/hello@w/folder"), "a file");
  expect_clean_git();
}

TEST_F(ResetTest, IgnoredAndUntrackedThingsStay) {
  write("source/.gitignore", "*.log\ncache/\n");
  write("source/a", "1");
  ASSERT_TRUE(sync());
  const std::string one = commit("one", "op1").value().commit;
  write("source/of the bundle.log", "ignored all the same");
  write("source/b/c", "2");
  ASSERT_TRUE(sync());
  ASSERT_TRUE(commit("two", "op2"));
  write("root/hello@w/b/run.log", "1");
  write("root/hello@w/cache/x", "1");
  ASSERT_EQ(::mkfifo(at("root/hello@w/pipe").c_str(), 0600), 0);
  fs::create_directory(at("root/hello@w/empty"));
  ASSERT_TRUE(reset(one, "op3"));
  EXPECT_THAT(files::list(at("root/hello@w")).value(),
              ElementsAre(".git", ".gitignore", "a", "b", "cache", "empty", "of the bundle.log", "pipe"));
  EXPECT_THAT(files::list(at("root/hello@w/b")).value(), ElementsAre("run.log"));
  fs::remove_all(at("source/b"));
  fs::remove(at("source/of the bundle.log"));
  ASSERT_TRUE(sync());
  EXPECT_FALSE(fs::exists(at("root/hello@w/of the bundle.log"))) << "which a bundle had brought";
  EXPECT_EQ(read("root/hello@w/b/run.log"), "1");
}

TEST_F(ResetTest, FilesFoldersAndSymlinksTakeEachOthersPlaces) {
  write("source/x", "1");
  ASSERT_TRUE(sync());
  write("root/hello@w/a", "1");
  write("root/hello@w/b/c/d", "2");
  fs::create_symlink("/etc/leads out", at("root/hello@w/l"));
  const std::string one = commit("one", "op1").value().commit;
  for (const char* path : {"a", "b", "l"}) fs::remove_all(at(std::string("root/hello@w/") + path));
  write("root/hello@w/a/x", "1");
  write("root/hello@w/l", "a");
  fs::create_symlink("a", at("root/hello@w/b"));
  const std::string two = commit("two", "op2").value().commit;
  ASSERT_TRUE(reset(one, "op3"));
  EXPECT_EQ(read("root/hello@w/b/c/d"), "2");
  EXPECT_EQ(fs::read_symlink(at("root/hello@w/l")), "/etc/leads out");
  expect_clean_git();
  ASSERT_TRUE(reset(two, "op4"));
  EXPECT_EQ(read("root/hello@w/a/x"), "1");
  EXPECT_FALSE(info().modified);
  expect_clean_git();
}

TEST_F(ResetTest, AChangeInTheVeryMomentOfAVersionIsSeen) {
  write("source/a", "1");
  ASSERT_TRUE(sync());
  for (int i = 0; i < 10; ++i) {
    write("root/hello@w/same size", std::to_string(100 + i));
    const std::string made = commit("m", fmt::format("op{}", i)).value().commit;
    write("root/hello@w/same size", std::to_string(200 + i));
    ASSERT_TRUE(reset(made, fmt::format("op{}b", i)));
    EXPECT_EQ(read("root/hello@w/same size"), std::to_string(100 + i));
    EXPECT_EQ(info(1, 1).versions.at(0).message, "before reset to " + made.substr(0, 12));
  }
}

TEST_F(ResetTest, ChangesBetweenAResetAndItsRepetitionAreKept) {
  write("source/a", "1");
  ASSERT_TRUE(sync());
  const std::string one = commit("one", "op1").value().commit;
  ASSERT_TRUE(commit("two", "op2"));
  write("root/hello@w/data", "in the way of nobody");
  write("root/hello@w/a", "2");
  // As a crash would leave it after the version that keeps the changes, with changes since.
  ASSERT_TRUE(commit("before reset", "op3.before"));
  write("root/hello@w/a", "3");
  ASSERT_TRUE(reset(one, "op3"));
  ASSERT_TRUE(reset(info(1, 1).versions.at(0).commit, "op4"));
  EXPECT_EQ(read("root/hello@w/a"), "3");
}

TEST_F(ResetTest, ADamagedVersionLeavesTheFilesAsTheyAre) {
  write("source/big", noise(6'000'000, 5));
  write("source/a", "1");
  ASSERT_TRUE(sync());
  const std::string one = commit("one", "op1").value().commit;
  const std::string blob = git({"rev-parse", "HEAD:big"}).text.substr(0, 40);
  make_empty("source");
  write("source/a", "2");
  ASSERT_TRUE(sync());
  ASSERT_TRUE(commit("two", "op2"));
  // Whole, but of other bytes.
  write("other", noise(6'000'000, 6));
  const std::string other = git({"hash-object", "-w", at("other")}).text.substr(0, 40);
  const auto object = [&](const std::string& id) {
    return at("root/hello@w/.git/objects/" + id.substr(0, 2) + "/" + id.substr(2));
  };
  fs::rename(object(other), object(blob));
  const auto refused = reset(one, "op3");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::corrupt);
  EXPECT_THAT(refused.error().message(), HasSubstr("big"));
  EXPECT_EQ(read("root/hello@w/a"), "2");
  EXPECT_EQ(info().version_count, 2U);
  EXPECT_FALSE(fs::exists(at("root/hello@w/.git/octopoda/new")));
}

}  // namespace
}  // namespace octo::tentacle
