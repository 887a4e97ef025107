// SPDX-License-Identifier: MIT
#include "io/host/host.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace octo::host {

TEST(Host, MemoryAndDiskAreWithinTheirTotals) {
  const auto ram = memory();
  ASSERT_TRUE(ram);
  EXPECT_GT(ram->total, 64ULL << 20);
  EXPECT_GT(ram->used, 0U);
  EXPECT_LT(ram->used, ram->total);
  const auto root = disk("/");
  ASSERT_TRUE(root);
  EXPECT_GT(root->total, 0U);
  EXPECT_LE(root->used, root->total);
  EXPECT_FALSE(disk("/no/such/folder"));
}

TEST(Host, LoadIsAShareAndNeverBelowZero) {
  EXPECT_DOUBLE_EQ(load_between({10, 100}, {60, 200}), 0.5);
  EXPECT_DOUBLE_EQ(load_between({10, 100}, {10, 100}), 0);
  EXPECT_DOUBLE_EQ(load_between({60, 200}, {10, 100}), 0);
  const auto before = cpu_times();
  ASSERT_TRUE(before);
  EXPECT_GT(before->total, before->busy);
}

TEST(Host, KnowsItself) {
  EXPECT_TRUE(platform().starts_with("linux ")) << platform();
  EXPECT_EQ(boot_id().size(), 36U);
  EXPECT_FALSE(host_name().empty());
  const auto mine = process_memory(0);
  ASSERT_TRUE(mine);
  EXPECT_GT(mine->resident, 100'000U);
  EXPECT_FALSE(process_memory(1 << 30));
}

}  // namespace octo::host
