// SPDX-License-Identifier: MIT
#include "io/files/record_log.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/files/files.hpp"

namespace octo::files {

namespace {

class RecordLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/octopoda-log.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    path = folder + "/log";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  Result<std::vector<std::string>> read_all() {
    std::vector<std::string> records;
    auto log = RecordLog::open(path, [&](std::uint64_t, BytesView record) -> Result<void> {
      records.emplace_back(record);
      return {};
    });
    if (!log) return Failure(log.error());
    return records;
  }
  void write(const std::vector<std::string>& records) {
    auto log = RecordLog::open(path, [](std::uint64_t, BytesView) -> Result<void> { return {}; }).value();
    for (const std::string& record : records) log.append(record).value();
    log.sync().value();
  }
  std::string folder, path;
};

const std::vector<std::string> kRecords = {"first", "2", std::string("\0\xff", 2), std::string(5000, 'x')};

}  // namespace

TEST_F(RecordLogTest, RecordsComeBackInOrderAndByOffset) {
  write(kRecords);
  EXPECT_EQ(read_all().value(), kRecords);
  auto log = RecordLog::open(path, [](std::uint64_t, BytesView) -> Result<void> { return {}; }).value();
  std::uint64_t offset = 0;
  for (const std::string& record : kRecords) {
    auto read = log.read(offset).value();
    EXPECT_EQ(read.record, record);
    offset = read.next;
  }
  EXPECT_EQ(offset, log.size());
}

TEST_F(RecordLogTest, SeveralAreWrittenAndReadAtOnce) {
  // From one that fits many times into what is read at a time to one that does not fit into it.
  std::vector<Bytes> records;
  for (std::size_t i = 1; i <= 300; ++i) records.emplace_back(i * i, static_cast<char>('a' + i % 26));
  records.emplace_back(300'000, 'z');
  records.emplace_back("last");
  auto log = RecordLog::open(path, [](std::uint64_t, BytesView) -> Result<void> { return {}; }).value();
  const std::uint64_t first = log.append("before").value();
  const auto offsets = log.append_all(records).value();
  ASSERT_EQ(offsets.size(), records.size());
  EXPECT_EQ(log.append_all(std::vector<Bytes>{"fits", ""}).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(log.read(offsets[7]).value().record, records[7]);
  EXPECT_EQ(log.read(first).value().next, offsets[0]);
  for (const std::size_t from : {std::size_t{0}, std::size_t{250}, records.size() - 2}) {
    std::size_t at = from;
    const auto read =
        log.read_on(offsets[from], [&](std::uint64_t offset, BytesView record) -> Result<RecordLog::Next> {
          EXPECT_EQ(offset, offsets[at]);
          EXPECT_EQ(record, records[at]);
          return ++at == records.size() ? RecordLog::Next::stop : RecordLog::Next::more;
        });
    EXPECT_TRUE(read.has_value());
    EXPECT_EQ(at, records.size());
  }
  std::size_t seen = 0;
  const auto beyond = log.read_on(offsets.back(), [&](std::uint64_t, BytesView) -> Result<RecordLog::Next> {
    ++seen;
    return RecordLog::Next::more;
  });
  EXPECT_EQ(beyond.error().code(), ErrorCode::corrupt) << "there is no record behind the last";
  EXPECT_EQ(seen, 1U);
}

TEST_F(RecordLogTest, WhereverTheTailIsTornTheRecordsBeforeItStay) {
  write(kRecords);
  const Bytes whole = load(path, 1 << 20).value();
  const std::size_t third = 8 + 5 + 8 + 1 + 8 + 2;  // where the last record begins
  for (std::size_t cut = third; cut < whole.size(); cut += cut < third + 16 ? 1 : 611) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, cut);
    const auto records = read_all();
    ASSERT_TRUE(records) << cut << ": " << records.error().message();
    EXPECT_EQ(*records, std::vector<std::string>(kRecords.begin(), kRecords.begin() + 3)) << cut;
    write({"next"});
    EXPECT_EQ(read_all().value().back(), "next");
  }
}

TEST_F(RecordLogTest, DamageWithRecordsBehindItIsSetAsideAndTold) {
  write(kRecords);
  const Bytes whole = load(path, 1 << 20).value();
  constexpr std::size_t kSecond = 8 + 5;
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(kSecond + 8);
  file.put('3');
  file.close();
  std::vector<std::string> records;
  auto log = RecordLog::open(path, [&](std::uint64_t, BytesView record) -> Result<void> {
               records.emplace_back(record);
               return {};
             }).value();
  EXPECT_EQ(records, std::vector<std::string>{"first"});
  ASSERT_TRUE(log.damage());
  EXPECT_NE(log.damage()->find(path + ": damaged record at offset 13"), std::string::npos) << *log.damage();
  Bytes aside = whole.substr(kSecond);
  aside[8] = '3';
  EXPECT_EQ(load(path + ".damaged", 1 << 20).value(), aside);
  log.append("next").value();
  EXPECT_EQ(read_all().value(), (std::vector<std::string>{"first", "next"}));
}

TEST_F(RecordLogTest, ZerosUpToTheEndAreATornTailAndNoRecords) {
  write(kRecords);
  for (const std::size_t zeros : {1U, 8U, 16U, 5000U}) {
    std::ofstream(path, std::ios::binary | std::ios::app) << std::string(zeros, '\0');
    EXPECT_EQ(read_all().value(), kRecords) << zeros;
  }
  auto log = RecordLog::open(path, [](std::uint64_t, BytesView) -> Result<void> { return {}; }).value();
  EXPECT_EQ(log.append("").error().code(), ErrorCode::invalid_argument);
}

TEST_F(RecordLogTest, ZerosWithRecordsBehindThemAreDamage) {
  write(kRecords);
  std::ofstream(path, std::ios::binary | std::ios::app) << std::string(64, '\0') << "more";
  EXPECT_EQ(read_all().value(), kRecords);
  EXPECT_EQ(load(path + ".damaged", 1000).value(), std::string(64, '\0') + "more");
}

}  // namespace octo::files
