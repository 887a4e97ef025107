// SPDX-License-Identifier: MIT
#include "io/log/tail.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/log/name.hpp"

namespace octo::log {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class TailTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octo_tail_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }
  void add(const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name, std::ios::app) << text;
  }
  Tail open(std::uint64_t lines, std::optional<std::uint32_t> days = std::nullopt) {
    return Tail::open({folder, "log", lines, days, kNow}).value();
  }
  static std::vector<std::string> all(Tail& tail) {
    std::vector<std::string> lines;
    while (true) {
      auto more = tail.next().value();
      if (more.empty()) return lines;
      lines.insert(lines.end(), more.begin(), more.end());
    }
  }
  static constexpr std::time_t kNow = 1'800'000'000;
  std::string folder;
};

TEST_F(TailTest, TheLastLinesComeInOrderOverFilesAndDays) {
  const std::string today = day_of(kNow), before = day_of(kNow - 24 * 3600);
  add("log_" + before + ".log", "1\n2\n");
  add("log_" + today + ".log", "3\n4\n");
  add("log_" + today + "_2.log", "5\n");
  add("log_" + today + "_10.log", "6\n7\n");
  add("other_" + today + ".log", "x\n");
  add("log_" + today + "_x.log", "x\n");
  for (std::uint64_t count = 1; count <= 7; ++count) {
    auto tail = open(count);
    const auto lines = all(tail);
    ASSERT_EQ(lines.size(), count);
    EXPECT_EQ(lines.front(), std::to_string(8 - count));
    EXPECT_EQ(lines.back(), "7");
  }
  auto more_than_there_are = open(100);
  EXPECT_EQ(all(more_than_there_are).size(), 7U);
  auto of_today = open(100, 0);
  EXPECT_THAT(all(of_today), ElementsAre("3", "4", "5", "6", "7"));
}

TEST_F(TailTest, WhatIsWrittenLaterComesLaterAlsoInAnotherFile) {
  const std::string today = day_of(kNow);
  auto empty = open(3);
  EXPECT_THAT(all(empty), IsEmpty());
  add("log_" + today + ".log", "1\nhal");
  EXPECT_THAT(all(empty), ElementsAre("1"));
  add("log_" + today + ".log", "f\n");
  EXPECT_THAT(all(empty), ElementsAre("half"));
  add("log_" + today + "_2.log", "next\n");
  EXPECT_THAT(all(empty), ElementsAre("next"));
  auto from_now = open(0);
  EXPECT_THAT(all(from_now), IsEmpty());
  add("log_" + today + "_2.log", "new\n");
  EXPECT_THAT(all(from_now), ElementsAre("new"));
}

TEST_F(TailTest, LongLinesAndManyLinesNeedLittleMemory) {
  const std::string file = "log_" + day_of(kNow) + ".log";
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += fmt::format("line {}\n", i);
  add(file, text + std::string(300'000, 'x') + "\nlast\n");
  auto tail = open(3);
  const auto lines = all(tail);
  EXPECT_EQ(lines.front(), "line 49999");
  EXPECT_EQ(lines.back(), "last");
  std::size_t bytes = 0;
  for (const auto& line : lines) {
    EXPECT_LE(line.size(), Tail::bytes_at_once);
    bytes += line.size();
  }
  EXPECT_EQ(bytes, 10 + 300'000 + 4U);
}

TEST_F(TailTest, AFolderThatIsNotThereIsSaid) {
  EXPECT_EQ(Tail::open({folder + "/none", "log", 1, std::nullopt, kNow}).error().code(),
            ErrorCode::not_found);
}

}  // namespace
}  // namespace octo::log
