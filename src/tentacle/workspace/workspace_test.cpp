// SPDX-License-Identifier: MIT
#include "tentacle/workspace/workspace.hpp"

#include <gmock/gmock.h>

#include "tentacle/workspace/workspace_testing.hpp"

namespace octo::tentacle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(WorkspaceTest, ASyncMakesTheAppsFolderAndACommitAVersion) {
  write("source/run.sh", "#!/bin/sh\n", 0755);
  EXPECT_EQ(workspace_->folder_of(app()).error().code(), ErrorCode::conflict) << "not prepared yet";
  ASSERT_TRUE(sync());
  EXPECT_EQ(workspace_->folder_of(app()).value(), at("root/hello@w"));
  EXPECT_EQ(read("root/hello@w/run.sh"), "#!/bin/sh\n");
  NodeAppInfo before = info();
  EXPECT_EQ(before.version_count, 0U);
  EXPECT_THAT(before.versions, IsEmpty());
  EXPECT_TRUE(before.modified) << "files that no version holds";

  const NodeAppVersion made = commit("first", "op1").value();
  EXPECT_EQ(made.message, "first");
  EXPECT_EQ(made.made, kNow);
  const NodeAppInfo after = info();
  EXPECT_EQ(after.app, app());
  EXPECT_EQ(after.description, "says hello");
  EXPECT_EQ(after.path, at("root/hello@w"));
  EXPECT_FALSE(after.modified);
  ASSERT_EQ(after.versions.size(), 1U);
  EXPECT_EQ(after.versions[0].commit, made.commit);
  expect_clean_git();
}

TEST_F(WorkspaceTest, AppsComeWithTheirNewestVersionAndOneAppInPages) {
  write("source/a", "1");
  ASSERT_TRUE(sync());
  ASSERT_TRUE(sync(app("other")));
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(commit(fmt::format("m{}", i), fmt::format("op{}", i)));
  write("root/no nodeapp/file", "");
  write("root/a file", "");

  const auto all = done(workspace_->apps()).value();
  ASSERT_EQ(all.size(), 2U) << "what is no nodeapp is not listed";
  EXPECT_EQ(all[0].app, app());
  EXPECT_EQ(all[0].version_count, 5U);
  ASSERT_EQ(all[0].versions.size(), 1U);
  EXPECT_EQ(all[0].versions[0].message, "m5");
  EXPECT_EQ(all[1].app, app("other"));
  EXPECT_THAT(all[1].versions, IsEmpty());

  const NodeAppInfo page = info(1, 3);
  EXPECT_EQ(page.version_count, 5U);
  ASSERT_EQ(page.versions.size(), 3U);
  EXPECT_EQ(page.versions[0].message, "m4") << "the newest first";
  EXPECT_EQ(page.versions[2].message, "m2");
  EXPECT_THAT(info(5, 3).versions, IsEmpty());
  EXPECT_EQ(done(workspace_->app(app("none"), 0, 1)).error().code(), ErrorCode::conflict);
}

TEST_F(WorkspaceTest, ARepeatedOperationIsDoneOnce) {
  write("source/a", "1");
  ASSERT_TRUE(sync());
  const std::string first = commit("m", "op1").value().commit;
  write("root/hello@w/a", "changed after the answer was lost");
  EXPECT_EQ(commit("m", "op1").value().commit, first);
  reopen();
  EXPECT_EQ(commit("m", "op1").value().commit, first) << "also by an agent that was started again";
  const std::string second = commit("m", "op2").value().commit;
  EXPECT_NE(second, first);
  const std::string third = reset(first, "op3").value().commit;
  EXPECT_EQ(reset(first, "op3").value().commit, third);
  EXPECT_EQ(info().version_count, 3U);
}

