// SPDX-License-Identifier: MIT
// The runner with real processes: each test makes a run's folder, forks a runner into it, and reads what it
// left.
#include <sys/resource.h>

#include <csignal>

#include "runner/folder.hpp"
#include "runner/runner_testing.hpp"

namespace octo::runner {
namespace {

class SuperviseTest : public RunnerTest {};

TEST_F(SuperviseTest, ACommandsOutputAndEndAreRecorded) {
  const Ended end = end_of("echo out; echo err >&2; echo note >>$OCTOPODA_OUTPUT; exit 3");
  EXPECT_EQ(end.state, "failed");
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_FALSE(end.signal);
  EXPECT_EQ(output(1), "out\n");
  EXPECT_EQ(output(2), "err\n");
  EXPECT_EQ(output(3), "note\n");
  EXPECT_EQ(end.bytes[0], 4U);
  EXPECT_EQ(end.bytes[1], 4U);
  EXPECT_EQ(end.bytes[2], 5U);
  EXPECT_EQ(end.reason, "");
  EXPECT_GT(end.lasted, 0ns);
  EXPECT_LT(end.lasted, 2s);
  EXPECT_EQ(decode_claim(bytes_of(folder_ + "/claim")).value().by, Claim::By::runner);
}

TEST_F(SuperviseTest, APlainCommandIsExecutedWithoutAShell) {
  const Ended end = end_of("/bin/readlink /proc/self/exe");
  EXPECT_EQ(end.state, "succeeded");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(trim(output(1)), fs::canonical("/bin/readlink").string());
  EXPECT_EQ(record().started->wall, end.started);
}

TEST_F(SuperviseTest, ACommandThatIsNotThereExits127AsInAShell) {
  const Ended end = end_of("no_such_command_here -x");
  EXPECT_EQ(end.exit_code, 127);
  EXPECT_NE(output(2).find("no_such_command_here"), Bytes::npos);
}

TEST_F(SuperviseTest, AWorkingFolderThatIsNotThereIsNamed) {
  intent_.folder = "/no/such/folder";
  EXPECT_EQ(end_of("true").exit_code, 126);
  EXPECT_NE(output(2).find("/no/such/folder"), Bytes::npos);
}

TEST_F(SuperviseTest, ASignalIsNotAnExitCode) {
  const Ended end = end_of("kill -9 $$");
  EXPECT_EQ(end.state, "failed");
  EXPECT_EQ(end.signal, 9);
  EXPECT_FALSE(end.exit_code);
}

TEST_F(SuperviseTest, ACommandStartsLikeAfterALogIn) {
  const Ended end = end_of(
      "umask; cat; trap; ps -o sid= -p $$; echo $$; ls /proc/self/fd; grep -E 'Sig(Blk|Ign)' "
      "/proc/self/status");
  EXPECT_EQ(end.state, "succeeded");
  const auto lines = split(output(1), '\n');
  ASSERT_GE(lines.size(), 9U);
  EXPECT_EQ(lines[0], "0022");
  EXPECT_EQ(trim(lines[1]), lines[2]);
  EXPECT_EQ((std::vector<std::string>(lines.begin() + 3, lines.begin() + 7)),
            (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(lines[7], "SigBlk:\t0000000000000000");
  EXPECT_EQ(lines[8], "SigIgn:\t0000000000000000");
}

TEST_F(SuperviseTest, AScriptRunsByItsFirstLineOrByTheShell) {
  intent_.script = true;
  intent_.script_name = "a script.sh";
  EXPECT_EQ(end_of("#!/usr/bin/env python3\nprint('py', end='')\n").state, "succeeded");
  EXPECT_EQ(output(1), "py");
  TearDown();
  SetUp();
  intent_.script = true;
  intent_.script_name = "plain";
  EXPECT_EQ(end_of("echo ${BASH_VERSION:+bash} $0\n").state, "succeeded");
  EXPECT_EQ(output(1), "bash " + folder_ + "/script/plain\n");
}

TEST_F(SuperviseTest, AScriptWithoutItsInterpreterExits127) {
  intent_.script = true;
  intent_.script_name = "s";
  EXPECT_EQ(end_of("#!/no/such/interpreter\r\n").exit_code, 127);
  EXPECT_NE(output(2).find("interpreter"), Bytes::npos);
}

TEST_F(SuperviseTest, TheClaimIsWonOnceOnly) {
  std::ofstream(folder_ + "/claim", std::ios::binary) << encode(Claim{.by = Claim::By::agent, .pid = 1});
  const std::string witness = runs_ + "/witness";
  EXPECT_EQ(join(begin("echo ran >" + witness)), Exit::claim_lost);
  EXPECT_FALSE(fs::exists(witness));
  EXPECT_FALSE(record().started);
}

TEST_F(SuperviseTest, AClaimThatCannotBeMadeDurableIsTakenBack) {
  const std::string witness = runs_ + "/witness";
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  intent_.text = "echo ran >" + witness;
  std::ofstream(folder_ + "/intent", std::ios::binary) << encode(intent_);
  auto folder = Folder::open(folder_);
  ASSERT_TRUE(folder && folder->lock());
  const rlimit none{1, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &none);
  const auto claimed = folder->claim();
  ::setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error(), Exit::storage);
  EXPECT_FALSE(fs::exists(folder_ + "/claim")) << "proof that nothing was started";
}

TEST_F(SuperviseTest, AHeldLockKeepsASecondRunnerOut) {
  const std::string witness = runs_ + "/witness";
  const pid_t first = begin("echo ran >>" + witness + "; echo up; sleep 60");
  await(Wake::output);
  EXPECT_EQ(join(begin("echo ran >>" + witness)), Exit::claim_lost);
  ::kill(first, SIGTERM);
  EXPECT_EQ(join(first), Exit::done);
  EXPECT_EQ(bytes_of(witness), "ran\n");
}

TEST_F(SuperviseTest, ADamagedIntentStartsNothing) {
  const pid_t first = begin("true");
  EXPECT_EQ(join(first), Exit::done);
  fs::remove(folder_ + "/claim");
  Bytes bytes = bytes_of(folder_ + "/intent");
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  std::ofstream(folder_ + "/intent", std::ios::binary) << bytes;
  EXPECT_EQ(supervise(folder_), Exit::intent);
  EXPECT_FALSE(fs::exists(folder_ + "/claim"));
}

TEST_F(SuperviseTest, CancellingEndsGrandchildrenThatIgnoreItToo) {
  const pid_t runner = begin(
      "trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo $$; sleep 60; sleep 60') & sleep 60; sleep 60");
  await(Wake::output);
  const std::int64_t grandchild = parse_number(trim(output(1))).value();
  EXPECT_TRUE(alive(grandchild));
  ::kill(runner, SIGTERM);
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_EQ(record().ended->state, "cancelled");
  EXPECT_FALSE(record().ended->exit_code);
  EXPECT_GE(record().ended->lasted, 200ms);
  EXPECT_FALSE(alive(grandchild));
  EXPECT_FALSE(alive(record().started->pid));
}

TEST_F(SuperviseTest, APoliteCommandMayCleanUpWhenCancelled) {
  intent_.kill_grace = 20s;
  const pid_t runner = begin("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
  await(Wake::output);
  ::kill(runner, SIGTERM);
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_EQ(record().ended->state, "cancelled");
  EXPECT_EQ(output(1), "ready\nbye\n");
}

TEST_F(SuperviseTest, TheTimeLimitEndsTheTree) {
  intent_.limit = 100ms;
  const Ended end = end_of("sleep 60 & sleep 60");
  EXPECT_EQ(end.state, "timed_out");
  EXPECT_GE(end.lasted, 100ms);
  EXPECT_LT(end.lasted, 5s);
}

// Its own process is over at once; whoever holds its pipes is waited for, and that is no reason to be silent.
TEST_F(SuperviseTest, ACommandWhoseChildHoldsThePipeIsToldOfMeanwhile) {
  const pid_t runner = begin("sleep 60 & echo $! >&2; echo up");
  await(Wake::record);
  EXPECT_TRUE(record().started);
  EXPECT_FALSE(record().ended);
  while (output(1).empty() || output(2).empty()) await(Wake::output);
  EXPECT_FALSE(record().ended);
  ::kill(static_cast<pid_t>(parse_number(trim(output(2))).value()), SIGKILL);
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_EQ(record().ended->state, "succeeded");
}

TEST_F(SuperviseTest, ACommandThatIsOverSoonIsToldOfOnceWithItsEnd) {
  constexpr int kTries = 200;  // a busy machine may hold one up, not all
  bool once = false;
  for (int i = 0; i < kTries && !once; ++i) {
    const pid_t runner = begin("true");
    await(Wake::record);
    once = record().ended.has_value();
    EXPECT_EQ(join(runner), Exit::done);
    TearDown();
    SetUp();
  }
  EXPECT_TRUE(once);
}

TEST_F(SuperviseTest, AChildThatHoldsThePipeNeitherHangsTheRunNorDiesOfIt) {
  const pid_t runner =
      begin("(while :; do echo tick; sleep 0.05; done) & echo $! >" + runs_ + "/child; exit 0");
  await(Wake::ended);
  const Ended end = record().ended.value();
  EXPECT_EQ(end.state, "succeeded");
  EXPECT_LT(end.lasted, 1s);
  const auto child = static_cast<pid_t>(parse_number(trim(bytes_of(runs_ + "/child"))).value());
  EXPECT_TRUE(alive(child));
  const int record = ::open((folder_ + "/record").c_str(), O_RDWR);
  struct flock lock{.l_type = F_WRLCK, .l_whence = SEEK_SET};
  while (lock.l_type != F_UNLCK) {
    lock.l_type = F_WRLCK;
    ASSERT_EQ(::fcntl(record, F_GETLK, &lock), 0);
  }
  ::close(record);
  EXPECT_TRUE(alive(child)) << "it can still write";
  ::kill(child, SIGKILL);
  EXPECT_EQ(join(runner), Exit::done);
}

TEST_F(SuperviseTest, AFloodIsBoundedAndCountedToTheByte) {
  intent_.tail_bytes = 2 << 20;
  const Ended end = end_of("head -c 50000000 /dev/zero; echo last >&2");
  EXPECT_EQ(end.bytes[0], 50'000'000U);
  EXPECT_EQ(end.bytes[1], 5U);
  std::uintmax_t disk = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) disk += entry.file_size();
  EXPECT_LT(disk, 5U << 20);
  EXPECT_GE(disk, 3U << 20);
}

TEST_F(SuperviseTest, ALongLineAndBinaryBytesStayAsTheyWere) {
  const Ended end = end_of("head -c 200000 /dev/zero | tr '\\0' 'a'; printf '\\0\\377\\n'");
  EXPECT_EQ(end.bytes[0], 200'003U);
  EXPECT_EQ(output(1), Bytes(200'000, 'a') + Bytes("\0\xff\n", 3));
}

TEST_F(SuperviseTest, ANoteLongerThanItsBoundsKeepsHeadAndTail) {
  intent_.head_bytes = 1000;
  intent_.tail_bytes = 2000;
  const Ended end = end_of("head -c 500000 /dev/zero >$OCTOPODA_OUTPUT; printf end >>$OCTOPODA_OUTPUT");
  EXPECT_EQ(end.bytes[2], 500'003U);
  EXPECT_EQ(output(3).size(), 1000U);
  const Bytes tail = bytes_of(folder_ + "/note.1");
  const Piece piece = decode_piece(frame_at(tail, 0).payload).value();
  EXPECT_EQ(piece.offset, 500'003U - 2000);
  EXPECT_TRUE(piece.bytes.ends_with("end"));
}

TEST_F(SuperviseTest, AKilledRunnerLeavesItsLockOpenAndNoEnd) {
  const pid_t runner = begin("sleep 60");
  await(Wake::record);
  ::kill(runner, SIGKILL);
  int status = 0;
  ::waitpid(runner, &status, 0);
  EXPECT_TRUE(record().started);
  EXPECT_FALSE(record().ended);
  EXPECT_TRUE(alive(record().started->pid));
  ::kill(static_cast<pid_t>(record().started->pid), SIGKILL);
}

}  // namespace
}  // namespace octo::runner
