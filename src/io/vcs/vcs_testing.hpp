// SPDX-License-Identifier: MIT
// For tests of this room: a folder of its own, and the stock git.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "io/vcs/vcs.hpp"

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

}  // namespace octo::vcs
