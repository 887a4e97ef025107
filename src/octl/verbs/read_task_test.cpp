// SPDX-License-Identifier: MIT
#include "octl/verbs/read_task.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "domain/limits.hpp"

namespace octo::octl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Result<AskedTask> read(std::vector<std::string> words) {
  words.insert(words.begin(), "cmd");
  const auto line = parse(words);
  EXPECT_TRUE(line.has_value()) << join(words, " ");
  return read_task(*line);
}

TEST(ReadTask, EveryFlagReachesTheBrain) {
  const auto asked = read({"run",
                           "work",
                           "pi[1-3]",
                           "@lab",
                           "--timeout",
                           "5m",
                           "--deadline=1h",
                           "--on-offline",
                           "skip",
                           "--batch",
                           "20%",
                           "--max-fail",
                           "3",
                           "--retries",
                           "2",
                           "--tie",
                           "--user",
                           "alice",
                           "--cwd",
                           "/srv",
                           "--env",
                           "A=1",
                           "--env",
                           "B=x=y",
                           "--memory",
                           "64M",
                           "--pids",
                           "10",
                           "--cpu",
                           "150%"});
  ASSERT_TRUE(asked.has_value()) << asked.error().message();
  const api::StartTask& task = asked->task;
  EXPECT_EQ(task.text, "work");
  EXPECT_THAT(task.nodes, ElementsAre("pi[1-3]", "@lab"));
  EXPECT_EQ(task.limit, Span(5min));
  EXPECT_EQ(task.deadline, Span(1h));
  EXPECT_EQ(task.rollout.on_offline, OfflineRule::skip);
  EXPECT_EQ(task.rollout.batch, (Share{.value = 20, .percent = true}));
  EXPECT_EQ(task.rollout.max_fail, (Share{.value = 3}));
  EXPECT_EQ(task.rollout.retries, 2U);
  EXPECT_TRUE(task.tie);
  EXPECT_EQ(task.user, "alice");
  EXPECT_EQ(task.folder, "/srv");
  EXPECT_THAT(task.environment, ElementsAre(Pair("A", "1"), Pair("B", "x=y")));
  EXPECT_EQ(task.resources, (Resources{.memory_bytes = 64 << 20, .processes = 10, .cpu_percent = 150}));
  EXPECT_FALSE(task.delay);
  EXPECT_TRUE(asked->how.tied);
  EXPECT_EQ(asked->how.until, Until::ended);
  EXPECT_EQ(asked->how.show.retries, 2U);
}

TEST(ReadTask, XrunIsLoadedAndStartsAfterItsDelay) {
  EXPECT_EQ(read({"xrun", "true", "pi1", "-d", "3"})->task.delay, Span(3s));
  EXPECT_EQ(read({"xrun", "true", "pi1", "--delay-execute", "500ms"})->task.delay, Span(500ms));
  const auto asked = read({"xrun", "true", "pi1"});
  EXPECT_EQ(asked->task.delay, Span(0));
  EXPECT_EQ(asked->how.until, Until::loaded);
  EXPECT_EQ(asked->how.show.what, Show::What::answers);
  EXPECT_TRUE(read({"xrun", "-bg", "true", "pi1"})->task.background);
}

TEST(ReadTask, DetachAndBackgroundLeaveEarly) {
  EXPECT_EQ(read({"run", "true", "pi1", "--detach"})->how.until, Until::begun);
  EXPECT_EQ(read({"run", "-bg", "true", "pi1"})->how.until, Until::running);
  for (const char* flag : {"--tie", "--diff"}) {
    EXPECT_FALSE(read({"run", "true", "pi1", "--detach", flag}).has_value()) << flag;
    EXPECT_FALSE(read({"run", "-bg", "true", "pi1", flag}).has_value()) << flag;
  }
  EXPECT_FALSE(read({"run", "true", "pi1", "--detach", "--outdir", "x"}).has_value());
  EXPECT_FALSE(read({"run", "-bg", "true", "pi1", "--watch", "1s"}).has_value());
  EXPECT_TRUE(read({"run", "-bg", "true", "pi1", "--tie=false"}).has_value());
}