TEST_F(WorkspaceTest, TheNextSyncRemovesWhatTheLastBroughtAndKeepsWhatScriptsMade) {
  write("source/kept", "1");
  write("source/gone", "1");
  write("source/folder/gone too", "1");
  write("source/shared/gone", "1");
  ASSERT_TRUE(sync());
  write("root/hello@w/made by a script", "mine");
  write("root/hello@w/shared/made", "mine");
  fs::remove_all(at("source"));
  write("source/kept", "2");
  write("source/new", "2");
  ASSERT_TRUE(sync());
  EXPECT_EQ(read("root/hello@w/kept"), "2");
  EXPECT_EQ(read("root/hello@w/new"), "2");
  EXPECT_FALSE(fs::exists(at("root/hello@w/gone")));
  EXPECT_FALSE(fs::exists(at("root/hello@w/folder"))) << "a folder that it emptied goes too";
  EXPECT_FALSE(fs::exists(at("root/hello@w/shared/gone")));
  EXPECT_EQ(read("root/hello@w/shared/made"), "mine");
  EXPECT_EQ(read("root/hello@w/made by a script"), "mine");
  fs::remove_all(at("source"));
  fs::create_directory(at("source"));
  ASSERT_TRUE(sync()) << "a bundle without files";
  EXPECT_THAT(files::list(at("root/hello@w")).value(), ElementsAre(".git", "made by a script", "shared"));
}

TEST_F(WorkspaceTest, OnlyChunksThatAreNotThereAreFetched) {
  const std::string big = noise(3'000'000, 1);
  write("source/big", big);
  write("source/same bytes", big);
  write("source/small", "1");
  ASSERT_TRUE(sync());
  EXPECT_EQ(std::set(source_.fetched.begin(), source_.fetched.end()).size(), source_.fetched.size());
  source_.fetched.clear();
  ASSERT_TRUE(sync());
  EXPECT_THAT(source_.fetched, IsEmpty());

  fs::rename(at("source/big"), at("source/moved"));
  write("source/small", "2");
  ASSERT_TRUE(sync());
  EXPECT_EQ(source_.fetched.size(), 1U) << "what is here under another name is not fetched";
  EXPECT_EQ(read("root/hello@w/moved"), big);

  source_.fetched.clear();
  write("source/moved", big.substr(0, 1'500'000) + "inserted" + big.substr(1'500'000));
  ASSERT_TRUE(sync());
  EXPECT_LE(source_.fetched.size(), 3U) << "a change in the middle travels alone";
  EXPECT_EQ(read("root/hello@w/moved"), read("source/moved"));

  source_.fetched.clear();
  write("root/hello@w/moved", "spoilt by a script");
  fs::remove(at("root/hello@w/same bytes"));
  ASSERT_TRUE(sync());
  EXPECT_EQ(read("root/hello@w/moved"), read("source/moved")) << "present bytes are verified, not believed";
  EXPECT_EQ(read("root/hello@w/same bytes"), big);
}

TEST_F(WorkspaceTest, AFailingSourceLeavesTheOldTreeAndTheNextSyncGoesOn) {
  write("source/a", "old");
  ASSERT_TRUE(sync());
  write("source/a", "new");
  write("source/big", noise(5'000'000, 2));
  source_.fetched.clear();
  source_.fails_after = 40;  // in the second of the requests
  EXPECT_EQ(sync().error().code(), ErrorCode::unavailable);
  EXPECT_EQ(read("root/hello@w/a"), "old");
  EXPECT_FALSE(fs::exists(at("root/hello@w/big")));
  ASSERT_EQ(source_.fetched.size(), 40U);

  reopen();
  source_.fails_after = SIZE_MAX;
  ASSERT_TRUE(sync());
  EXPECT_EQ(read("root/hello@w/big"), read("source/big"));
  const std::set<Sha256> different(source_.fetched.begin(), source_.fetched.end());
  EXPECT_EQ(different.size(), source_.fetched.size()) << "no chunk travelled twice";
  EXPECT_THAT(files::list(at("root/hello@w/.git/octopoda")).value(), ElementsAre("owned"))
      << "nothing staged is left";
}

TEST_F(WorkspaceTest, AFirstSyncThatFailsIsGoneOnWith) {
  write("source/big", noise(1'000'000, 3));
  source_.fails_after = 5;
  EXPECT_FALSE(sync());
  source_.fails_after = SIZE_MAX;
  ASSERT_TRUE(sync());
  ASSERT_TRUE(commit("m", "op1"));
  expect_clean_git();
  EXPECT_EQ(done(workspace_->sync({app(), Sha256{}, ""}, source_)).error().code(), ErrorCode::not_found);
  EXPECT_EQ(read("root/hello@w/big"), read("source/big"));
}

