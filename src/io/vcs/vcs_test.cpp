// SPDX-License-Identifier: MIT
#include "io/vcs/vcs.hpp"

#include <atomic>
#include <thread>

#include "io/vcs/vcs_testing.hpp"

namespace octo::vcs {

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

TEST_F(VcsTest, AVersionIsMadeAgainOnTopOfALaterOne) {
  auto repository = Repository::open(folder).value();
  write("a", "1");
  const auto a = repository->commit(words("A", "op1")).value();
  write("a", "2");
  write("b", "only in B");
  const auto b = repository->commit(words("B", "op2")).value();
  write("a", "1");
  fs::remove(folder + "/b");
  const auto back = repository->commit_again(a.id, words("back", "op3")).value();
  EXPECT_EQ(back.operation, "op3");
  EXPECT_EQ(repository->count().value(), 3U);
  EXPECT_FALSE(repository->modified().value());
  EXPECT_EQ(git({"diff", "--quiet", a.id, "HEAD"}), 0);
  EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0);
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
  EXPECT_EQ(repository->log(1, 1).value().at(0).id, b.id);
}

// The files are there by then, and a version that cannot be made would stop all that comes after.
TEST_F(VcsTest, AVersionIsMadeAgainWhateverElseCameIntoTheFolder) {
  auto repository = Repository::open(folder).value();
  write("a", "1");
  const auto a = repository->commit(words("A", "op1")).value();
  write("sub/.git/HEAD", "a repository that no version may hold");
  EXPECT_FALSE(repository->commit(words("B", "op2")));
  EXPECT_TRUE(repository->commit_again(a.id, words("back", "op3")));
}

TEST_F(VcsTest, WhatAVersionHoldsIsListedAndRead) {
  auto repository = Repository::open(folder).value();
  write("sub/a", "1");
  write("sub.b", "2");
  std::string big;
  for (int i = 0; big.size() < 5'000'000; ++i) big += std::to_string(i);
  write("big", big);
  ASSERT_EQ(::chmod((folder + "/sub/a").c_str(), 0755), 0);
  fs::create_symlink("sub/a", folder + "/link");
  const auto made = repository->commit(words("m", "op1")).value();
  const auto files = repository->files(made.id).value();
  std::vector<std::string> paths;
  for (const VersionedFile& file : files) paths.push_back(file.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"big", "link", "sub.b", "sub/a"}));
  EXPECT_EQ(files[1].kind, VersionedFile::Kind::symlink);
  EXPECT_EQ(files[2].kind, VersionedFile::Kind::file);
  EXPECT_EQ(files[3].kind, VersionedFile::Kind::executable);
  const auto read_back = [&](const VersionedFile& file) {
    std::string text;
    EXPECT_TRUE(repository->read(file.blob, [&](BytesView part) -> Result<void> {
      text += part;
      return {};
    }));
    return text;
  };
  EXPECT_EQ(read_back(files[0]), big) << "in parts";
  EXPECT_EQ(read_back(files[1]), "sub/a");
  EXPECT_EQ(read_back(files[2]), "2");
  const int open = ::open((folder + "/big").c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_TRUE(repository->holds(open, files[0].blob).value());
  EXPECT_FALSE(repository->holds(open, files[2].blob).value());
  ::close(open);
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
  EXPECT_EQ(repository->files(std::string(40, 'a')).error().code(), ErrorCode::not_found);
  EXPECT_EQ(repository->commit_again(std::string(40, 'a'), words("m", "")).error().code(),
            ErrorCode::not_found);
  EXPECT_EQ(repository->files("abc").error().code(), ErrorCode::invalid_argument);
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
    repository->commit(words("m", fmt::format("op{}", i))).value();
    EXPECT_FALSE(repository->modified().value());
    write("same size", std::to_string(200 + i));
    EXPECT_TRUE(repository->modified().value());
  }
}

TEST_F(VcsTest, FilesFoldersAndSymlinksTakeEachOthersPlaces) {
  auto repository = Repository::open(folder).value();
  write("a", "1");
  write("b/c/d", "2");
  fs::create_symlink("a", folder + "/l");
  repository->commit(words("1", "op1")).value();
  for (const char* path : {"a", "b", "l"}) fs::remove_all(folder + "/" + path);
  write("a/x", "1");
  write("l", "a");
  fs::create_symlink("a", folder + "/b");
  EXPECT_TRUE(repository->modified().value());
  repository->commit(words("2", "op2")).value();
  EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0);
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
