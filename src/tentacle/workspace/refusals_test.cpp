// SPDX-License-Identifier: MIT
// What stands in the way, what a crash left, and who waits for whom.
#include <gmock/gmock.h>

#include "tentacle/workspace/workspace_testing.hpp"

namespace octo::tentacle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(WorkspaceTest, ASymlinkInTheAppsPlaceIsRefusedAndNothingBehindItTouched) {
  write("source/a", "1");
  write("outside/precious", "1");
  fs::create_symlink(at("outside"), at("root/hello@w"));
  EXPECT_EQ(sync().error().code(), ErrorCode::forbidden);
  EXPECT_FALSE(commit("m", "op1"));
  EXPECT_FALSE(done(workspace_->remove({app()})));
  EXPECT_FALSE(workspace_->folder_of(app()));
  EXPECT_THAT(files::list(at("outside")).value(), ElementsAre("precious"));
  EXPECT_TRUE(fs::is_symlink(at("root/hello@w")));
}

TEST_F(WorkspaceTest, AGitThatIsAFileOrLeadsElsewhereIsRefused) {
  write("source/a", "1");
  write("elsewhere/x", "");
  ASSERT_TRUE(sync());
  const std::string git = at("root/hello@w/.git");
  fs::rename(git, at("kept"));
  write("root/hello@w/.git", "gitdir: " + at("elsewhere") + "\n");
  EXPECT_FALSE(sync());
  EXPECT_FALSE(commit("m", "op1"));
  EXPECT_FALSE(reset(std::string(40, 'a'), "op2"));
  fs::remove(git);
  fs::create_symlink(at("kept"), git);
  EXPECT_FALSE(sync());
  EXPECT_FALSE(commit("m", "op1"));
  EXPECT_EQ(read("kept/octopoda/owned").substr(0, 5), "octm1") << "not touched";
  EXPECT_THAT(files::list(at("elsewhere")).value(), ElementsAre("x"));
}

TEST_F(WorkspaceTest, ASymlinkInsideLeadsNoSyncAstray) {
  write("source/data/x", "1");
  write("outside/x", "precious");
  ASSERT_TRUE(sync());
  fs::remove_all(at("root/hello@w/data"));
  fs::create_directory_symlink(at("outside"), at("root/hello@w/data"));
  write("source/data/x", "2");
  const auto refused = sync();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("'data' is in the way"));
  EXPECT_EQ(read("outside/x"), "precious");
  fs::remove(at("root/hello@w/data"));
  ASSERT_TRUE(sync()) << "and once it is away, all is well";
  EXPECT_EQ(read("root/hello@w/data/x"), "2");
}

TEST_F(WorkspaceTest, WhatAScriptPutInPlaceOfAnOwnedFolderStopsNoLaterSync) {
  for (const bool symlink : {true, false}) {
    fs::remove_all(at("source"));
    write("source/data/x", "1");
    write("source/data/deep/y", "1");
    write("source/a", "1");
    write("outside/x", "precious");
    ASSERT_TRUE(sync());
    fs::remove_all(at("root/hello@w/data"));
    if (symlink) fs::create_directory_symlink(at("outside"), at("root/hello@w/data"));
    else write("root/hello@w/data", "a file");
    fs::remove_all(at("source/data"));
    write("source/a", "2");
    const auto synced = sync();
    ASSERT_TRUE(synced) << synced.error().message();
    EXPECT_EQ(read("root/hello@w/a"), "2");
    EXPECT_EQ(read("outside/x"), "precious");
    ASSERT_TRUE(done(workspace_->remove({app()})));
  }
}

TEST_F(WorkspaceTest, AnEmptyFolderInPlaceOfAnOwnedFileGivesWay) {
  write("source/f", "1");
  write("source/g", "1");
  ASSERT_TRUE(sync());
  fs::remove(at("root/hello@w/f"));
  fs::create_directory(at("root/hello@w/f"));
  write("source/f", "2");
  write("source/g", "2");
  const auto synced = sync();
  ASSERT_TRUE(synced) << synced.error().message();
  EXPECT_EQ(read("root/hello@w/f"), "2");
  EXPECT_EQ(read("root/hello@w/g"), "2");
}

TEST_F(WorkspaceTest, WhatAScriptPutInPlaceOfAWantedFolderIsNamedAndKept) {
  write("source/data/x", "1");
  write("source/a", "1");
  ASSERT_TRUE(sync());
  fs::remove_all(at("root/hello@w/data"));
  write("root/hello@w/data", "a script's");
  write("source/a", "2");
  const auto refused = sync();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::conflict);
  EXPECT_THAT(refused.error().message(), HasSubstr("'data' is in the way"));
  EXPECT_EQ(read("root/hello@w/data"), "a script's");
  EXPECT_EQ(read("root/hello@w/a"), "1") << "old or new, never half";
  fs::remove_all(at("root/hello@w/data"));
  ASSERT_TRUE(sync());
  EXPECT_EQ(read("root/hello@w/data/x"), "1");
}

TEST_F(WorkspaceTest, RemovingIsCompleteAndOfWhatIsAbsentFine) {
  write("source/a/b", "1");
  ASSERT_TRUE(sync());
  ASSERT_TRUE(sync(app("other")));
  ASSERT_TRUE(commit("m", "op1"));
  write("root/hello@w/made", "1", 0400);
  ASSERT_TRUE(done(workspace_->remove({app()})));
  ASSERT_TRUE(done(workspace_->remove({app()})));
  ASSERT_TRUE(done(workspace_->remove({app("none")})));
  for (const auto& entry : fs::recursive_directory_iterator(at("root")))
    EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr("hello@w")));
  EXPECT_EQ(done(workspace_->apps()).value().size(), 1U);
  EXPECT_EQ(workspace_->folder_of(app()).error().code(), ErrorCode::conflict);
  ASSERT_TRUE(sync());
  EXPECT_EQ(info().version_count, 0U) << "a new one begins from nothing";
}