TEST_F(WorkspaceTest, ModesSymlinksEmptyFoldersAndAnyNameArrive) {
  write("source/bin/run me", "#!/bin/sh\n", 0755);
  write("source/secret", "x", 0600);
  write("source/read only", "x", 0444);
  write("source/with\nnewline $(touch x) \"'", "odd");
  write("source/dev-disk\\x2duuid.device", "a systemd unit's name");
  write("source/größe", "unicode");
  write("source/ leading and trailing ", "spaces");
  fs::create_symlink("bin/run me", at("source/link to it"));
  fs::create_symlink("not there", at("source/dangling"));
  fs::create_directories(at("source/empty/deep"));
  ASSERT_EQ(::chmod(at("source/empty").c_str(), 0750), 0);
  ASSERT_TRUE(sync());
  const auto no_git = [](const std::string& path) { return path != ".git"; };
  EXPECT_EQ(files::scan({at("root/hello@w"), no_git, nullptr}).value(),
            files::scan({at("source"), nullptr, nullptr}).value());
  ASSERT_TRUE(commit("m", "op1"));
  expect_clean_git();
  EXPECT_EQ(git({"ls-tree", "-r", "HEAD", "bin/run me", "link to it"}).text.substr(0, 6), "100755");
  // A mode that a script changed comes back with the next sync, content unchanged.
  ASSERT_EQ(::chmod(at("root/hello@w/bin/run me").c_str(), 0600), 0);
  ASSERT_TRUE(sync());
  EXPECT_EQ(fs::status(at("root/hello@w/bin/run me")).permissions(), fs::perms(0755));
}

TEST_F(WorkspaceTest, NamesOfAppsAndScenariosMayHaveSpaces) {
  const AppAt spaced{AppName("my first app"), ScenarioName("a scene, größer")};
  write("source/a file", "1");
  ASSERT_TRUE(sync(spaced));
  ASSERT_TRUE(done(workspace_->commit({spaced, "it's \"quoted\" $x\nand long"}, {"op1", kNow})));
  const auto all = done(workspace_->apps()).value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].app, spaced);
  EXPECT_EQ(all[0].path, at("root/my first app@a scene, größer"));
  EXPECT_EQ(all[0].versions.at(0).message, "it's \"quoted\" $x\nand long");
  expect_clean_git(spaced);
}

TEST_F(WorkspaceTest, GitignoreIsHonoured) {
  write("source/.gitignore", "*.log\nbuild/\n");
  write("source/a", "1");
  ASSERT_TRUE(sync());
  const std::string first = commit("m", "op1").value().commit;
  write("root/hello@w/noise.log", "noise");
  write("root/hello@w/build/out", "noise");
  EXPECT_FALSE(info().modified);
  write("root/hello@w/made", "1");
  EXPECT_TRUE(info().modified);
  ASSERT_TRUE(commit("m", "op2"));
  EXPECT_EQ(git({"ls-tree", "-r", "--name-only", "HEAD"}).text, ".gitignore\na\nmade\n");
  ASSERT_TRUE(reset(first, "op3"));
  EXPECT_FALSE(fs::exists(at("root/hello@w/made")));
  EXPECT_EQ(read("root/hello@w/build/out"), "noise") << "a reset leaves what is ignored";
}

