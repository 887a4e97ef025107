// SPDX-License-Identifier: MIT
#include "io/vcs/vcs.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

namespace octo::vcs {

namespace fs = std::filesystem;

class VcsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octopoda-vcs.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(folder + "/" + path).parent_path());
    std::ofstream(folder + "/" + path) << text;
  }
  std::string read(const std::string& path) const {
    std::ifstream in(folder + "/" + path);
    return in ? std::string(std::istreambuf_iterator<char>(in), {}) : "(none)";
  }
  // Exit status of the stock git.
  int git(std::vector<std::string> words) const {
    words.insert(words.begin(), {"git", "-C", folder});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    const int code = ::posix_spawnp(&pid, "git", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0) return code;
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  }
  static Repository::CommitWords words(const std::string& message, const std::string& operation) {
    return {message, operation, WallTime(std::chrono::seconds(1'700'000'000))};
  }
  std::string folder;
};

TEST_F(VcsTest, StockGitReadsWhatWasMade) {
  write("a", "1");
  write("sub/b", "2");
  fs::create_symlink("a", folder + "/link");
  ASSERT_EQ(::chmod((folder + "/a").c_str(), 0755), 0);
  auto repository = Repository::open(folder).value();
  const auto first = repository->commit(words("first\nmore", "op1")).value();
  EXPECT_EQ(first.id.size(), 40U);
  EXPECT_EQ(first.message, "first\nmore");
  EXPECT_EQ(first.operation, "op1");
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
  EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0) << "modes and symlinks are as they are";
  EXPECT_EQ(git({"cat-file", "-e", "HEAD:sub/b"}), 0);
  EXPECT_FALSE(repository->modified().value());
}

TEST_F(VcsTest, AVersionIsMadeEvenWhenNothingChangedButOnceAnOperation) {
  auto repository = Repository::open(folder).value();
  EXPECT_FALSE(repository->newest().value());
  const auto first = repository->commit(words("m", "op1")).value();
  EXPECT_EQ(repository->commit(words("m", "op1")).value().id, first.id);
  const auto second = repository->commit(words("m", "op2")).value();
  EXPECT_NE(second.id, first.id);
  EXPECT_EQ(repository->count().value(), 2U);
  const auto log = repository->log(1, 5).value();
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].id, first.id);
}

TEST_F(VcsTest, IgnoredFilesAreLeftAloneAndRemovedOnesAreRecorded) {
  write(".gitignore", "*.log\n");
  write("a", "1");
  write("x.log", "noise");
  auto repository = Repository::open(folder).value();
  repository->commit(words("1", "op1")).value();
  EXPECT_NE(git({"cat-file", "-e", "HEAD:x.log"}), 0);
  fs::remove(folder + "/a");
  EXPECT_TRUE(repository->modified().value());
  repository->commit(words("2", "op2")).value();
  EXPECT_NE(git({"cat-file", "-e", "HEAD:a"}), 0);
}

TEST_F(VcsTest, ResetAppendsAndComesBackAnyNumberOfTimes) {
  auto repository = Repository::open(folder).value();
  write("a", "1");
  write(".gitignore", "untracked.keep\n");
  const auto a = repository->commit(words("A", "op1")).value();
  write("a", "2");
  write("b", "only in B");
  write("untracked.keep", "");
  const auto b = repository->commit(words("B", "op2")).value();
  const auto back = repository->reset(a.id, words("back", "op3")).value();
  EXPECT_EQ(read("a"), "1");
  EXPECT_EQ(read("b"), "(none)");
  EXPECT_TRUE(fs::exists(folder + "/untracked.keep")) << "ignored files stay";
  EXPECT_EQ(repository->reset(a.id, words("back", "op3")).value().id, back.id) << "repeated, done once";
  repository->reset(b.id, words("forth", "op4")).value();
  EXPECT_EQ(read("b"), "only in B");
  EXPECT_EQ(repository->count().value(), 4U);
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
  EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0);
}

TEST_F(VcsTest, ChangesSinceTheNewestVersionAreKeptByAReset) {
  auto repository = Repository::open(folder).value();
  write("a", "1");
  const auto a = repository->commit(words("A", "op1")).value();
  write("a", "never committed");
  repository->reset(a.id, words("back", "op2")).value();
  const auto log = repository->log(0, 10).value();
  ASSERT_EQ(log.size(), 3U);
  EXPECT_TRUE(log[1].message.starts_with("before reset"));
  repository->reset(log[1].id, words("again", "op3")).value();
  EXPECT_EQ(read("a"), "never committed");
}

TEST_F(VcsTest, ARepositoryThatLeadsElsewhereIsRefused) {
  fs::create_directory(folder + "/other");
  write("real/.git-target", "");
  fs::create_symlink(folder + "/other", folder + "/.git");
  EXPECT_EQ(Repository::open(folder).error().code(), ErrorCode::forbidden);
  fs::remove(folder + "/.git");
  {
    ASSERT_TRUE(Repository::open(folder));
  }
  std::ofstream(folder + "/.git/config", std::ios::app) << "[core]\n\tworktree = /etc\n";
  EXPECT_EQ(Repository::open(folder).error().code(), ErrorCode::forbidden);
}

TEST_F(VcsTest, ARepositoryInsideIsNamedNotSkipped) {
  auto repository = Repository::open(folder).value();
  write("sub/.git/HEAD", "broken");
  write("sub/file", "x");
  const auto refused = repository->commit(words("m", "op1"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("sub/.git"), std::string::npos);
  write(".gitignore", "sub/\n");
  EXPECT_TRUE(repository->commit(words("m", "op1")));
}

TEST_F(VcsTest, UnknownVersionsAreSaid) {
  auto repository = Repository::open(folder).value();
  EXPECT_EQ(repository->reset(std::string(40, 'a'), words("m", "")).error().code(), ErrorCode::not_found);
  EXPECT_EQ(repository->reset("abc", words("m", "")).error().code(), ErrorCode::invalid_argument);
}

}  // namespace octo::vcs
