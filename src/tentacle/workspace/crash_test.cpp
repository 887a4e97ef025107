// SPDX-License-Identifier: MIT
// Killed at every call that matters, and finished by whoever comes next.
#include <gmock/gmock.h>

#include "io/files/crash_testing.hpp"
#include "tentacle/workspace/versions.hpp"
#include "tentacle/workspace/workspace_testing.hpp"

namespace octo::tentacle {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CrashTest : public WorkspaceTest {
 protected:
  // In memory where possible: killed hundreds of times, a test need not wait for a disk.
  std::string place() const override { return fs::exists("/dev/shm") ? "/dev/shm" : "/tmp"; }
  void keep() const {
    fs::remove_all(at("kept"));
    copy("root", "kept");
  }
  void bring_back() const {
    fs::remove_all(at("root"));
    copy("kept", "root");
  }
  void copy(const std::string& from, const std::string& to) const {
    fs::copy(at(from), at(to), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  }
  std::string folder() const { return at("root/hello@w"); }
  static vcs::Repository::CommitWords words(const std::string& operation) { return {"m", operation, kNow}; }
  void expect_nothing_left(unsigned nth) const {
    for (const auto& entry : fs::recursive_directory_iterator(folder() + "/.git")) {
      const std::string name = entry.path().filename();
      ASSERT_FALSE(name.ends_with(".lock") || name.ends_with(".tmp") || name.starts_with("tmp_"))
          << nth << ": " << entry.path();
    }
    ASSERT_THAT(files::list(folder() + "/.git/octopoda").value(), ElementsAre("of", "owned")) << nth;
  }
  Manifest tree() const {
    return files::scan({folder(), [](const std::string& path) { return path != ".git"; }, nullptr}).value();
  }
};

TEST_F(CrashTest, ACommitThatIsKilledAnywhereHindersNoLaterOne) {
  write("source/a", "1");
  write("source/b/c", "1");
  ASSERT_TRUE(sync());
  ASSERT_TRUE(commit("first", "op1"));
  write("source/a", "2");
  fs::remove_all(at("source/b"));
  write("source/b", "a file now");
  ASSERT_TRUE(sync());
  keep();
  unsigned nth = 0;
  bool locked = false;
  for (bool killed = true; killed; ++nth) {
    bring_back();
    killed = files::killed_at(nth, [&] { (void)make_version(folder(), words("op2")); });
    for (const char* lock : {"index.lock", "refs/heads/main.lock"})
      locked |= fs::exists(folder() + "/.git/" + lock);
    reopen();
    const auto made = commit("m", "op2");
    ASSERT_TRUE(made) << nth << ": " << made.error().message();
    const NodeAppInfo found = info();
    ASSERT_EQ(found.version_count, 2U) << nth;
    ASSERT_FALSE(found.modified) << nth;
    expect_nothing_left(nth);
    if (nth % 8 == 0) expect_clean_git();
  }
  EXPECT_GT(nth, 20U);
  EXPECT_TRUE(locked) << "the test was of something";
}

// Every kind of change a reset makes, and modes and empty folders that git does not know.
class ResetCrashTest : public CrashTest {
 protected:
  void SetUp() override {
    CrashTest::SetUp();
    write("source/key", "secret", 0600);
    write("source/gone", "1");
    write("source/file to folder", "1");
    write("source/folder to file/inside", "1", 0755);
    fs::create_directory(at("source/spool"));
    ASSERT_EQ(::chmod(at("source/spool").c_str(), 0750), 0);
    fs::create_symlink("key", at("source/link"));
    ASSERT_TRUE(sync());
    one_ = commit("one", "op1").value().commit;
    then_ = tree();
    fs::remove_all(at("source"));
    write("source/key", "another");
    write("source/new/deep", "2");
    write("source/file to folder/inside", "2");
    write("source/folder to file", "2");
    write("source/link", "2");
    ASSERT_TRUE(sync());
    ASSERT_TRUE(commit("two", "op2"));
    write("root/hello@w/made", "not committed");
    now_ = tree();
    keep();
  }
  void kill_at(unsigned nth) {
    bring_back();
    killed_ = files::killed_at(nth, [&] { (void)reset_to(folder(), one_, words("op3")); });
  }
  std::vector<std::string> messages() const {
    std::vector<std::string> found;
    const auto repository = vcs::Repository::open(folder()).value();
    for (const auto& made : repository->log(0, 100).value()) found.push_back(made.message);
    return found;
  }
  const testing::Matcher<std::string> kBefore = HasSubstr("before reset");
  std::string one_;
  Manifest then_, now_;
  bool killed_ = true;
};

TEST_F(ResetCrashTest, TheNextStartFindsTheOldOrTheNewTreeAndTheRepeatedResetMakesOneVersion) {
  unsigned nth = 0, old = 0;
  for (; killed_; ++nth) {
    kill_at(nth);
    reopen();
    const Manifest found = tree();
    ASSERT_TRUE(found == now_ || found == then_) << nth;
    old += found == now_ ? 1 : 0;
    if (found == then_) ASSERT_THAT(messages(), ElementsAre("m", kBefore, "two", "one")) << nth;
    else ASSERT_THAT(messages(), AnyOf(ElementsAre("two", "one"), ElementsAre(kBefore, "two", "one"))) << nth;
    const auto again = reset(one_, "op3");
    ASSERT_TRUE(again) << nth << ": " << again.error().message();
    ASSERT_EQ(tree(), then_) << nth;
    ASSERT_THAT(messages(), ElementsAre(AnyOf("m", "back"), kBefore, "two", "one")) << nth;
    ASSERT_FALSE(info().modified) << nth;
    expect_nothing_left(nth);
    if (nth % 16 == 0) expect_clean_git();
  }
  EXPECT_GT(old, 20U);
  EXPECT_GT(nth - old, 20U);
}

TEST_F(ResetCrashTest, WhicheverOperationComesNextFinishesItFirst) {
  for (unsigned nth = 0; killed_; nth += 3) {
    kill_at(nth);
    (void)vcs::remove_stale_locks(folder(), vcs::Age::any);  // as a start does; this test makes none
    const auto next = commit("next", "op4");
    ASSERT_TRUE(next) << nth << ": " << next.error().message();
    const Manifest found = tree();
    ASSERT_TRUE(found == now_ || found == then_) << nth;
    if (found == then_) ASSERT_THAT(messages(), ElementsAre("next", "m", kBefore, "two", "one")) << nth;
    else ASSERT_THAT(messages(), Not(testing::Contains("m"))) << nth;
    ASSERT_FALSE(info().modified) << nth;
    expect_nothing_left(nth);
  }
}

TEST_F(ResetCrashTest, ASyncFinishesItFirstToo) {
  for (unsigned nth = 0; killed_; nth += 7) {
    kill_at(nth);
    (void)vcs::remove_stale_locks(folder(), vcs::Age::any);
    const auto synced = sync();
    ASSERT_TRUE(synced) << nth << ": " << synced.error().message();
    ASSERT_EQ(read("root/hello@w/key"), "another") << nth;
    ASSERT_FALSE(fs::exists(at("root/hello@w/gone"))) << nth;
    ASSERT_TRUE(commit("m", "op5")) << nth;
    expect_nothing_left(nth);
  }
}

}  // namespace
}  // namespace octo::tentacle