TEST_F(WorkspaceTest, AResetBringsTheFilesBackAndAppendsAVersion) {
  write("source/a", "1");
  write("source/only in one", "1", 0755);
  fs::create_symlink("a", at("source/link"));
  ASSERT_TRUE(sync());
  const std::string one = commit("one", "op1").value().commit;
  fs::remove(at("source/only in one"));
  fs::remove(at("source/link"));
  write("source/a", "2");
  write("source/link", "a file now");
  ASSERT_TRUE(sync());
  const std::string two = commit("two", "op2").value().commit;
  write("root/hello@w/a", "3, not committed");

  const NodeAppVersion back = reset(one, "op3").value();
  EXPECT_EQ(back.message, "back");
  EXPECT_EQ(read("root/hello@w/a"), "1");
  EXPECT_EQ(fs::status(at("root/hello@w/only in one")).permissions(), fs::perms(0755));
  EXPECT_EQ(fs::read_symlink(at("root/hello@w/link")), "a");
  EXPECT_EQ(info().version_count, 4U) << "one, two, what was not committed, back";
  expect_clean_git();
  ASSERT_TRUE(reset(two, "op4"));
  EXPECT_EQ(read("root/hello@w/link"), "a file now");
  const std::string unsaved = info(2, 1).versions.at(0).commit;
  ASSERT_TRUE(reset(unsaved, "op5"));
  EXPECT_EQ(read("root/hello@w/a"), "3, not committed") << "nothing is lost by a reset";
  ASSERT_TRUE(reset(two, "op6"));
  EXPECT_EQ(git({"log", "--format=%s"}).text,
            fmt::format("back\nback\nback\nback\nbefore reset to {}\ntwo\none\n", one.substr(0, 12)));
  expect_clean_git();
  EXPECT_EQ(reset(std::string(40, 'a'), "op7").error().code(), ErrorCode::not_found);
}

TEST_F(WorkspaceTest, AfterAResetTheNextSyncStillRemovesWhatABundleBrought) {
  write("source/a", "1");
  write("source/old", "of the first bundle");
  ASSERT_TRUE(sync());
  const std::string one = commit("one", "op1").value().commit;
  fs::remove(at("source/old"));
  ASSERT_TRUE(sync());
  ASSERT_TRUE(commit("two", "op2"));
  const std::string back = reset(one, "op3").value().commit;
  EXPECT_EQ(read("root/hello@w/old"), "of the first bundle");
  write("root/hello@w/made", "by a script");
  ASSERT_TRUE(sync());
  EXPECT_FALSE(fs::exists(at("root/hello@w/old"))) << "no script made it";
  EXPECT_EQ(read("root/hello@w/made"), "by a script");

  // Also where a path has become another kind meanwhile, and where a version is reached by way of a reset.
  fs::remove_all(at("source/a"));
  write("source/a/b", "a folder now");
  ASSERT_TRUE(sync());
  ASSERT_TRUE(commit("three", "op4"));
  ASSERT_TRUE(reset(back, "op5"));
  EXPECT_EQ(read("root/hello@w/a"), "1");
  ASSERT_TRUE(sync());
  EXPECT_THAT(files::list(at("root/hello@w")).value(), ElementsAre(".git", "a"));
  EXPECT_EQ(read("root/hello@w/a/b"), "a folder now");
}

TEST_F(WorkspaceTest, AResetIsExactAlsoWhereAttributesAskForOtherLineEnds) {
  write("source/.gitattributes", "* text=auto eol=crlf\n*.id ident\n");
  write("source/unix", "a\nb\n");
  write("source/windows", "a\r\nb\r\n");
  write("source/x.id", "$Id$\n");
  ASSERT_TRUE(sync());
  const std::string one = commit("one", "op1").value().commit;
  for (const char* name : {"unix", "windows", "x.id"}) write(std::string("root/hello@w/") + name, "changed");
  ASSERT_TRUE(commit("two", "op2"));
  ASSERT_TRUE(reset(one, "op3"));
  EXPECT_EQ(read("root/hello@w/unix"), "a\nb\n");
  EXPECT_EQ(read("root/hello@w/windows"), "a\r\nb\r\n");
  EXPECT_EQ(read("root/hello@w/x.id"), "$Id$\n");
  expect_clean_git();
}

TEST_F(WorkspaceTest, SocketsAndPipesOfARunningAppDoNotHinderAVersion) {
  write("source/a", "1");
  ASSERT_TRUE(sync());
  ASSERT_EQ(::mkfifo(at("root/hello@w/pipe").c_str(), 0600), 0);
  ASSERT_TRUE(commit("m", "op1"));
  EXPECT_EQ(git({"ls-tree", "-r", "--name-only", "HEAD"}).text, "a\n");
  ASSERT_TRUE(sync());
  EXPECT_TRUE(fs::is_fifo(at("root/hello@w/pipe")));
}

}  // namespace
}  // namespace octo::tentacle
