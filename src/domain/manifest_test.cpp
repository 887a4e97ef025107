// SPDX-License-Identifier: MIT
#include "domain/manifest.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "domain/limits.hpp"

namespace octo {
namespace {

using Kind = ManifestEntry::Kind;

Manifest sample() {
  Manifest manifest;
  manifest.entries = {{"a", Kind::folder, 0755, "", {}},
                      {"a/b c.txt", Kind::file, 0644, "", {{Sha256{}, 5}}},
                      {"a/link", Kind::symlink, 0777, "../d", {}},
                      {"d", Kind::file, 0755, "", {}}};
  return manifest;
}

TEST(Manifest, GoesThereAndBack) { EXPECT_EQ(decode_manifest(encode(sample())).value(), sample()); }

TEST(Manifest, EveryTruncationIsRefused) {
  const Bytes whole = encode(sample());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_manifest(whole.substr(0, size))) << size;
  EXPECT_FALSE(decode_manifest(whole + "x"));
}

TEST(Manifest, ASizeThatLiesTakesNoMemory) {
  Bytes bytes = "octm1\n";
  put_u32(bytes, 1);
  put_u8(bytes, 1);
  put_u16(bytes, 0644);
  put_u16(bytes, 1);
  bytes += "x";
  put_u16(bytes, 0);
  put_u32(bytes, 0xffffffff);
  EXPECT_FALSE(decode_manifest(bytes));
}

TEST(Manifest, WhatGitWouldRefuseOrComplainOfForEverIsRefusedByName) {
  const auto refused = [](const std::string& name, Kind kind) {
    Manifest manifest;
    manifest.entries = {{"sub", Kind::folder, 0755, "", {}},
                        {"sub/" + name, kind, 0755, kind == Kind::symlink ? "x" : "", {}}};
    const auto checked = check(manifest);
    return !checked && checked.error().message().find("sub/") != std::string::npos &&
           checked.error().message().find("rename it") != std::string::npos;
  };
  for (const Kind kind : {Kind::file, Kind::folder, Kind::symlink}) {
    for (const char* name : {"git~1", "GIT~1. .", ".git.", ".git ", ".git:stream", ".g\u200cit", "\ufeff.git",
                             "a\\.git", "git~1\\b"}) {
      EXPECT_TRUE(refused(name, kind)) << name;
    }
    for (const char* name : {"git~2", "git", ".gitx", ".github", "x.git", "..git", ".git\u00e9", "a\\b",
                             "dev\\x2duuid", ".gitmodulesx", "gitmod~5", "~1", "\xe2\x80"}) {
      EXPECT_FALSE(refused(name, kind)) << name;
    }
  }
  for (const char* name : {".gitmodules", ".GitModules", "gitmod~1", "gi7eba~1", "gi7~1234", ".gitmodules. ",
                           ".gitmod\u200dules", "x\\.gitmodules"}) {
    EXPECT_TRUE(refused(name, Kind::symlink)) << name;
    EXPECT_TRUE(refused(name, Kind::folder)) << name;
    EXPECT_FALSE(refused(name, Kind::file)) << name;
  }
  EXPECT_TRUE(refused(".gitattributes", Kind::folder));
  for (const char* name : {".gitattributes", ".gitignore", ".mailmap"}) {
    EXPECT_FALSE(refused(name, Kind::symlink)) << name;
  }
  EXPECT_FALSE(refused(".gitignore", Kind::folder));
}

TEST(Manifest, WhatWouldLeaveTheFolderIsRefusedByName) {
  const auto refused = [](ManifestEntry entry) {
    Manifest manifest;
    manifest.entries = {std::move(entry)};
    const auto checked = check(manifest);
    return !checked && checked.error().message().find('\'') != std::string::npos;
  };
  for (const auto* path :
       {"", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "./a", ".git/config", "x/.GIT/y"}) {
    EXPECT_TRUE(refused({path, Kind::file, 0644, "", {}})) << path;
  }
  EXPECT_TRUE(refused({std::string("a\0b", 3), Kind::file, 0644, "", {}}));
  EXPECT_TRUE(refused({"a", Kind::file, 04755, "", {}}));
  EXPECT_TRUE(refused({"a", Kind::symlink, 0777, "/etc", {}}));
  EXPECT_TRUE(refused({"a", Kind::symlink, 0777, "../x", {}}));
  EXPECT_TRUE(refused({"a/b", Kind::file, 0644, "", {}}));  // its folder is not listed
  EXPECT_TRUE(refused({"a", Kind::file, 0644, "", {{Sha256{}, 0}}}));
}

TEST(Manifest, UnsortedOrRepeatedEntriesAreRefused) {
  Manifest manifest = sample();
  std::swap(manifest.entries[1], manifest.entries[2]);
  EXPECT_FALSE(check(manifest));
  manifest = sample();
  manifest.entries.push_back(manifest.entries.back());
  EXPECT_FALSE(check(manifest));
}

TEST(Manifest, BelowGivesOneFolderWithItsOwnPaths) {
  const Manifest inner = below(sample(), "a");
  ASSERT_EQ(inner.entries.size(), 2U);
  EXPECT_EQ(inner.entries[0].path, "b c.txt");
  EXPECT_TRUE(below(sample(), "none").entries.empty());
}

std::vector<std::string> cut(const Bytes& data) {
  std::vector<std::string> chunks;
  BytesView rest(data);
  while (!rest.empty()) {
    const std::size_t size = next_cut(rest);
    chunks.emplace_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return chunks;
}

TEST(Chunker, CutsWithinItsBoundsAndNearItsAverage) {
  std::mt19937 random(3);
  Bytes data(8 * 1024 * 1024, '\0');
  for (char& c : data) c = static_cast<char>(random());
  const auto chunks = cut(data);
  for (std::size_t i = 0; i + 1 < chunks.size(); ++i) {
    EXPECT_GE(chunks[i].size(), limits::chunk_bytes_min);
    EXPECT_LE(chunks[i].size(), limits::chunk_bytes_max);
  }
  const std::size_t average = data.size() / chunks.size();
  EXPECT_GT(average, limits::chunk_bytes_average / 2);
  EXPECT_LT(average, limits::chunk_bytes_average * 2);
}

TEST(Chunker, AnInsertionChangesOnlyItsNeighbours) {
  std::mt19937 random(4);
  Bytes data(4 * 1024 * 1024, '\0');
  for (char& c : data) c = static_cast<char>(random());
  const auto before = cut(data);
  data.insert(data.size() / 2, "one small insertion");
  const auto after = cut(data);
  const std::set<std::string> known(before.begin(), before.end());
  std::size_t fresh = 0;
  for (const auto& chunk : after) fresh += known.contains(chunk) ? 0 : 1;
  EXPECT_LE(fresh, 3U);
}

}  // namespace
}  // namespace octo
