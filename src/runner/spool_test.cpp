// SPDX-License-Identifier: MIT
#include "runner/spool.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

namespace octo::runner {
namespace {

namespace fs = std::filesystem;

class SpoolTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/octo_spool_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    path_ = name;
    folder_ = ::open(name, O_RDONLY | O_DIRECTORY);
  }
  void TearDown() override {
    ::close(folder_);
    fs::remove_all(path_);
  }
  void put(Spool& spool, std::uint8_t stream, BytesView bytes) {
    std::memcpy(spool.room(), bytes.data(), bytes.size());
    spool.append(stream, bytes.size());
  }
  // All kept pieces of a stream by offset, checked to be whole.
  std::map<std::uint64_t, Bytes> kept(std::uint8_t stream) {
    std::map<std::uint64_t, Bytes> pieces;
    for (const auto& entry : fs::directory_iterator(path_)) {
      const auto name = parse_segment_name(entry.path().filename().string());
      if (!name || name->stream != stream) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const Bytes bytes{std::istreambuf_iterator<char>(file), {}};
      Frame frame = frame_at(bytes, 0);
      for (; frame.state == FrameState::whole; frame = frame_at(bytes, frame.next)) {
        const Piece piece = decode_piece(frame.payload).value();
        EXPECT_EQ(piece.stream, stream);
        pieces[piece.offset] = Bytes(piece.bytes);
      }
      EXPECT_EQ(frame.state, FrameState::none);
    }
    return pieces;
  }
  std::uintmax_t disk() {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(path_)) bytes += entry.file_size();
    return bytes;
  }
  std::string path_;
  int folder_ = -1;
};

constexpr std::uint64_t kMiB = 1024 * 1024;

TEST_F(SpoolTest, WhatIsShortIsKeptWholeInItsOrder) {
  Spool spool(folder_, kMiB, 15 * kMiB);
  put(spool, 1, "one");
  put(spool, 2, "two");
  put(spool, 1, Bytes("\0three", 6));
  EXPECT_EQ(spool.finish(), "");
  EXPECT_EQ(kept(1), (std::map<std::uint64_t, Bytes>{{0, "one"}, {3, Bytes("\0three", 6)}}));
  EXPECT_EQ(kept(2), (std::map<std::uint64_t, Bytes>{{0, "two"}}));
}

TEST_F(SpoolTest, OfAFloodHeadAndTailAreKeptAndTheDiskIsBounded) {
  Spool spool(folder_, kMiB, 3 * kMiB);
  Bytes piece(60'000, 'x');
  std::uintmax_t most = 0;
  const std::uint64_t total = 60'000 * 400;
  for (std::uint64_t i = 0; i < 400; ++i) {
    std::memcpy(piece.data(), &i, sizeof i);
    put(spool, 1, piece);
    most = std::max(most, disk());
  }
  put(spool, 2, "rare");
  EXPECT_EQ(spool.written(1), total);
  EXPECT_LT(most, 6 * kMiB);
  const auto pieces = kept(1);
  std::uint64_t end = 0, bytes = 0;
  bool gap = false;
  for (const auto& [offset, content] : pieces) {
    if (offset != end) {
      EXPECT_FALSE(gap) << "one gap only";
      EXPECT_EQ(end, kMiB);
      EXPECT_LE(offset, total - 3 * kMiB);
      gap = true;
    }
    end = offset + content.size();
    bytes += content.size();
  }
  EXPECT_TRUE(gap);
  EXPECT_EQ(end, total);
  EXPECT_GE(bytes, 4 * kMiB);
  EXPECT_EQ(kept(2).size(), 1U);
}

TEST_F(SpoolTest, TinyPiecesDoNotFillTheDisk) {
  Spool spool(folder_, 1000, 20'000);
  for (int i = 0; i < 200'000; ++i) put(spool, 1, "x");
  EXPECT_LT(disk(), 8 * 20'000);
  EXPECT_EQ(spool.written(1), 200'000U);
  EXPECT_EQ(std::prev(kept(1).end())->first, 199'999U);
}

TEST_F(SpoolTest, WhatADiskRefusesIsCountedAndWhatFollowsIsKeptAgain) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  Spool spool(folder_, kMiB, kMiB);
  put(spool, 1, "begin");
  const rlimit small{100, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);  // stands for a full disk: a write that ends short
  put(spool, 1, Bytes(500, 'y'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  put(spool, 1, "end");
  EXPECT_TRUE(spool.finish().starts_with("500 bytes of output were not kept: "));
  EXPECT_EQ(kept(1), (std::map<std::uint64_t, Bytes>{{0, "begin"}, {505, "end"}}));
  EXPECT_EQ(spool.written(1), 508U);
}

TEST_F(SpoolTest, ASyncThatFailsHidesNothingThatWasRefused) {
  Spool spool(folder_, 10, 60);
  put(spool, 1, Bytes(10, 'h'));
  put(spool, 1, "tail");
  fs::remove(path_ + "/out.0");  // what cannot be opened cannot be synced
  fs::create_directory(path_ + "/err.0");
  put(spool, 2, "lost");
  const std::string reason = spool.finish();
  EXPECT_TRUE(reason.starts_with("4 bytes of output were not kept: Is a directory; ")) << reason;
  EXPECT_NE(reason.find("the kept output may be damaged: sync: No such file"), std::string::npos) << reason;
}

}  // namespace
}  // namespace octo::runner
