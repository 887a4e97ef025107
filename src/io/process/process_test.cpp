// SPDX-License-Identifier: MIT
#include "io/process/process.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <fstream>

#include "async/clock.hpp"
#include "async/deadline.hpp"
#include "base/text.hpp"

namespace octo::process {
namespace {

template <class T>
T run(Async<T> work) {
  asio::io_context loop;
  std::optional<T> value;
  asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T result) {
    if (error) std::rethrow_exception(error);
    value.emplace(std::move(result));
  });
  loop.run();
  return std::move(*value);
}

Result<std::optional<int>> wait_for(Process& process) {
  return run([](Process& held) -> Async<Result<std::optional<int>>> {
    SystemClock clock(co_await asio::this_coro::executor);
    co_return co_await with_deadline(clock, 10s, held.wait());
  }(process));
}

Spawn shell(std::string script) {
  return {.program = "/bin/sh", .arguments = {"sh", "-c", std::move(script)}};
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/octo_process_XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    ::unlink((folder_ + "/out").c_str());
    ::rmdir(folder_.c_str());
  }
  std::string folder_;
};

TEST_F(ProcessTest, OneDescriptorIsHandedOnAndNoOther) {
  const int handed = ::memfd_create("handed", MFD_CLOEXEC);
  ASSERT_EQ(::write(handed, "word", 4), 4);
  Spawn spawn = shell("ls /proc/self/fd | tr '\\n' ' '; cat /proc/self/fd/3");
  spawn.out_file = folder_ + "/out";
  spawn.handed = handed;
  auto process = Process::open(octo::process::spawn(spawn).value()).value();
  ASSERT_TRUE(wait_for(process));
  ::close(handed);
  EXPECT_EQ(text_of(spawn.out_file), "0 1 2 3 4 word") << "4 is the folder that ls reads";
}

TEST_F(ProcessTest, AChildsEndIsItsWaitStatus) {
  auto process = Process::open(spawn(shell("exit 7")).value()).value();
  const auto status = wait_for(process).value();
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 7);
}

TEST_F(ProcessTest, ASignalledChildTellsItsSignal) {
  auto process =
      Process::open(spawn({.program = "/bin/sleep", .arguments = {"sleep", "60"}}).value()).value();
  EXPECT_TRUE(process.signal(SIGTERM).has_value());
  const auto status = wait_for(process).value();
  ASSERT_TRUE(status && WIFSIGNALED(*status));
  EXPECT_EQ(WTERMSIG(*status), SIGTERM);
  EXPECT_EQ(process.signal(SIGTERM).error().code(), ErrorCode::not_found);
}

TEST_F(ProcessTest, AWaitCanBeCancelledAndTriedAgain) {
  auto process =
      Process::open(spawn({.program = "/bin/sleep", .arguments = {"sleep", "60"}}).value()).value();
  const auto late = run([](Process& held) -> Async<Result<std::optional<int>>> {
    SystemClock clock(co_await asio::this_coro::executor);
    co_return co_await with_deadline(clock, 10ms, held.wait());
  }(process));
  EXPECT_EQ(late.error().code(), ErrorCode::timed_out);
  EXPECT_TRUE(process.signal(SIGKILL).has_value());
  EXPECT_TRUE(wait_for(process).value().has_value());
}

TEST_F(ProcessTest, ASpawnedProgramHasTheGivenSurroundingsAndNothingElse) {
  Spawn wanted = shell("pwd; echo $A; echo $HOME; ls /proc/self/fd; ps -o sid= -p $$; trap");
  wanted.environment = {{"A", "a b"}, {"PATH", "/usr/bin:/bin"}};
  wanted.folder = folder_;
  wanted.new_session = true;
  wanted.out_file = folder_ + "/out";
  std::signal(SIGPIPE, SIG_IGN);
  const pid_t pid = spawn(wanted).value();
  auto process = Process::open(pid).value();
  EXPECT_EQ(wait_for(process).value().value(), 0);
  const auto lines = split(text_of(folder_ + "/out"), '\n');
  ASSERT_GE(lines.size(), 7U);
  EXPECT_EQ(lines[0], folder_);
  EXPECT_EQ(lines[1], "a b");
  EXPECT_EQ(lines[2], "");
  EXPECT_EQ((std::vector<std::string>(lines.begin() + 3, lines.begin() + 7)),
            (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(trim(lines[7]), std::to_string(pid));
}

TEST_F(ProcessTest, AProgramThatIsNotThereIsNamed) {
  const auto failed = spawn({.program = "/no/such/program"});
  EXPECT_EQ(failed.error().code(), ErrorCode::not_found);
  EXPECT_NE(failed.error().message().find("/no/such/program"), std::string::npos);
}

TEST_F(ProcessTest, AForeignProcessEndsWithoutAStatus) {
  Spawn wanted = shell("sleep 60 >/dev/null & echo $!");
  wanted.out_file = folder_ + "/out";
  auto parent = Process::open(spawn(wanted).value()).value();
  (void)wait_for(parent);
  auto process = Process::open(static_cast<pid_t>(*parse_number(trim(text_of(folder_ + "/out"))))).value();
  EXPECT_TRUE(process.signal(SIGKILL).has_value());
  EXPECT_FALSE(wait_for(process).value().has_value());
}

TEST_F(ProcessTest, KillingACgroupEndsEveryoneInIt) {
  auto groups = Cgroups::find();
  if (!groups)
    return;  // a host without a writable cgroup v2 has nothing to test; the runner's other path is tested
             // there
  const std::string path = groups->path_of(fmt::format("process_test.{}", ::getpid()));
  ASSERT_TRUE(Cgroups::make(path));
  auto process =
      Process::open(spawn(shell("echo $$ >" + path +
                                "/cgroup.procs; setsid sh -c 'trap \"\" TERM; sleep 60' & sleep 60"))
                        .value())
          .value();
  while (text_of(path + "/cgroup.events").find("populated 1") == std::string::npos) ::sched_yield();
  EXPECT_EQ(Cgroups::remove(path).error().code(), ErrorCode::conflict);
  EXPECT_TRUE(Cgroups::kill(path).has_value());
  EXPECT_TRUE(Cgroups::remove(path).has_value());
  EXPECT_TRUE(Cgroups::kill(path).has_value());
  EXPECT_EQ(wait_for(process).value().value(), SIGKILL);
}

TEST_F(ProcessTest, TheOwnFolderHoldsThisProgram) {
  EXPECT_EQ(::access((own_folder() + "/octo_io_process_test").c_str(), X_OK), 0);
}

TEST_F(ProcessTest, AStopSignalIsAwaited) {
  const int number = run([]() -> Async<int> {
    const auto executor = co_await asio::this_coro::executor;
    co_return co_await in_nursery([](Nursery& nursery) -> Async<int> {
      nursery.spawn([]() -> Async<void> {
        ::raise(SIGTERM);
        co_return;
      }());
      co_return co_await stop_signal();
    });
  }());
  EXPECT_EQ(number, SIGTERM);
}

}  // namespace
}  // namespace octo::process
