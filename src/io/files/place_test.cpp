// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "io/files/crash_testing.hpp"
#include "io/files/files.hpp"
#include "io/files/switch.hpp"

namespace octo::files {

namespace fs = std::filesystem;

const std::vector<std::string> kOnlyOwned = {"owned"};

class PlaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // In memory where possible: killed a hundred times, a test need not wait for a disk.
    std::string name =
        fs::exists("/dev/shm") ? "/dev/shm/octopoda-place.XXXXXX" : "/tmp/octopoda-place.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    for (const char* part : {"/source", "/root", "/staging"}) fs::create_directory(folder + part);
  }
  void TearDown() override { fs::remove_all(folder); }
  void write(const std::string& path, const std::string& text, unsigned mode = 0644) {
    fs::create_directories(fs::path(folder + "/" + path).parent_path());
    std::ofstream(folder + "/" + path, std::ios::binary) << text;
    ASSERT_EQ(::chmod((folder + "/" + path).c_str(), mode), 0);
  }
  std::string read(const std::string& path) const {
    const auto bytes = load(folder + "/" + path, 1 << 24);
    return bytes ? *bytes : "(none)";
  }
  Result<Manifest> scan_source() {
    return scan({folder + "/source", nullptr, [this](const Chunk& chunk, BytesView bytes) -> Result<void> {
                   chunks[chunk.hash] = bytes;
                   return {};
                 }});
  }
  Result<void> put(const Manifest& manifest) {
    ChunkContents contents([this](const Chunk& chunk) -> Result<Bytes> {
      if (!chunks.contains(chunk.hash)) return fail(ErrorCode::unavailable, "no chunk");
      return chunks[chunk.hash];
    });
    return place({folder + "/root", folder + "/staging", &manifest, &contents});
  }
  std::string folder;
  std::map<Sha256, Bytes> chunks;
};

