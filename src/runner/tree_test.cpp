// SPDX-License-Identifier: MIT
// Trees of real processes that do not want to end. Each of them is bounded by itself: so many, for so long.
#include "runner/runner_testing.hpp"

namespace octo::runner {
namespace {

// 16 processes that ignore SIGTERM, most of them in sessions of their own. `each` is what all but the first
// do, at most every two milliseconds, for at most ten seconds.
std::string bomb(std::string_view each) {
  return fmt::format(
      "#!/usr/bin/env python3\n"
      "import os, select, signal, time\n"
      "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
      "first, until = os.getpid(), time.monotonic() + 10\n"
      "for _ in range(4):\n"
      "    if os.fork() == 0:\n"
      "        os.setsid()\n"
      "print('up', flush=True)\n"
      "while time.monotonic() < until:\n"
      "    select.select([], [], [], 0.002)\n"
      "    if os.getpid() != first:\n"
      "        {}\n",
      each);
}

class TreeTest : public RunnerTest {
 protected:
  void SetUp() override {
    RunnerTest::SetUp();
    intent_.script = true;
    intent_.script_name = "bomb";
  }
  // Of the run: by what its environment says.
  std::size_t living() const {
    const std::string mark = fmt::format("OCTOPODA_OUTPUT={}/note", folder_);
    std::size_t count = 0;
    each_process([&](const ProcessFacts& facts) {
      if (bytes_of(fmt::format("/proc/{}/environ", facts.pid)).find(mark) != Bytes::npos) ++count;
    });
    return count;
  }
  void await_all_up() {
    while (output(1).size() < 16 * 3) await(Wake::output);
  }
};

TEST_F(TreeTest, AForkBombIsEndedWhole) {
  const pid_t runner = begin(bomb("os.waitpid(os.fork() or os._exit(0), 0)"));
  await_all_up();
  EXPECT_GE(living(), 16U);
  ::kill(runner, SIGTERM);
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_EQ(record().ended->state, "cancelled");
  EXPECT_EQ(record().ended->reason, "");
  EXPECT_LT(record().ended->lasted, 9s) << "it ended before it would have by itself";
  EXPECT_EQ(living(), 0U);
}

// Nobody is there for long: each is an orphan with a new number as soon as somebody has looked.
TEST_F(TreeTest, WhoGoesOnAsAnotherProcessIsEndedToo) {
  const pid_t runner = begin(bomb("os.fork() and os._exit(0)"));
  await_all_up();
  ::kill(runner, SIGTERM);
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_EQ(record().ended->state, "cancelled");
  EXPECT_EQ(record().ended->reason, "");
  EXPECT_LT(record().ended->lasted, 9s);
  EXPECT_EQ(living(), 0U);
}

TEST_F(TreeTest, ADaemonThatLeavesEverythingBehindIsStillAChildOfItsRunner) {
  intent_.script = false;
  const pid_t runner = begin("setsid sh -c 'setsid env -i sh -c \"trap : TERM; echo \\$\\$ >" + runs_ +
                             "/pid; echo up; exec >/dev/null 2>&1 </dev/null; while :; do /bin/sleep 1; "
                             "done\" & exit 0'; exec sleep 60");
  await(Wake::output);
  const auto daemon = static_cast<pid_t>(parse_number(trim(bytes_of(runs_ + "/pid"))).value());
  ASSERT_TRUE(alive(daemon));
  EXPECT_EQ(process_facts(daemon)->parent, runner);
  ::kill(runner, SIGTERM);
  EXPECT_EQ(join(runner), Exit::done);
  EXPECT_FALSE(alive(daemon));
}

TEST_F(TreeTest, ANumberThatIsAnothersByNowHurtsNobody) {
  const pid_t bystander = ::fork();
  if (bystander == 0) {
    ::pause();
    ::_exit(0);
  }
  ProcessFacts before = process_facts(bystander).value();
  --before.ticks;  // who had the number before
  int finds = 0;
  const auto find = [&](const Found& found) {
    ++finds;
    found(before);
  };
  kill_all(find);
  EXPECT_TRUE(alive(bystander));
  EXPECT_NE(process_facts(bystander)->state, 'T');
  EXPECT_EQ(finds, 2) << "until nobody new is found";
  ++before.ticks;
  kill_all(find);
  int status = 0;
  EXPECT_EQ(::waitpid(bystander, &status, 0), bystander);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

}  // namespace
}  // namespace octo::runner
