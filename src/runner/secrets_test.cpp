// SPDX-License-Identifier: MIT
#include "runner/secrets.hpp"

#include <sys/mman.h>

#include "runner/runner_testing.hpp"

namespace octo::runner {
namespace {

class SecretsTest : public RunnerTest {
 protected:
  // As the agent starts a runner: with what it hands on as descriptor 3.
  Exit run_with(BytesView handed, std::string text) {
    intent_.text = std::move(text);
    std::ofstream(folder_ + "/intent", std::ios::binary) << encode(intent_);
    const MemoryFile file = MemoryFile::make("secrets", handed).value();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::dup2(file.fd(), kSecretsFd);
      ::_exit(static_cast<int>(supervise(folder_)));
    }
    return join(pid);
  }
  void name(const std::string& secret) {
    intent_.environment.emplace_back("OCTOPODA_SECRET_" + secret, secret_path(intent_.secrets.size()));
    intent_.secrets.push_back(secret);
  }
  bool stored(const std::string& text) const {
    for (const auto& entry : fs::recursive_directory_iterator(runs_)) {
      if (entry.is_regular_file() && bytes_of(entry.path()).contains(text)) return true;
    }
    return false;
  }
};

TEST_F(SecretsTest, TheCommandReadsThemAgainAndAgainAndChangesNothing) {
  name("TOKEN");
  name("KEY");
  Bytes handed;
  put_secret(handed, BytesView("se\0cret\n", 8));
  put_secret(handed, "k");
  EXPECT_EQ(run_with(handed,
                     "cat $OCTOPODA_SECRET_TOKEN $OCTOPODA_SECRET_TOKEN; cat <$OCTOPODA_SECRET_KEY; "
                     "echo x >$OCTOPODA_SECRET_KEY || echo sealed; cat $OCTOPODA_SECRET_KEY"),
            Exit::done);
  EXPECT_EQ(output(1), Bytes("se\0cret\nse\0cret\nksealed\nk", 25));
}

TEST_F(SecretsTest, NothingOfThemIsOnDiskOrInTheEnvironment) {
  name("TOKEN");
  Bytes handed;
  put_secret(handed, "a-value-nobody-else-has");
  EXPECT_EQ(run_with(handed, "env; tr '\\0' ' ' </proc/$$/cmdline; wc -c <$OCTOPODA_SECRET_TOKEN"),
            Exit::done);
  EXPECT_TRUE(output(1).contains("OCTOPODA_SECRET_TOKEN=/dev/fd/100\n"));
  EXPECT_TRUE(output(1).ends_with("23\n"));
  EXPECT_FALSE(stored("a-value-nobody-else-has"));
}

TEST_F(SecretsTest, OnlyItsUserMayReadThem) {
  name("TOKEN");
  intent_.user = User{65534, 65534, {}};
  intent_.folder = "/";
  Bytes handed;
  put_secret(handed, "v");
  EXPECT_EQ(run_with(handed, "stat -L -c '%a %u' $OCTOPODA_SECRET_TOKEN; cat $OCTOPODA_SECRET_TOKEN"),
            Exit::done);
  EXPECT_EQ(output(1), "400 65534\nv");
}

TEST_F(SecretsTest, NothingStartsWithoutThem) {
  name("TOKEN");
  name("KEY");
  Bytes one;
  put_secret(one, "only one of two");
  for (const Bytes& handed : {Bytes(), one, Bytes("\xff\xff\xff\xff too short", 14)}) {
    EXPECT_EQ(run_with(handed, "true"), Exit::secrets);
    EXPECT_FALSE(fs::exists(folder_ + "/claim")) << "proof that nothing was started";
  }
  // No descriptor at all: of an order that somebody wrote by hand.
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(kSecretsFd);
    ::_exit(static_cast<int>(supervise(folder_)));
  }
  EXPECT_EQ(join(pid), Exit::secrets);
}

TEST(MemoryFileTest, CannotBeChangedByAnyone) {
  const MemoryFile file = MemoryFile::make("test", "value").value();
  EXPECT_LT(::pwrite(file.fd(), "x", 1, 0), 0);
  EXPECT_NE(::ftruncate(file.fd(), 0), 0);
  EXPECT_EQ(::mmap(nullptr, 5, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0), MAP_FAILED);
}

}  // namespace
}  // namespace octo::runner