TEST_F(PlaceTest, ATreeArrivesAsItIs) {
  write("source/a/script.sh", "#!/bin/sh\n", 0755);
  write("source/a/big", std::string(900'000, 'b') + "end");
  write("source/empty", "");
  write("source/name with\nnewline $(x)", "odd", 0600);
  fs::create_symlink("a/script.sh", folder + "/source/link");
  fs::create_directory(folder + "/source/empty folder");
  const Manifest manifest = scan_source().value();
  ASSERT_TRUE(put(manifest));
  const Manifest arrived = scan({folder + "/root", nullptr, nullptr}).value();
  EXPECT_EQ(arrived, manifest);
  EXPECT_EQ(list(folder + "/staging").value(), kOnlyOwned);
}

TEST_F(PlaceTest, WhatTheOneBeforeOwnedGoesAndTheRestStays) {
  write("source/old", "1");
  write("source/gone/deep/file", "1");
  write("source/changed", "1");
  const Manifest before = scan_source().value();
  ASSERT_TRUE(put(before));
  write("root/made-by-script", "mine");
  write("root/gone/made-by-script", "mine too");
  fs::remove_all(folder + "/source/gone");
  fs::remove(folder + "/source/old");
  write("source/changed", "2", 0755);
  const Manifest after = scan_source().value();
  ASSERT_TRUE(put(after));
  EXPECT_EQ(read("root/changed"), "2");
  EXPECT_EQ(read("root/old"), "(none)");
  EXPECT_EQ(read("root/gone/deep/file"), "(none)");
  EXPECT_FALSE(fs::exists(folder + "/root/gone/deep"));
  EXPECT_EQ(read("root/made-by-script"), "mine");
  EXPECT_EQ(read("root/gone/made-by-script"), "mine too");
}

TEST_F(PlaceTest, AFileBecomesAFolderAndAFolderAFile) {
  write("source/x", "file");
  write("source/y/inside", "file");
  const Manifest before = scan_source().value();
  ASSERT_TRUE(put(before));
  fs::remove(folder + "/source/x");
  fs::remove_all(folder + "/source/y");
  write("source/x/inside", "now a folder");
  write("source/y", "now a file");
  const Manifest after = scan_source().value();
  const auto done = put(after);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(read("root/x/inside"), "now a folder");
  EXPECT_EQ(read("root/y"), "now a file");
}

TEST_F(PlaceTest, WhatIsNotOursIsNeverReplacedByAnotherKind) {
  write("root/x/precious", "made by a script");
  write("source/x", "a file");
  write("source/other", "1");
  const Manifest manifest = scan_source().value();
  const auto done = put(manifest);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::conflict);
  EXPECT_EQ(read("root/x/precious"), "made by a script");
  EXPECT_EQ(read("root/other"), "(none)") << "nothing is half done";
}

TEST_F(PlaceTest, ASymlinkInTheRootLeadsNowhere) {
  fs::create_directory(folder + "/outside");
  fs::create_directory_symlink(folder + "/outside", folder + "/root/a");
  write("source/a/file", "x");
  const Manifest manifest = scan_source().value();
  EXPECT_FALSE(put(manifest));
  EXPECT_TRUE(fs::is_empty(folder + "/outside"));
}

TEST_F(PlaceTest, AMissingChunkLeavesTheOldTree) {
  write("source/a", "1");
  const Manifest before = scan_source().value();
  ASSERT_TRUE(put(before));
  write("source/a", "2");
  write("source/b", "3");
  const Manifest after = scan_source().value();
  chunks.erase(after.entries.back().chunks.front().hash);
  EXPECT_FALSE(put(after));
  EXPECT_EQ(read("root/a"), "1");
  EXPECT_EQ(read("root/b"), "(none)");
  EXPECT_EQ(list(folder + "/staging").value(), kOnlyOwned);
}

TEST_F(PlaceTest, ASwitchThatACrashInterruptedIsFinished) {
  write("source/kept", "kept");
  ASSERT_TRUE(save(next_manifest(folder + "/staging"), encode(scan_source().value())));
  write("root/old", "old");
  write("root/kept", "kept");
  write("staging/new/2", "new");  // number 3 was moved before the crash
  write("root/sub/second", "moved");
  ASSERT_TRUE(save(switch_record(folder + "/staging"),
                   encode(std::vector<SwitchStep>{{SwitchStep::Kind::remove, "old", 0, 0},
                                                  {SwitchStep::Kind::folder, "sub", 0750, 0},
                                                  {SwitchStep::Kind::move, "sub/first", 0, 2},
                                                  {SwitchStep::Kind::move, "sub/second", 0, 3}})));
  for (int again = 0; again < 2; ++again) ASSERT_TRUE(finish_switch(folder + "/root", folder + "/staging"));
  EXPECT_EQ(read("root/old"), "(none)");
  EXPECT_EQ(read("root/kept"), "kept");
  EXPECT_EQ(read("root/sub/first"), "new");
  EXPECT_EQ(read("root/sub/second"), "moved");
  EXPECT_EQ(placed(folder + "/staging").value(), scan_source().value());
  EXPECT_EQ(list(folder + "/staging").value(), kOnlyOwned);
}

// Every kind of step, killed at every call: what is there then is the old tree, or becomes the new one.
TEST_F(PlaceTest, ATreeIsOldOrNewWhereverACrashComes) {
  write("source/changed", "1");
  write("source/gone/deep/file", "1");
  write("source/file to folder", "1");
  write("source/folder to file/inside/deep", "1");
  fs::create_symlink("changed", folder + "/source/link");
  const Manifest before = scan_source().value();
  fs::rename(folder + "/source", folder + "/before");
  write("source/changed", "2", 0600);
  write("source/file to folder/inside", "2");
  write("source/folder to file", "2");
  write("source/link", "2");
  fs::create_directory(folder + "/source/empty");
  const Manifest after = scan_source().value();
  unsigned finished = 0;
  for (unsigned nth = 0;; ++nth) {
    for (const char* part : {"/root", "/staging"}) fs::remove_all(folder + part);
    ASSERT_TRUE(put(before));
    const bool killed = killed_at(nth, [&] { (void)put(after); });
    const bool begun = unfinished(folder + "/staging") || placed(folder + "/staging").value() == after;
    ASSERT_TRUE(finish_switch(folder + "/root", folder + "/staging")) << nth;
    ASSERT_EQ(scan({folder + "/root", nullptr, nullptr}).value(), begun ? after : before) << nth;
    ASSERT_EQ(placed(folder + "/staging").value(), begun ? after : before) << nth;
    ASSERT_EQ(list(folder + "/staging").value(), kOnlyOwned) << nth;
    if (!killed) break;
    finished += begun ? 1 : 0;
  }
  EXPECT_GT(finished, 10U);
}

TEST_F(PlaceTest, ANoteIsThereWhenTheSwitchIsDoneAndNoSooner) {
  write("source/a", "1");
  Manifest manifest = scan_source().value();
  ChunkContents contents([this](const Chunk& chunk) -> Result<Bytes> { return chunks.at(chunk.hash); });
  const std::string staging = folder + "/staging";
  bool seen = false;
  for (unsigned nth = 0;; ++nth) {
    for (const char* part : {"/root", "/staging"}) fs::remove_all(folder + part);
    const bool killed = killed_at(nth, [&] {
      (void)place({.root = folder + "/root",
                   .staging = staging,
                   .manifest = &manifest,
                   .contents = &contents,
                   .note = "what to do then"});
    });
    ASSERT_TRUE(finish_switch(folder + "/root", staging));
    ASSERT_EQ(exists(switch_note(staging)), exists(folder + "/root/a")) << nth;
    seen = exists(switch_note(staging));
    if (!killed) break;
  }
  ASSERT_TRUE(seen);
  EXPECT_EQ(load(switch_note(staging), 100).value(), "what to do then");
}

TEST_F(PlaceTest, StrangersAreReplacedOrRefusedAsAsked) {
  write("source/a", "new");
  const Manifest manifest = scan_source().value();
  ChunkContents contents([this](const Chunk& chunk) -> Result<Bytes> { return chunks.at(chunk.hash); });
  write("root/a", "a stranger");
  Placement placement{.root = folder + "/root",
                      .staging = folder + "/staging",
                      .manifest = &manifest,
                      .contents = &contents,
                      .strangers = Strangers::refused};
  EXPECT_EQ(place(placement).error().code(), ErrorCode::conflict);
  EXPECT_EQ(read("root/a"), "a stranger");
  EXPECT_TRUE(list(folder + "/staging").value().empty());
  placement.replaces = &manifest;
  ASSERT_TRUE(place(placement));
  EXPECT_EQ(read("root/a"), "new");
}

// More files than are synced one by one.
TEST_F(PlaceTest, ManyFilesInManyFoldersArrive) {
  for (int i = 0; i < 300; ++i) write(fmt::format("source/{}/file", i), std::to_string(i));
  const Manifest many = scan_source().value();
  ASSERT_TRUE(put(many));
  EXPECT_EQ(scan({folder + "/root", nullptr, nullptr}).value(), many);
}

TEST_F(PlaceTest, ADamagedRecordIsReported) {
  ASSERT_TRUE(save(switch_record(folder + "/staging"), "octsw1\nnonsense"));
  const auto done = finish_switch(folder + "/root", folder + "/staging");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::corrupt);
}

TEST_F(PlaceTest, WhatMustNotTravelIsRefusedByPath) {
  write("source/sub/su", "x", 04755);
  auto refused = scan_source();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("sub/su"), std::string::npos);
  fs::remove(folder + "/source/sub/su");
  ASSERT_EQ(::mkfifo((folder + "/source/sub/pipe").c_str(), 0600), 0);
  EXPECT_NE(scan_source().error().message().find("sub/pipe"), std::string::npos);
  fs::remove(folder + "/source/sub/pipe");
  write("source/sub/.git/config", "x");
  EXPECT_NE(scan_source().error().message().find("sub/.git"), std::string::npos);
  fs::remove_all(folder + "/source/sub/.git");
  fs::create_symlink("../../etc/passwd", folder + "/source/sub/up");
  EXPECT_NE(scan_source().error().message().find("sub/up"), std::string::npos);
}

}  // namespace octo::files
