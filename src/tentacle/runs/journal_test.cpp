// SPDX-License-Identifier: MIT
#include "tentacle/runs/journal.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "io/files/crash_testing.hpp"
#include "tentacle/runs/spool_reader.hpp"

namespace octo::tentacle {
namespace {

namespace fs = std::filesystem;
const RunEnd kNever{.state = RunState::expired, .reason = "it was not started"};

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/octo_journal_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
    folder_ = root_ + "/01ARZ3NDEKTSV4RRFFQ69G5FAV.0.1";
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const std::string& name, const Bytes& bytes) {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << bytes;
  }
  Bytes get(const std::string& name) {
    std::ifstream file(folder_ + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string root_, folder_;
};

TEST_F(JournalTest, AFoldersNameIsItsRunAndNothingElseIsOne) {
  const RunId id{TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 12, NodeName("pi0"), 3};
  EXPECT_EQ(parse_local_name(id.node, local_name(id)), id);
  for (const char* name : {"", "wake", "lock", "..", "01ARZ3NDEKTSV4RRFFQ69G5FAV.0",
                           "01ARZ3NDEKTSV4RRFFQ69G5FAV.0.1.2", "01ARZ3NDEKTSV4RRFFQ69G5FAV.00.1",
                           "01ARZ3NDEKTSV4RRFFQ69G5FAV.-1.1", "01ARZ3NDEKTSV4RRFFQ69G5FAV.0.4294967296",
                           "01ARZ3NDEKTSV4RRFFQ69G5FA.0.1", "01ARZ3NDEKTSV4RRFFQ69G5FAV.+1.1"}) {
    EXPECT_FALSE(parse_local_name(id.node, name)) << name;
  }
}

TEST_F(JournalTest, EveryFieldOfAnEndSurvivesTheRecord) {
  const RunEnd end{.state = RunState::failed,
                   .exit_code = 3,
                   .signal = 9,
                   .reason = "why",
                   .out_bytes = 1,
                   .err_bytes = 2,
                   .note_bytes = 3,
                   .started = WallTime(5s),
                   .lasted = 6ms,
                   .version = "abc"};
  EXPECT_EQ(end_of(ended_of(end)).value(), end);
  EXPECT_EQ(end_of({.state = "running"}).error().code(), ErrorCode::corrupt);
}

TEST_F(JournalTest, ARunIsCreatedOnce) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  EXPECT_EQ(create_run(folder_, {.run = "x"}).error().code(), ErrorCode::conflict);
  EXPECT_FALSE(load_run(folder_).value().end);
  EXPECT_FALSE(lock_holder(folder_).value());
}

TEST_F(JournalTest, NothingIsLeftOfARunThatCouldNotBeCreated) {
  EXPECT_FALSE(create_run(root_ + "/no/such/place", {.run = "x"}));
  EXPECT_FALSE(fs::exists(root_ + "/no"));
}

TEST_F(JournalTest, AnUnclaimedRunIsSettledAsNeverStartedAndStaysSo) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  EXPECT_EQ(settle(folder_, kNever).value(), kNever);
  EXPECT_EQ(settle(folder_, {.state = RunState::cancelled}).value(), kNever);
  EXPECT_EQ(load_run(folder_).value().end, kNever);
}

TEST_F(JournalTest, OnlyAClaimThatWasNeverDurableProvesThatNothingStarted) {
  const runner::Claim claim{.by = runner::Claim::By::runner, .pid = 4711, .boot = "another boot"};
  const Bytes whole = runner::encode(claim);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    fs::remove_all(folder_);
    ASSERT_TRUE(create_run(folder_, {.run = "x"}));
    put(runner::kClaimFile, whole.substr(0, size));
    EXPECT_EQ(settle(folder_, kNever).value().state,
              size == whole.size() ? RunState::interrupted : RunState::expired)
        << size;
  }
  fs::remove_all(folder_);
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  Bytes damaged = whole;
  damaged.back() ^= 1;
  put(runner::kClaimFile, damaged);
  EXPECT_EQ(settle(folder_, kNever).value().state, RunState::interrupted)
      << "whole, but wrong: it cannot be told";
}

