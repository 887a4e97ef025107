// SPDX-License-Identifier: MIT
// For tests of this room: a GitWorkspace in a folder of its own, a Brain's worth of bundles, and stock git.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "async/deadline.hpp"
#include "io/crypto/crypto.hpp"
#include "io/files/files.hpp"
#include "tentacle/workspace/workspace.hpp"

namespace octo::tentacle {

namespace fs = std::filesystem;

// The Brain's store: what was offered can be fetched, until it fails; a shut one keeps the asker waiting.
class BundleSource final : public Source {
 public:
  explicit BundleSource(Executor executor) : gate(executor), asked(std::move(executor)) {}
  Async<Result<Manifest>> manifest(const Sha256& hash) override {
    ++questions;
    asked.set();
    while (shut) co_await gate.wait();
    const auto found = manifests.find(hash);
    if (found == manifests.end()) co_return fail(ErrorCode::not_found, "no such manifest");
    co_return found->second;
  }
  Async<Result<void>> chunks(const std::vector<Sha256>& hashes,
                             std::function<Result<void>(const Sha256&, BytesView)> sink) override {
    for (const Sha256& hash : hashes) {
      if (fetched.size() >= fails_after) co_return fail(ErrorCode::unavailable, "the link is lost");
      fetched.push_back(hash);
      if (auto taken = sink(hash, stored.at(hash)); !taken) co_return taken;
    }
    co_return Result<void>{};
  }

  std::map<Sha256, Manifest> manifests;
  std::map<Sha256, Bytes> stored;
  std::vector<Sha256> fetched;  // chunks, in order
  std::size_t fails_after = SIZE_MAX;
  bool shut = false;
  int questions = 0;  // for a manifest
  Event gate;         // opens it, once it is not shut
  Event asked;
};

class WorkspaceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = place() + "/octo_workspace_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    base_ = name;
    fs::create_directory(base_ + "/source");
    reopen();
  }
  void TearDown() override { fs::remove_all(base_); }
  virtual std::string place() const { return "/tmp"; }
  void reopen() { workspace_ = GitWorkspace::open(base_ + "/root", workers_, loop_.get_executor()).value(); }

  // What the work comes to, within a deadline.
  template <class T>
  Result<T> done(Async<Result<T>> work) {
    std::optional<Result<T>> outcome;
    std::exception_ptr error;
    asio::co_spawn(
        loop_,
        [](Clock& clock, Async<Result<T>> inner, std::optional<Result<T>>& into) -> Async<void> {
          into.emplace(co_await with_deadline<T>(clock, 30s, std::move(inner)));
        }(clock_, std::move(work), outcome),
        [&](std::exception_ptr thrown) { error = std::move(thrown); });
    loop_.restart();
    loop_.run();
    if (error) std::rethrow_exception(error);
    return std::move(outcome).value();
  }

  // Folders by their paths below the test's own: "source/…" is the operator's, "root/…" the node's.
  std::string at(const std::string& path) const { return base_ + "/" + path; }
  void write(const std::string& path, const std::string& text, unsigned mode = 0644) const {
    fs::create_directories(fs::path(at(path)).parent_path());
    std::ofstream(at(path), std::ios::binary) << text;
    ASSERT_EQ(::chmod(at(path).c_str(), mode), 0);
  }
  std::string read(const std::string& path) const {
    const auto bytes = files::load(at(path), 1 << 26);
    return bytes ? *bytes : "(none)";
  }
  // Other bytes for each seed; no two chunks of it are equal.
  static std::string noise(std::size_t bytes, std::uint64_t seed) {
    std::string text;
    for (std::uint64_t i = 0; text.size() < bytes; ++i)
      text += print_hex(crypto::sha256(fmt::format("{} {}", seed, i)));
    text.resize(bytes);
    return text;
  }

  // The present source folder as a bundle that the source has.
  Sha256 offer() {
    const Manifest manifest = files::scan({at("source"), nullptr,
                                           [this](const Chunk& chunk, BytesView bytes) -> Result<void> {
                                             source_.stored[chunk.hash] = bytes;
                                             return {};
                                           }})
                                  .value();
    const Sha256 hash = crypto::sha256(encode(manifest));
    source_.manifests[hash] = manifest;
    return hash;
  }
  static AppAt app(const std::string& name = "hello") { return {AppName(name), ScenarioName("w")}; }
  Result<void> sync(const AppAt& to = app()) {
    return done(workspace_->sync({to, offer(), "says hello"}, source_));
  }
  Result<NodeAppVersion> commit(const std::string& message, const std::string& operation) {
    return done(workspace_->commit({app(), message}, {operation, kNow}));
  }
  Result<NodeAppVersion> reset(const std::string& to, const std::string& operation) {
    return done(workspace_->reset({app(), to, "back"}, {operation, kNow}));
  }
  NodeAppInfo info(std::uint64_t offset = 0, std::uint64_t limit = 100) {
    return done(workspace_->app(app(), offset, limit)).value();
  }

  struct Said {
    int code = -1;
    std::string text;  // both streams
  };
  // Stock git in the app's folder, without settings of this machine.
  Said git(std::vector<std::string> words, const AppAt& of = app()) const {
    words.insert(words.begin(), {"git", "-C", at("root/" + print(of))});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> settings = {"PATH=/usr/bin:/bin", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1"};
    std::vector<char*> environment;
    for (std::string& setting : settings) environment.push_back(setting.data());
    environment.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, at("said").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = 0;
    const int code = ::posix_spawnp(&pid, "git", &actions, nullptr, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0) return {code, "git was not started"};
    int status = 0;
    ::waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("said")};
  }
  // fsck has nothing to say and the files are as in the newest version.
  void expect_clean_git(const AppAt& of = app()) const {
    const Said checked = git({"fsck", "--strict", "--no-progress"}, of);
    EXPECT_EQ(checked.code, 0);
    EXPECT_EQ(checked.text, "");
    EXPECT_EQ(git({"status", "--porcelain"}, of).text, "");
  }

  static constexpr WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));
  std::string base_;
  asio::io_context loop_;
  SystemClock clock_{loop_.get_executor()};
  ThreadWorkers workers_{3};
  BundleSource source_{loop_.get_executor()};
  std::unique_ptr<GitWorkspace> workspace_;
};

}  // namespace octo::tentacle
