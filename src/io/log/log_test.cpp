// SPDX-License-Identifier: MIT
#include "io/log/log.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace octo::log {

namespace fs = std::filesystem;

class Log : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octopoda-log.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override {
    (void)open(To{});
    fs::remove_all(folder);
  }
  std::string text() const {
    std::string all;
    for (const auto& entry : fs::directory_iterator(folder)) {
      std::ifstream in(entry.path());
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }
  std::string folder;
};

TEST_F(Log, ALineIsOneLineWhateverAPeerPutInIt) {
  ASSERT_TRUE(open(To{folder, "log", 3, false, "test"}));
  info("hello {}", "evil\n2026-01-01 E forged\x1b[31m");
  const std::string all = text();
  EXPECT_EQ(std::ranges::count(all, '\n'), 1);
  EXPECT_NE(all.find("hello evil\\x0a2026"), std::string::npos);
  EXPECT_EQ(all.find('\x1b'), std::string::npos);
}

TEST_F(Log, OldFilesGoAtStartAndOthersStay) {
  std::ofstream(folder + "/log_2020_01_01.log") << "old";
  std::ofstream(folder + "/other_2020_01_01.log") << "not ours";
  std::ofstream(folder + "/log_notes.log") << "no day";
  ASSERT_TRUE(open(To{folder, "log", 3, false, "test"}));
  EXPECT_FALSE(fs::exists(folder + "/log_2020_01_01.log"));
  EXPECT_TRUE(fs::exists(folder + "/other_2020_01_01.log"));
  EXPECT_TRUE(fs::exists(folder + "/log_notes.log"));
}

TEST_F(Log, AFolderThatCannotBeMadeIsSaid) {
  const auto opened = open(To{"/proc/none/log", "log", 3, false, "test"});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("/proc/none/log"), std::string::npos);
}

}  // namespace octo::log
