// SPDX-License-Identifier: MIT
// For tests of this room: a run's folder, a runner forked into it, and what it left.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "runner/folder.hpp"
#include "runner/supervise.hpp"
#include "runner/tree.hpp"

namespace octo::runner {

namespace fs = std::filesystem;
inline constexpr const char* kRun = "01ARZ3NDEKTSV4RRFFQ69G5FAV.0.1";

inline Bytes bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool alive(std::int64_t pid) {
  const auto facts = process_facts(static_cast<pid_t>(pid));
  return facts && !facts->dead();
}

// Its first; 0: none yet.
inline pid_t child_of(pid_t process) {
  return std::atoi(bytes_of(fmt::format("/proc/{0}/task/{0}/children", process)).c_str());
}

class RunnerTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/octo_supervise_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    runs_ = name;
    folder_ = runs_ + "/" + kRun;
    fs::create_directory(folder_);
    ASSERT_EQ(::mkfifo((runs_ + "/wake").c_str(), 0600), 0);
    wake_ = ::open((runs_ + "/wake").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    intent_ = {.run = kRun,
               .node = "pi0",
               .folder = "/tmp",
               .kill_grace = 200ms,
               .head_bytes = 1 << 20,
               .tail_bytes = 15 << 20};
    intent_.environment = {{"PATH", "/usr/bin:/bin"}, {"OCTOPODA_OUTPUT", folder_ + "/note"}};
  }
  void TearDown() override {
    ::close(wake_);
    fs::remove_all(runs_);
  }
  pid_t begin(std::string text) {
    intent_.text = std::move(text);
    std::ofstream(folder_ + "/intent", std::ios::binary) << encode(intent_);
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(wake_);
      ::_exit(prepare_runner() ? static_cast<int>(supervise(folder_)) : -1);
    }
    return pid;
  }
  // In its process, before it is the runner.
  virtual bool prepare_runner() { return true; }
  static Exit join(pid_t runner) {
    int status = 0;
    EXPECT_EQ(::waitpid(runner, &status, 0), runner);
    return WIFEXITED(status) ? static_cast<Exit>(WEXITSTATUS(status)) : Exit::usage;
  }
  Record record() { return decode_record(bytes_of(folder_ + "/record")).value(); }
  Ended end_of(std::string text) {
    EXPECT_EQ(join(begin(std::move(text))), Exit::done);
    return record().ended.value();
  }
  Bytes output(std::uint8_t stream) {
    Bytes out;
    const Bytes file = bytes_of(folder_ + "/" + segment_name(stream, 0));
    for (Frame frame = frame_at(file, 0); frame.state == FrameState::whole;
         frame = frame_at(file, frame.next)) {
      out += decode_piece(frame.payload).value().bytes;
    }
    return out;
  }
  // Until the runner says so, by its own FIFO.
  void await(Wake wake) {
    while (true) {
      pollfd ready{wake_, POLLIN, 0};
      ASSERT_EQ(::poll(&ready, 1, 10'000), 1) << "no word of the runner";
      char message[kWakeBytes];
      ASSERT_EQ(::read(wake_, message, sizeof message), static_cast<ssize_t>(kWakeBytes));
      ASSERT_STREQ(message + 1, kRun);
      if (message[0] == static_cast<char>(wake)) return;
    }
  }
  // Somebody holds the record's lock.
  bool is_locked() {
    const int fd = ::open((folder_ + "/record").c_str(), O_RDWR | O_CLOEXEC);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    const bool locked = fd >= 0 && ::fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    if (fd >= 0) ::close(fd);
    return locked;
  }
  std::string runs_, folder_;
  int wake_ = -1;
  Intent intent_;
};

}  // namespace octo::runner
