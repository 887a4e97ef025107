// SPDX-License-Identifier: MIT
#include "io/store/store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace octo::store {

const std::vector<Migration> kFirst = {{1, "CREATE TABLE t (name TEXT PRIMARY KEY, value INTEGER)"}};

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octopoda-store.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    path = folder + "/t.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  static std::vector<std::string> names(Store& store) {
    std::vector<std::string> found;
    EXPECT_TRUE(store.query("SELECT name FROM t ORDER BY name", {},
                            [&](const Row& row) { found.push_back(row.text(0)); }));
    return found;
  }
  std::string folder, path;
};

TEST_F(StoreTest, KeepsWhatWasCommittedAndBytesAsTheyAre) {
  const std::string odd("a\0b\xff", 4);
  {
    auto store = Store::open(path, kFirst).value();
    ASSERT_TRUE(store->transact(
        [&] { return store->run("INSERT INTO t VALUES (?, ?)", std::vector<Value>{odd, std::int64_t{7}}); }));
  }
  auto store = Store::open(path, kFirst).value();
  EXPECT_EQ(names(*store), std::vector<std::string>{odd});
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(StoreTest, AFailedTransactionLeavesNothing) {
  auto store = Store::open(path, kFirst).value();
  const auto done = store->transact([&]() -> Result<void> {
    OCTO_TRY(store->run("INSERT INTO t VALUES ('a', 1)"));
    return store->run("INSERT INTO t VALUES ('a', 2)");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::conflict);
  EXPECT_TRUE(names(*store).empty());
  EXPECT_TRUE(store->transact([&] { return store->run("INSERT INTO t VALUES ('b', NULL)"); }))
      << "the store goes on";
}

TEST_F(StoreTest, MigrationsAreAppliedOnceAndInOrder) {
  {
    ASSERT_TRUE(Store::open(path, kFirst));
  }
  std::vector<Migration> more = kFirst;
  more.push_back({2, "ALTER TABLE t ADD COLUMN note TEXT; INSERT INTO t VALUES ('m', 1, 'x')"});
  for (int i = 0; i < 2; ++i) {
    auto store = Store::open(path, more);
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_EQ(names(**store).size(), 1U);
  }
  more.push_back({3, "CREATE TABLE t (wrong INTEGER)"});
  EXPECT_FALSE(Store::open(path, more));
  more.pop_back();
  EXPECT_TRUE(Store::open(path, more)) << "a failed migration changed nothing";
}

TEST_F(StoreTest, ASecondOpenIsRefusedByName) {
  const auto first = Store::open(path, kFirst);
  ASSERT_TRUE(first);
  const auto second = Store::open(path, kFirst);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::conflict);
  EXPECT_NE(second.error().message().find(path), std::string::npos);
}

TEST_F(StoreTest, DamageIsReportedWithTheFile) {
  std::ofstream(path) << std::string(8192, 'x');
  const auto store = Store::open(path, kFirst);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::corrupt);
  EXPECT_NE(store.error().message().find(".recover"), std::string::npos);
}

}  // namespace octo::store
