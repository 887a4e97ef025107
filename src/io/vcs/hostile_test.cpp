// SPDX-License-Identifier: MIT
// Left-over locks, full disks, and names that git cannot bear.
#include <sched.h>
#include <sys/mount.h>

#include <thread>

#include "io/vcs/vcs_testing.hpp"

namespace octo::vcs {

const std::vector<std::string> kLocks = {"index.lock", "HEAD.lock", "refs/heads/main.lock"};

TEST_F(VcsTest, ALockThatNobodyHoldsGoesAndUntilThenIsNamed) {
  write("a", "1");
  auto repository = Repository::open(folder).value();
  repository->commit(words("1", "op1")).value();
  for (const std::string& lock : kLocks) {
    write("a", lock);
    write(".git/" + lock, "");
    if (lock != "HEAD.lock") {
      const auto refused = repository->commit(words("2", lock));
      ASSERT_FALSE(refused) << lock;
      EXPECT_EQ(refused.error().code(), ErrorCode::conflict);
      EXPECT_NE(refused.error().message().find(".git/" + lock), std::string::npos)
          << refused.error().message();
      EXPECT_NE(refused.error().message().find("remove that file"), std::string::npos);
    }
    ASSERT_TRUE(remove_stale_locks(folder, Age::old));
    EXPECT_TRUE(fs::exists(folder + "/.git/" + lock)) << "it may be a running git's, that ended since";
    ASSERT_TRUE(remove_stale_locks(folder, Age::any));
    EXPECT_FALSE(fs::exists(folder + "/.git/" + lock));
    EXPECT_TRUE(repository->commit(words("2", lock)));
  }
  for (const char* other : {".git/config.lock", ".git/packed-refs.lock", ".git/objects/tmp_object_git2_abc"})
    write(other, "");
  write(".git/lfs.lock", "another program's");
  ASSERT_TRUE(remove_stale_locks(folder, Age::any));
  EXPECT_FALSE(fs::exists(folder + "/.git/config.lock"));
  EXPECT_FALSE(fs::exists(folder + "/.git/packed-refs.lock"));
  EXPECT_FALSE(fs::exists(folder + "/.git/objects/tmp_object_git2_abc"));
  EXPECT_TRUE(fs::exists(folder + "/.git/lfs.lock"));
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
}

TEST_F(VcsTest, ALockThatIsOpenSomewhereStays) {
  write("a", "1");
  Repository::open(folder).value();
  const int held = ::open((folder + "/.git/index.lock").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ASSERT_TRUE(remove_stale_locks(folder, Age::any));
  EXPECT_TRUE(fs::exists(folder + "/.git/index.lock"));
  ::close(held);
  ASSERT_TRUE(remove_stale_locks(folder, Age::any));
  EXPECT_FALSE(fs::exists(folder + "/.git/index.lock"));
}

// git commit has closed its index.lock, and keeps it, while an editor asks for the message.
TEST_F(VcsTest, TheLockOfAGitThatWaitsForItsEditorStays) {
  write("a", "1");
  Repository::open(folder).value()->commit(words("1", "op1")).value();
  write("a", "2");
  const std::string fifos = folder + ".fifos";
  fs::create_directory(fifos);
  for (const char* name : {"/asked", "/answer"}) ASSERT_EQ(::mkfifo((fifos + name).c_str(), 0600), 0);
  const std::string waiting = fmt::format("core.editor=echo > {0}/asked; cat {0}/answer; :", fifos);
  std::jthread user([&] {
    git({"-c", waiting, "-c", "user.name=u", "-c", "user.email=u@h", "commit", "--allow-empty-message",
         "-aq"});
  });
  std::string line;
  std::getline(std::ifstream(fifos + "/asked"), line);
  EXPECT_TRUE(fs::exists(folder + "/.git/index.lock"));
  EXPECT_TRUE(remove_stale_locks(folder, Age::any));
  EXPECT_TRUE(fs::exists(folder + "/.git/index.lock"));
  std::ofstream(fifos + "/answer") << "go on";
  user.join();
  EXPECT_FALSE(fs::exists(folder + "/.git/index.lock"));
  EXPECT_EQ(Repository::open(folder).value()->count().value(), 2U) << "its commit was made";
  fs::remove_all(fifos);
}

TEST_F(VcsTest, AnIndexThatAPowerCutLeftUnreadableIsMadeAnew) {
  write(".gitignore", "");
  write("a.log", "1");
  write("b", "1");
  auto repository = Repository::open(folder).value();
  repository->commit(words("1", "op1")).value();
  int number = 0;
  for (const std::string& left : {std::string(), std::string("DIRC garbage"), std::string(4096, '\0')}) {
    write(".gitignore", "*.log\n");
    write("b", left);
    write(".git/index", left);
    repository = Repository::open(folder).value();
    EXPECT_TRUE(repository->modified().value());
    const auto made = repository->commit(words("2", fmt::format("again{}", ++number)));
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_FALSE(repository->modified().value());
    EXPECT_EQ(git({"cat-file", "-e", "HEAD:a.log"}), 0) << "tracked still, though it is ignored by now";
    EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0);
  }
}

// In a child with a small file system of its own: 0 when all was as it should be.
int commit_on_a_full_disk(const std::string& folder, bool one_by_one) {
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 10;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 11;
  if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") != 0) return 12;
  auto repository = Repository::open(folder).value();
  std::ofstream(folder + "/first") << "1";
  const auto words = [](const char* operation) {
    return Repository::CommitWords{"m", operation, WallTime(std::chrono::seconds(1'700'000'000))};
  };
  if (!repository->commit(words("op1"))) return 13;
  fs::remove(folder + "/first");
  std::string noise(one_by_one ? 600'000 : 3'000, ' ');
  unsigned state = 1;
  for (int i = 0; i < (one_by_one ? 1 : 150); ++i) {
    for (char& byte : noise) byte = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
    std::ofstream(fmt::format("{}/fill{}", folder, i)) << noise;
  }
  const auto made = repository->commit(words("op2"));
  if (made) return 14;
  if (made.error().code() != ErrorCode::storage_full) return 15;
  if (made.error().message().find("no space is left on the disk") == std::string::npos) return 16;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("fill")) fs::remove(entry.path());
  return repository->commit(words("op2")) ? 0 : 17;
}

TEST_F(VcsTest, AFullDiskIsCalledByItsName) {
  for (const bool one_by_one : {true, false}) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(commit_on_a_full_disk(folder, one_by_one));
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << one_by_one;
  }
}

TEST_F(VcsTest, ANameThatGitTakesForItsOwnIsRefusedByPathAndNotIfIgnored) {
  auto repository = Repository::open(folder).value();
  write("kept", "1");
  int number = 0;
  for (const char* name : {"git~1", "GIT~1", ".git ", ".git.", ".git:x", ".g\xe2\x80\x8cit", "a\\.git"}) {
    write(std::string("sub/") + name + "/q", "x");
    const auto refused = repository->commit(words("m", fmt::format("refused{}", ++number)));
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code(), ErrorCode::forbidden);
    EXPECT_NE(refused.error().message().find(std::string("sub/") + name), std::string::npos) << name;
    EXPECT_NE(refused.error().message().find(".gitignore"), std::string::npos);
    write(".gitignore", "sub/\n");
    EXPECT_TRUE(repository->commit(words("m", fmt::format("op{}", number)))) << name;
    fs::remove_all(folder + "/sub");
    fs::remove(folder + "/.gitignore");
  }
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
}

TEST_F(VcsTest, WhatFsckWouldComplainOfForEverIsRefusedByPath) {
  auto repository = Repository::open(folder).value();
  int number = 0;
  for (const char* name : {".gitmodules", ".GITMODULES", "gitmod~1", "gi7eba~1", ".g\xe2\x80\x8citmodules"}) {
    fs::create_symlink("elsewhere", folder + "/" + name);
    const auto refused = repository->commit(words("m", fmt::format("refused{}", ++number)));
    ASSERT_FALSE(refused) << name;
    EXPECT_NE(refused.error().message().find(name), std::string::npos) << refused.error().message();
    fs::remove(folder + "/" + name);
  }
  for (const char* name : {".gitmodules", "sub/.gitattributes"}) {
    write(std::string(name) + "/inside", "");
    EXPECT_FALSE(repository->commit(words("m", fmt::format("refused{}", ++number)))) << name;
    fs::remove_all(folder + "/" + name);
  }
  // These it only warns of, and the folder is git's as well as ours.
  for (const char* name : {".gitattributes", ".gitignore", ".mailmap"})
    fs::create_symlink("elsewhere", folder + "/" + name);
  write("sub/.gitmodules", "# a file\n");
  write(".gitignored/x", "");
  EXPECT_TRUE(repository->commit(words("m", "op")));
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
}

// Stock fsck is the judge: what it refuses we refuse, and what is usual both take.
TEST_F(VcsTest, ContentThatFsckWouldComplainOfForEverIsRefusedByPath) {
  const std::string name = "[submodule \"a\"]\n";
  const std::vector<std::pair<std::string, std::string>> bad = {
      {".gitattributes", "* text\n" + std::string(2049, 'x') + " text\n"},
      {".gitmodules", "[submodule \"../../x\"]\nurl = u\n"},
      {".gitmodules", "[submodule \"a/..\"]\npath = p\nurl = u\n"},
      {".gitmodules", name + "url = -ufoo\n"},
      {".gitmodules", name + "\turl = \"-u\"foo # c\n"},
      {".gitmodules", name + "URL=\\\n  -ufoo\n"},
      {".gitmodules", "[submodule \"a\"] url = -ufoo\n"},
      {".gitmodules", name + "path = -p\nurl = u\n"},
      {".gitmodules", name + "url = u\nupdate = !rm -rf /\n"},
      {".gitmodules", name + "url = https://host/a%0ahost=evil\n"},
      {".gitmodules", name + "url = \"https://host/\\nx\"\n"},
      {".gitmodules", name + "url = ../../../:host\n"},
      {".gitmodules", name + "url = ..//x\n"},
      {".gitmodules", name + "url = https:///x\n"},
      {".gitmodules", name + "url = http::host/x\n"},
      {".gitmodules", name + "url = ./%0ax\n"},
      {"sub/GITMOD~1", name + "url = -u\n"},
  };
  auto repository = Repository::open(folder).value();
  int number = 0;
  for (const auto& [path, text] : bad) {
    write(path, text);
    const auto refused = repository->commit(words("m", fmt::format("refused{}", ++number)));
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code(), ErrorCode::forbidden);
    EXPECT_NE(refused.error().message().find(folder + "/" + path), std::string::npos);
    // Whoever commits it by hand is told by fsck: so it is no idle refusal.
    const std::string other = folder + ".stock";
    fs::create_directories(fs::path(other + "/" + path).parent_path());
    std::ofstream(other + "/" + path) << text;
    ASSERT_EQ(git({"-C", other, "init", "-q"}), 0);
    ASSERT_EQ(git({"-C", other, "add", "-A"}), 0) << text;
    ASSERT_EQ(git({"-C", other, "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "m"}), 0)
        << text;
    EXPECT_NE(git({"-C", other, "fsck", "--strict"}), 0) << text;
    fs::remove_all(other);
    fs::remove(folder + "/" + path);
  }
  write(".gitattributes", "* text=auto\n" + std::string(2000, 'x') + " binary\n");
  write(".gitmodules", "# c\n" + name +
                           "\tpath = lib/a ; c\n\turl = ../a.git\n[submodule \"b..c\"]\n\turl = "
                           "https://me@host:8443/b.git?x=%20y\n\tupdate = rebase\n[submodule \"c\"]\n\turl = "
                           "git@host:c.git\n");
  write("sub/.gitmodules", "this is\nno = configuration [\n");
  EXPECT_TRUE(repository->commit(words("m", "op")));
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
}

// More objects than are synced one by one.
TEST_F(VcsTest, AVersionOfManyFilesIsWhole) {
  for (int i = 0; i < 500; ++i) write(fmt::format("{}/{}", i % 50, i), std::to_string(i));
  auto repository = Repository::open(folder).value();
  const auto made = repository->commit(words("many", "op1")).value();
  EXPECT_EQ(repository->files(made.id).value().size(), 500U);
  EXPECT_FALSE(repository->modified().value());
  EXPECT_EQ(git({"fsck", "--strict"}), 0);
  EXPECT_EQ(git({"diff", "--quiet", "HEAD"}), 0);
}

}  // namespace octo::vcs
