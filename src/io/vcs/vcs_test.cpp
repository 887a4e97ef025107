// SPDX-License-Identifier: MIT
#include "io/vcs/vcs.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

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

// An application writes its log, makes files and removes them, while versions are made.
TEST_F(VcsTest, AVersionOfAFolderThatIsWrittenIsMadeAllTheSame) {
  write("kept", "1");
  write("log", std::string(4'000'000, 'x'));
  auto repository = Repository::open(folder).value();
  std::atomic<bool> over = false;
  std::jthread application([&] {
    for (unsigned i = 0; !over; ++i) {
      std::ofstream(folder + "/log", i % 50 == 49 ? std::ios::trunc : std::ios::app)
          << std::string(10'000, 'y');
      write("passing/by", "x");
      std::error_code ignored;
      fs::remove_all(folder + "/passing", ignored);
    }
  });
  for (int i = 0; i < 20; ++i) {
    const auto made = repository->commit(words("m", fmt::format("op{}", i)));
    EXPECT_TRUE(made) << made.error().message();
    EXPECT_TRUE(repository->modified());
  }
  over = true;
  application.join();
  repository->commit(words("last", "op")).value();
  EXPECT_FALSE(repository->modified().value());
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
  EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0);
}

TEST_F(VcsTest, AChangeInTheVeryMomentOfAVersionIsSeen) {
  auto repository = Repository::open(folder).value();
  for (int i = 0; i < 20; ++i) {
    write("same size", std::to_string(100 + i));
    EXPECT_TRUE(repository->modified().value());
    const auto made = repository->commit(words("m", fmt::format("op{}", i))).value();
    EXPECT_FALSE(repository->modified().value());
    write("same size", std::to_string(200 + i));
    EXPECT_TRUE(repository->modified().value());
    repository->reset(made.id, words("back", fmt::format("op{}b", i))).value();
    EXPECT_EQ(read("same size"), std::to_string(100 + i));
  }
}

TEST_F(VcsTest, FilesFoldersAndSymlinksTakeEachOthersPlaces) {
  auto repository = Repository::open(folder).value();
  write("a", "1");
  write("b/c/d", "2");
  fs::create_symlink("a", folder + "/l");
  const auto one = repository->commit(words("1", "op1")).value();
  for (const char* path : {"a", "b", "l"}) fs::remove_all(folder + "/" + path);
  write("a/x", "1");
  write("l", "a");
  fs::create_symlink("a", folder + "/b");
  EXPECT_TRUE(repository->modified().value());
  const auto two = repository->commit(words("2", "op2")).value();
  EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0);
  repository->reset(one.id, words("3", "op3")).value();
  EXPECT_EQ(read("b/c/d"), "2");
  EXPECT_TRUE(fs::is_symlink(folder + "/l"));
  repository->reset(two.id, words("4", "op4")).value();
  EXPECT_EQ(read("a/x"), "1");
  EXPECT_FALSE(repository->modified().value());
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
  // Touched is not changed; another mode is.
  fs::last_write_time(folder + "/l", fs::file_time_type::clock::now());
  EXPECT_FALSE(repository->modified().value());
  ASSERT_EQ(::chmod((folder + "/l").c_str(), 0755), 0);
  EXPECT_TRUE(repository->modified().value());
}

TEST_F(VcsTest, ATrackedFileThatIsIgnoredLaterIsStillVersioned) {
  auto repository = Repository::open(folder).value();
  write("a.log", "1");
  repository->commit(words("1", "op1")).value();
  write(".gitignore", "*.log\n");
  write("a.log", "2");
  write("b.log", "never");
  EXPECT_TRUE(repository->modified().value());
  repository->commit(words("2", "op2")).value();
  EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0);
  EXPECT_EQ(git({"cat-file", "-e", "HEAD:a.log"}), 0);
  EXPECT_FALSE(repository->modified().value());
}

TEST_F(VcsTest, ADamagedObjectIsAnErrorAndNoEndlessLoop) {
  write("a", std::string(100'000, 'a'));
  Repository::open(folder).value()->commit(words("1", "op1")).value();
  for (const auto& entry : fs::recursive_directory_iterator(folder + "/.git/objects")) {
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
    if (entry.is_regular_file()) fs::resize_file(entry.path(), entry.file_size() / 2);
  }
  auto repository = Repository::open(folder).value();
  EXPECT_FALSE(repository->log(0, 1));
  EXPECT_FALSE(repository->commit(words("2", "op2")));
}

}  // namespace octo::vcs
