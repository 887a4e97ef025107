// SPDX-License-Identifier: MIT
#include "setup/processes.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "io/host/host.hpp"
#include "setup/fleet_record.hpp"
#include "setup/test_folder.hpp"

namespace octo::setup {
namespace {

class Processes : public testing::Test {
 protected:
  void TearDown() override {
    for (const pid_t pid : started_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }

  ProcessId start(std::vector<std::string> arguments, const std::string& program = "/bin/sh") {
    process::Spawn spawn{.program = program, .arguments = std::move(arguments)};
    started_.push_back(process::spawn(spawn).value());
    // The kernel lets us go on a moment before the new program's words are to be seen.
    const std::string words = fmt::format("/proc/{}/cmdline", started_.back());
    for (const Instant limit = clock_.now() + 10s; read_file(words).empty() && clock_.now() < limit;)
      std::this_thread::yield();
    return identify(started_.back()).value();
  }
  // A child that says so once it ignores SIGTERM.
  ProcessId start_deaf(const std::string& said) {
    const ProcessId id =
        start({"sh", "-c", "trap '' TERM; echo >" + said + "; while :; do read line </dev/zero; done"});
    const Instant limit = clock_.now() + 10s;
    while (!std::filesystem::exists(said) && clock_.now() < limit) std::this_thread::yield();
    return id;
  }
  Result<void> end(const std::vector<ProcessId>& ids, Span patience) {
    std::optional<Result<void>> result;
    asio::co_spawn(loop_, end_processes(ids, patience, clock_),
                   [&](std::exception_ptr error, Result<void> value) {
                     if (error) std::rethrow_exception(error);
                     result = std::move(value);
                   });
    loop_.restart();
    loop_.run();
    return *result;
  }

  asio::io_context loop_;
  SystemClock clock_{loop_.get_executor()};
  TemporaryFolder folder_;
  std::vector<pid_t> started_;
};

TEST_F(Processes, AProcessEndsWhenItIsTold) {
  const ProcessId id = start({"sleep", "1000"}, "/bin/sleep");
  EXPECT_TRUE(alive(id));
  EXPECT_TRUE(end({id}, 10s));
  EXPECT_FALSE(alive(id));
}

TEST_F(Processes, OneThatWillNotEndIsKilled) {
  const ProcessId id = start_deaf(folder_ / "deaf");
  const Instant before = clock_.now();
  EXPECT_TRUE(end({id}, 100ms));
  EXPECT_GE(clock_.now() - before, 100ms);
  EXPECT_FALSE(alive(id));
}

TEST_F(Processes, AReusedPidIsNobodyOfOurs) {
  const ProcessId id = start({"sleep", "1000"}, "/bin/sleep");
  EXPECT_TRUE(end({ProcessId{id.pid, id.ticks + 1}}, 100ms));
  EXPECT_TRUE(alive(id));
}

TEST_F(Processes, AProcessThatWaitsForItsParentHasEnded) {
  const ProcessId id = start({"sleep", "1000"}, "/bin/sleep");
  ::kill(id.pid, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(id.pid), &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(alive(id));
  EXPECT_TRUE(end({id}, 100ms));
}

TEST_F(Processes, ProcessesAreFoundByWhatTheyWereStartedWith) {
  const std::string mark = folder_ / "mark";
  write_file(mark, "");
  const ProcessId id = start({"tail", "-f", mark}, "/usr/bin/tail");
  const auto found = find_processes([&](const std::vector<std::string>& arguments, const std::string&) {
    return !arguments.empty() && arguments.back() == mark;
  });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, id);
}

TEST_F(Processes, AFleetsRecordComesBackAsItWas) {
  const Layout layout(folder_.path());
  EXPECT_TRUE(load_record(layout)->processes.empty());
  const ProcessId id = start({"sleep", "1000"}, "/bin/sleep");
  FleetRecord record{host::boot_id(), {{"pi0", id}, {"brain", {id.pid, id.ticks + 1}}}};
  ASSERT_TRUE(save_record(layout, record));
  const auto loaded = load_record(layout);
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_EQ(loaded->processes.size(), 2U);
  EXPECT_EQ(loaded->processes[0].id, id);
  EXPECT_EQ(find_living(layout, *loaded).size(), 1U);
  record.boot = "another boot";
  EXPECT_TRUE(find_living(layout, record).empty());
}

TEST_F(Processes, AProgramOnTheFleetsSettingsIsFoundWithoutARecord) {
  const Layout layout(folder_.path());
  const std::string settings = layout.node_settings(NodeName("pi0"));
  std::filesystem::create_directories(layout.node(NodeName("pi0")));
  ASSERT_EQ(::mkfifo(settings.c_str(), 0600), 0);  // wc waits for a writer
  const ProcessId id = start({"/some/where/tentacle", "-c", settings}, "/usr/bin/wc");
  const ProcessId other = start({"/some/where/watcher", "-c", settings}, "/usr/bin/wc");
  const auto living = find_living(layout, {});
  ASSERT_EQ(living.size(), 1U);
  EXPECT_EQ(living[0].name, "pi0");
  EXPECT_EQ(living[0].id, id);
  EXPECT_TRUE(alive(other));
}

TEST_F(Processes, ADamagedRecordIsNamed) {
  const Layout layout(folder_.path());
  write_file(layout.record(), "{\"boot\": \"x\", \"processes\": [{\"name\": \"pi0\"}]}");
  const auto loaded = load_record(layout);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message().find("fleet.json"), std::string::npos);
}

}  // namespace
}  // namespace octo::setup