TEST(ReadTask, WrongValuesAreWrongUseAndNameTheFlag) {
  const std::vector<std::vector<std::string>> wrong = {
      {"--on-offline", "wait"}, {"--batch", "0"},
      {"--batch", "0%"},        {"--batch", "101%"},
      {"--batch", "some"},      {"--max-fail", "-1"},
      {"--retries", "101"},     {"--retries", "x"},
      {"--user", ""},           {"--cwd", ""},
      {"--env", "A"},           {"--env", "=1"},
      {"--memory", "0"},        {"--memory", "64MB"},
      {"--pids", "0"},          {"--cpu", "0"},
      {"--cpu", "much"},        {"--timeout", "5"},
      {"--deadline", "soon"},   {"--watch", "0"},
      {"--outdir", ""},         {"--stdin", ""},
      {"--secret-file", "A"},   {"--secret-file", "A="},
      {"--secret-file", "=f"},  {"--secret-file", "1=/dev/null"}};
  for (const auto& flag : wrong) {
    const auto asked = read({"run", "true", "pi1", flag[0], flag[1]});
    ASSERT_FALSE(asked.has_value()) << join(flag, " ");
    EXPECT_EQ(asked.error().code(), ErrorCode::invalid_argument) << join(flag, " ");
    EXPECT_THAT(asked.error().message(), HasSubstr(flag[0]));
  }
  EXPECT_FALSE(read({"run", "true", "pi1", "--env", "A=1", "--env", "A=2"}).has_value());
  EXPECT_FALSE(read({"xrun", "true", "pi1", "-d", "-3"}).has_value());
  EXPECT_TRUE(read({"run", "true", "pi1", "--max-fail", "0"}).has_value());
}

TEST(ReadTask, InputIsReadUpToItsLimitAndNoFurther) {
  std::string folder = "/tmp/octopoda-stdin.XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/in";
  const std::string most(limits::input_bytes_max, '\0');
  std::ofstream(file, std::ios::binary) << most;
  EXPECT_EQ(read({"run", "cat", "pi1", "--stdin", file})->task.input, most);
  std::ofstream(file, std::ios::binary | std::ios::app) << 'x';
  const auto more = read({"run", "cat", "pi1", "--stdin", file});
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code(), ErrorCode::too_large);
  EXPECT_EQ(read_input("/dev/zero", 1000).error().code(), ErrorCode::too_large) << "it has no end";
  EXPECT_EQ(read({"run", "cat", "pi1", "--stdin", folder + "/none"}).error().code(), ErrorCode::not_found);
  std::filesystem::remove_all(folder);
}

TEST(ReadTask, SecretsAreReadFromFilesAndJudgedBeforeTheyAreSent) {
  std::string folder = "/tmp/octopoda-secret.XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/a=b", empty = folder + "/empty";
  std::ofstream(empty, std::ios::binary).flush();
  const std::string most(limits::secret_bytes_max, '\xff');
  std::ofstream(file, std::ios::binary) << most;
  const auto with = [&](std::vector<std::string> flags) {
    std::vector<std::string> words = {"run", "true", "pi1"};
    for (const std::string& flag : flags) words.insert(words.end(), {"--secret-file", flag});
    return read(words);
  };
  const auto asked = with({"KEY=" + file, "B=" + file});
  ASSERT_TRUE(asked) << asked.error().message();
  ASSERT_EQ(asked->task.secrets.size(), 2U);
  EXPECT_EQ(asked->task.secrets[0].name, "KEY");
  EXPECT_EQ(asked->task.secrets[0].value.reveal(), most);
  EXPECT_EQ(with({"A=" + file, "A=" + file}).error().message(), "--secret-file: secret A is there twice");
  EXPECT_EQ(with({"A=" + empty}).error().message(), "--secret-file: secret A is empty");
  EXPECT_EQ(with({"A=" + folder + "/none"}).error().code(), ErrorCode::not_found);
  std::ofstream(file, std::ios::binary | std::ios::app) << 'x';
  const auto more = with({"A=" + file});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), ErrorCode::too_large);
  EXPECT_EQ(more.error().message(), fmt::format("--secret-file A: '{}' has more than 65536 bytes", file));
  EXPECT_FALSE(with({"A=-", "B=-"})) << "stdin is there once";
  EXPECT_FALSE(read({"run", "true", "pi1", "--stdin", "-", "--secret-file", "A=-"}));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace octo::octl