// The runner of a test: a process that holds the lock, and does what it is told when it is let go.
class Holder {
 public:
  Holder(const std::string& record, std::function<void()> last) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    EXPECT_EQ(::pipe(go_), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(go_[1]);
      const int fd = ::open(record.c_str(), O_RDWR | O_CREAT, 0600);
      struct flock whole{};
      whole.l_type = F_WRLCK;
      whole.l_whence = SEEK_SET;
      char byte = 0;
      if (::fcntl(fd, F_SETLK, &whole) != 0 || ::write(ready[1], "", 1) != 1) ::_exit(1);
      (void)!::read(go_[0], &byte, 1);
      last();
      ::_exit(0);
    }
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    for (const int fd : {ready[0], ready[1], go_[0]}) ::close(fd);
  }
  ~Holder() { let_go(); }
  void let_go() {
    if (pid_ == 0) return;
    ::close(go_[1]);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  int go_[2];
  pid_t pid_ = 0;
};

// Between making its claim and writing it a runner may be slow: the claim is empty then, as a power cut
// leaves it.
TEST_F(JournalTest, AClaimThatIsBeingWrittenIsNoneThatWasNeverDurable) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  Holder runner(folder_ + "/" + runner::kRecordFile, [] {});
  put(runner::kClaimFile, "");
  EXPECT_EQ(settle(folder_, kNever).error().code(), ErrorCode::conflict);
  EXPECT_EQ(get(runner::kClaimFile), "");
  EXPECT_FALSE(load_run(folder_).value().end);
  runner.let_go();
  EXPECT_EQ(settle(folder_, kNever).value(), kNever);
}

TEST_F(JournalTest, ARunnerThatLivesHasItsClaimBeforeIt) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  Holder runner(folder_ + "/" + runner::kRecordFile, [] {});
  EXPECT_EQ(settle(folder_, kNever).error().code(), ErrorCode::conflict);
  EXPECT_FALSE(fs::exists(folder_ + "/claim"));
}

TEST_F(JournalTest, WhetherARunnerLivesIsNotKnownWithoutADescriptor) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  Holder runner(folder_ + "/" + runner::kRecordFile, [] {});
  EXPECT_TRUE(lock_holder(folder_).value());
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const auto unknown = lock_holder(folder_);
  const auto settled = settle(folder_, kNever);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(unknown);
  EXPECT_FALSE(settled);
  EXPECT_FALSE(load_run(folder_).value().end);
}

TEST_F(JournalTest, AnEndIsWrittenBehindTheLastWholeFrame) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  const Bytes started = runner::encode(runner::Started{.pid = 1, .ticks = 2, .wall = WallTime(5s)});
  const Bytes torn = runner::encode(ended_of({.state = RunState::succeeded, .exit_code = 0}));
  put(runner::kClaimFile, runner::encode(runner::Claim{.pid = 1, .boot = "another boot"}));
  for (std::size_t size = 0; size < torn.size(); ++size) {
    put(runner::kRecordFile, started + torn.substr(0, size));
    const RunEnd end = settle(folder_, kNever).value();
    EXPECT_EQ(end.state, RunState::interrupted) << "a torn end was never durable";
    EXPECT_EQ(end.started, WallTime(5s));
    EXPECT_EQ(load_run(folder_).value().end, end);
  }
}

TEST_F(JournalTest, WhatTheRecordSaysIsNotDecidedAgain) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  const RunEnd end{.state = RunState::succeeded, .exit_code = 0};
  put(runner::kRecordFile, runner::encode(ended_of(end)));
  EXPECT_EQ(settle(folder_, kNever).value(), end);
  EXPECT_FALSE(fs::exists(folder_ + "/claim"));
}

