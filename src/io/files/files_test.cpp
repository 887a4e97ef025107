// SPDX-License-Identifier: MIT
#include "io/files/files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "io/crypto/crypto.hpp"

namespace octo::files {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octopoda-files.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }
  std::string at(const std::string& name) const { return folder + "/" + name; }
  std::string folder;
};

TEST_F(FilesTest, ASavedFileIsWholeOfItsModeAndAlone) {
  ASSERT_TRUE(save(at("a"), "old"));
  ASSERT_TRUE(save(at("a"), "new", 0640));
  EXPECT_EQ(load(at("a"), 100).value(), "new");
  struct stat facts{};
  ASSERT_EQ(::stat(at("a").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0640U);
  EXPECT_EQ(list(folder).value(), std::vector<std::string>{"a"}) << "no temp file stays";
}

TEST_F(FilesTest, TempFilesOfTheDeadGoAndNothingElse) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const std::string dead = fmt::format("my.file.{}.3.tmp", child);
  const std::string living = fmt::format("my.file.{}.1.tmp", ::getppid());
  for (const std::string& name :
       {dead, living, std::string("a.tmp"), std::string("a.b.c.tmp"), std::string("1.2")})
    ASSERT_TRUE(save(at(name), ""));
  EXPECT_TRUE(remove_temps(folder, Others::may_save));
  EXPECT_EQ(list(folder).value(), (std::vector<std::string>{"1.2", "a.b.c.tmp", "a.tmp", living}));
  EXPECT_TRUE(remove_temps(folder, Others::never));
  EXPECT_EQ(list(folder).value(), (std::vector<std::string>{"1.2", "a.b.c.tmp", "a.tmp"}));
  EXPECT_FALSE(remove_temps(at("absent"), Others::never));
}

TEST_F(FilesTest, SaveNewNeverReplaces) {
  ASSERT_TRUE(save_new(at("a"), "first"));
  const auto again = save_new(at("a"), "second");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::conflict);
  EXPECT_EQ(load(at("a"), 100).value(), "first");
  EXPECT_EQ(list(folder).value().size(), 1U);
}

TEST_F(FilesTest, WhatIsTooLargeOrNoFileIsNotLoaded) {
  ASSERT_TRUE(save(at("a"), std::string(101, 'x')));
  EXPECT_EQ(load(at("a"), 100).error().code(), ErrorCode::too_large);
  EXPECT_EQ(load(folder, 100).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(load(at("none"), 100).error().code(), ErrorCode::not_found);
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_EQ(load(at("pipe"), 100).error().code(), ErrorCode::invalid_argument);
}

TEST_F(FilesTest, FoldersAreMadeToTheirRootAndAFileInTheWayIsSaid) {
  ASSERT_TRUE(make_folders(at("a/b/c/")));
  EXPECT_TRUE(fs::is_directory(at("a/b/c")));
  ASSERT_TRUE(make_folders(at("a/b/c")));
  ASSERT_TRUE(save(at("file"), ""));
  EXPECT_FALSE(make_folders(at("file")));
  EXPECT_FALSE(make_folders(at("file/below")));
}

TEST_F(FilesTest, RemovingATreeFollowsNoSymlink) {
  ASSERT_TRUE(make_folders(at("keep")));
  ASSERT_TRUE(save(at("keep/file"), "x"));
  ASSERT_TRUE(make_folders(at("tree")));
  fs::create_symlink(at("keep"), at("tree/link"));
  ASSERT_TRUE(remove_tree(at("tree")));
  EXPECT_TRUE(exists(at("keep/file")));
  EXPECT_TRUE(remove_tree(at("tree"))) << "absent is fine";
}

TEST_F(FilesTest, AFolderIsLockedByOne) {
  auto lock = FolderLock::take(folder);
  ASSERT_TRUE(lock);
  EXPECT_EQ(FolderLock::take(folder).error().code(), ErrorCode::conflict);
  {
    const FolderLock moved = std::move(*lock);
  }
  EXPECT_TRUE(FolderLock::take(folder));
}

TEST_F(FilesTest, ChunksAreVerifiedWhenPutAndWhenGot) {
  auto store = ChunkStore::open(at("chunks")).value();
  const Sha256 hash = crypto::sha256("hello");
  EXPECT_EQ(store.put(hash, "other").error().code(), ErrorCode::invalid_argument);
  EXPECT_FALSE(store.has(hash));
  ASSERT_TRUE(store.put(hash, "hello"));
  ASSERT_TRUE(store.put(hash, "hello"));
  ASSERT_TRUE(store.sync());
  EXPECT_EQ(store.get(hash).value(), "hello");
  const std::string hex = print_hex(hash);
  std::ofstream(at("chunks/" + hex.substr(0, 2) + "/" + hex.substr(2))) << "torn";
  EXPECT_EQ(store.get(hash).error().code(), ErrorCode::corrupt);
  EXPECT_FALSE(store.has(hash)) << "so that it is sent again";
}

}  // namespace octo::files