TEST_F(WorkspaceTest, WhatAnInterruptedCreationOrRemovalLeftIsCleanedWhenOpened) {
  write("source/a", "1");
  ASSERT_TRUE(sync());
  write("outside/x", "precious");
  write("root/.octopoda/hello@w/.git/HEAD", "half made");
  write("root/.octopoda/gone@w/file", "half removed", 0400);
  fs::create_symlink(at("outside"), at("root/.octopoda/gone@w/link"));
  reopen();
  EXPECT_THAT(files::list(at("root")).value(), ElementsAre("hello@w"));
  EXPECT_EQ(read("outside/x"), "precious");
  EXPECT_EQ(done(workspace_->apps()).value().size(), 1U);
  // Also one that is there without a new start.
  write("root/.octopoda/new@w/.git/HEAD", "half made");
  ASSERT_TRUE(sync(app("new")));
  ASSERT_TRUE(done(workspace_->commit({app("new"), "m"}, {"op1", kNow})));
  expect_clean_git(app("new"));
}

TEST_F(WorkspaceTest, TheRootIsMadeWhenAbsentAndItsPathIsClean) {
  const auto opened = GitWorkspace::open(at("new/deep/root//"), workers_, loop_.get_executor());
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->root(), at("new/deep/root"));
  EXPECT_TRUE(fs::is_directory(at("new/deep/root")));
  write("a file", "");
  EXPECT_FALSE(GitWorkspace::open(at("a file"), workers_, loop_.get_executor()));
}

TEST_F(WorkspaceTest, ABrokenRepositoryHidesNoOther) {
  write("source/a", "1");
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    ASSERT_TRUE(sync(app(name)));
    ASSERT_TRUE(done(workspace_->commit({app(name), "m"}, {"op1", kNow})));
  }
  write("root/a@w/.git/HEAD", "garbage");
  write("root/b@w/.git/config", "[[[");
  for (const auto& entry : fs::recursive_directory_iterator(at("root/c@w/.git/objects"))) {
    if (entry.is_regular_file()) fs::resize_file(entry.path(), 3);
  }
  fs::remove_all(at("root/d@w/.git/refs"));
  const auto all = done(workspace_->apps()).value();
  ASSERT_EQ(all.size(), 5U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_THAT(all[i].description, HasSubstr("cannot be read")) << print(all[i].app);
    EXPECT_EQ(all[i].path, at("root/" + print(all[i].app)));
  }
  EXPECT_EQ(all[4].versions.size(), 1U);
  EXPECT_EQ(done(workspace_->app(app("b"), 0, 1)).error().code(), ErrorCode::corrupt);
  for (const char* name : {"a", "b", "c", "d"}) EXPECT_TRUE(done(workspace_->remove({app(name)})));
  EXPECT_EQ(done(workspace_->apps()).value().size(), 1U);
}

TEST_F(WorkspaceTest, OperationsOnOneAppWaitForEachOtherAndOthersDoNot) {
  write("source/a", "1");
  ASSERT_TRUE(sync());
  ASSERT_TRUE(sync(app("other")));
  write("source/a", "2");
  const Sha256 bundle = offer();
  const int before = source_.questions;
  source_.shut = true;
  const SyncOrder to{app(), bundle, ""};
  const CommitOrder what{app(), "m"};
  const Workspace::Operation operation{"op1", kNow};
  const RemoveOrder away{app()};
  std::vector<std::string> order;
  const auto body = [&]() -> Async<Result<void>> {
    co_return co_await in_nursery([&](Nursery& nursery) -> Async<Result<void>> {
      const auto note = [](std::vector<std::string>& into, const char* what, auto work) -> Async<void> {
        const auto ended = co_await std::move(work);
        EXPECT_TRUE(ended) << what << ": " << ended.error().message();
        into.emplace_back(what);
      };
      nursery.spawn(note(order, "sync", workspace_->sync(to, source_)));
      while (source_.questions == before) co_await source_.asked.wait();
      nursery.spawn(note(order, "commit", workspace_->commit(what, operation)));
      nursery.spawn(note(order, "remove", workspace_->remove(away)));
      OCTO_CO_TRY(co_await workspace_->commit({app("other"), "m"}, {"op1", kNow}));
      OCTO_CO_TRY(co_await workspace_->app(app(), 0, 1));
      order.emplace_back("other");
      source_.shut = false;
      source_.gate.set();
      co_await nursery.join();
      co_return Result<void>{};
    });
  };
  ASSERT_TRUE(done(body()));
  EXPECT_THAT(order, ElementsAre("other", "sync", "commit", "remove"));
  EXPECT_FALSE(fs::exists(at("root/hello@w")));
}

TEST_F(WorkspaceTest, ACancelledSyncLetsTheNextOneIn) {
  write("source/a", "1");
  const Sha256 bundle = offer();
  source_.shut = true;
  const auto body = [&]() -> Async<Result<void>> {
    const auto late =
        co_await with_deadline<void>(clock_, 20ms, workspace_->sync({app(), bundle, ""}, source_));
    EXPECT_EQ(late.error().code(), ErrorCode::timed_out);
    source_.shut = false;
    co_return co_await workspace_->sync({app(), bundle, ""}, source_);
  };
  ASSERT_TRUE(done(body()));
  EXPECT_EQ(read("root/hello@w/a"), "1");
}

}  // namespace
}  // namespace octo::tentacle