// A runner that could not make its claim durable has made nothing durable, and may have written an end.
TEST_F(JournalTest, WhatIsSettledIsDurableWithItsFolderBeforeAnybodyIsTold) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  for (const bool ended : {true, false}) {
    fs::remove(folder_ + "/claim");
    put(runner::kRecordFile, ended ? runner::encode(ended_of(kNever)) : Bytes());
    const auto synced = files::synced_by([&] { (void)settle(folder_, kNever); });
    EXPECT_THAT(synced, testing::IsSupersetOf({folder_ + "/record", folder_, root_})) << ended;
    EXPECT_EQ(load_run(folder_).value().end, kNever) << "or nothing was settled";
  }
}

TEST_F(JournalTest, ADamagedRecordIsSetAside) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  Bytes record = runner::encode(runner::Started{.pid = 1}) + runner::encode(ended_of(kNever));
  record[9] ^= 1;
  put(runner::kRecordFile, record);
  put(runner::kClaimFile, runner::encode(runner::Claim{.pid = 1, .boot = "another boot"}));
  EXPECT_EQ(load_run(folder_).error().code(), ErrorCode::corrupt);
  EXPECT_EQ(settle(folder_, kNever).value().state, RunState::interrupted);
  ASSERT_TRUE(make_tombstone(folder_));
  EXPECT_EQ(get("record.damaged"), record);
  EXPECT_EQ(load_run(folder_).value().end->state, RunState::interrupted);
}

TEST_F(JournalTest, OutputEndsWhereItsLastPieceDoesAlsoIfTheNewestSegmentIsEmpty) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  constexpr std::size_t kHeads = runner::kFrameHeadBytes + runner::kPieceHeadBytes;
  Bytes piece(kHeads, '\0');
  piece += "some output";
  runner::seal_piece(piece.data(), {.stream = 1, .offset = 100, .bytes = BytesView(piece).substr(kHeads)});
  put(runner::segment_name(1, 0), piece);
  put(runner::segment_name(1, 1), "");
  EXPECT_EQ(output_ends(folder_), (OutputMark{111, 0, 0}));
}

TEST_F(JournalTest, ATombstoneHasNothingButItsRecordHoweverFarItsMakingCame) {
  for (const char* gone : {"", "note", "out.0"}) {
    fs::remove_all(folder_);
    ASSERT_TRUE(create_run(folder_, {.run = "x"}));
    ASSERT_TRUE(settle(folder_, kNever));
    put("note", "");
    put("out.0", "");
    fs::rename(folder_ + "/intent", folder_ + "/acked");
    // In the order of their names, and the mark is emptied last: it is what the next start goes by.
    for (const char* name : {"", "note", "out.0"}) {
      if (*name != '\0') fs::remove(folder_ + "/" + name);
      if (std::string_view(name) == gone) break;
    }
    EXPECT_TRUE(load_run(folder_)->acknowledged);
    EXPECT_FALSE(is_tombstone(folder_)) << gone;
    ASSERT_TRUE(make_tombstone(folder_));
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(folder_)) left.insert(entry.path().filename());
    EXPECT_EQ(left, (std::set<std::string>{"acked", "claim", "record"})) << gone;
    EXPECT_EQ(get("acked"), "") << "what was run is nobody's business any more";
    EXPECT_TRUE(is_tombstone(folder_));
  }
}

TEST_F(JournalTest, TheTombstoneOfADeedNeedsNoIntent) {
  ASSERT_TRUE(create_deed(folder_, kNever));
  EXPECT_FALSE(load_run(folder_)->acknowledged);
  ASSERT_TRUE(make_tombstone(folder_));
  EXPECT_TRUE(load_run(folder_)->acknowledged);
  EXPECT_TRUE(is_tombstone(folder_));
}

TEST_F(JournalTest, DroppedOutputIsGoneAndTheEndStays) {
  ASSERT_TRUE(create_run(folder_, {.run = "x"}));
  put(runner::kRecordFile, runner::encode(ended_of(kNever)));
  put(runner::segment_name(1, 0), "12345");
  put(runner::segment_name(2, 3), "678");
  EXPECT_EQ(output_bytes(folder_), 8U);
  drop_output(folder_);
  EXPECT_EQ(output_bytes(folder_), 0U);
  EXPECT_EQ(load_run(folder_).value().end, kNever);
}

}  // namespace
}  // namespace octo::tentacle
