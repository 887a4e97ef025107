// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <fstream>

#include "api/records.hpp"
#include "brain/blobs/blobs.hpp"
#include "brain/blobs/event_log.hpp"
#include "io/crypto/crypto.hpp"

namespace octo::brain {
namespace {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/octo_blobs_XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() { (void)files::remove_tree(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

template <class Body>
void on_loop(Body body) {
  asio::io_context loop;
  std::exception_ptr error;
  asio::co_spawn(loop, body(), [&](std::exception_ptr e) { error = e; });
  loop.run();
  if (error) std::rethrow_exception(error);
}

TaskEvent output_event(std::uint64_t offset, std::string bytes) {
  TaskEvent event;
  event.kind = TaskEvent::Kind::output;
  event.run.id = RunId{TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 0, NodeName("pi0"), 1};
  event.output = OutputPiece{OutputStream::out, offset, std::move(bytes)};
  return event;
}

std::uint64_t offset_of(const StoredEvent& event) {
  EXPECT_EQ(event.kind, TaskEvent::Kind::output);
  const TaskEvent decoded = api::decode_task_event(event.json).value();
  EXPECT_EQ(decoded.number, event.number);
  return decoded.output.offset;
}

const TaskId kTask("01ARZ3NDEKTSV4RRFFQ69G5FAV");

TEST(EventLog, NumbersWithoutGapsAndReadsFromAnywhere) {
  on_loop([]() -> Async<void> {
    const Folder folder;
    InlineWorkers workers;
    auto log = FileEventLog::open(folder.path(), workers).value();
    EXPECT_TRUE((co_await log->open(kTask)).has_value());
    for (std::uint64_t i = 0; i < 500; ++i) {
      std::vector<TaskEvent> events = {output_event(i * 1000, std::string(1000, 'x'))};
      EXPECT_TRUE((co_await log->append(kTask, events)).has_value());
      EXPECT_EQ(events[0].number, i + 1);
    }
    for (const std::uint64_t from : {1U, 2U, 64U, 65U, 66U, 300U, 499U, 500U}) {
      const auto events = (co_await log->read(kTask, from, 3)).value();
      EXPECT_FALSE(events.empty()) << from;
      EXPECT_EQ(events[0].number, from);
      EXPECT_EQ(offset_of(events[0]), (from - 1) * 1000);
    }
    EXPECT_TRUE((co_await log->read(kTask, 501, 3)).value().empty());
    const auto last = (co_await log->read(kTask, EventLog::kLast, 3)).value();
    EXPECT_EQ(last.size(), 1U);
    EXPECT_EQ(last.at(0).number, 500U);
  });
}

TEST(EventLog, WhoReadsAllOfItInPiecesGetsEachEventOnce) {
  on_loop([]() -> Async<void> {
    const Folder folder;
    InlineWorkers workers;
    auto log = FileEventLog::open(folder.path(), workers).value();
    (void)(co_await log->open(kTask)).value();
    // From small ones to one that is larger than what is read at a time, and far more than is kept in memory.
    std::uint64_t written = 0;
    for (std::uint64_t batch = 0; batch < 40; ++batch) {
      std::vector<TaskEvent> events;
      for (std::uint64_t i = 0; i <= batch; ++i)
        events.push_back(output_event(written++, std::string(batch * 100 + (i == 7 ? 100'000 : 0), 'x')));
      EXPECT_TRUE((co_await log->append(kTask, events)).has_value());
      EXPECT_EQ(events.back().number, written);
    }
    for (const std::size_t count : {1U, 3U, 64U, 1000U}) {
      std::uint64_t next = 1;
      while (true) {
        const auto events = (co_await log->read(kTask, next, count)).value();
        if (events.empty()) break;
        EXPECT_LE(events.size(), count);
        for (const StoredEvent& event : events) {
          EXPECT_EQ(event.number, next);
          EXPECT_EQ(offset_of(event), next - 1);
          ++next;
        }
      }
      EXPECT_EQ(next, written + 1) << count;
    }
  });
}

// Or a long one would be looked at as a whole for each piece that is read.
TEST(EventLog, AClosedLogIsReadOnWithoutLookingAtAllOfIt) {
  on_loop([]() -> Async<void> {
    const Folder folder;
    InlineWorkers workers;
    auto log = FileEventLog::open(folder.path(), workers).value();
    (void)(co_await log->open(kTask)).value();
    std::vector<TaskEvent> events;
    for (std::uint64_t i = 0; i < 300; ++i) events.push_back(output_event(i * 10, std::string(10, 'x')));
    (co_await log->append(kTask, events)).value();
    log->close(kTask);
    // Were all of it looked at, this would be damage.
    const std::string path = folder.path() + "/events/" + kTask.str() + ".log";
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(12);
      file.put('\x7f');
    }
    const auto late = (co_await log->read(kTask, 200, 50)).value();
    EXPECT_EQ(late.size(), 50U);
    EXPECT_EQ(late.at(0).number, 200U);
    EXPECT_EQ(offset_of(late.at(49)), 248U * 10);
    EXPECT_EQ((co_await log->read(kTask, EventLog::kLast, 50)).value().at(0).number, 300U);
    EXPECT_EQ((co_await log->read(kTask, 1, 1)).error().code(), ErrorCode::corrupt);
    EXPECT_TRUE((co_await log->remove(kTask)).has_value());
    EXPECT_EQ((co_await log->read(kTask, 200, 50)).error().code(), ErrorCode::not_found);
  });
}

TEST(EventLog, SizesAreToldAndATasksLogCanBeRemoved) {
  on_loop([]() -> Async<void> {
    const Folder folder;
    InlineWorkers workers;
    auto log = FileEventLog::open(folder.path(), workers).value();
    const TaskId later("01BRZ3NDEKTSV4RRFFQ69G5FAV");
    for (const TaskId& task : {later, kTask}) {
      EXPECT_TRUE((co_await log->open(task)).has_value());
      std::vector<TaskEvent> events = {output_event(0, std::string(1000, 'x'))};
      EXPECT_TRUE((co_await log->append(task, events)).has_value());
      log->close(task);
    }
    const auto sizes = (co_await log->sizes()).value();
    EXPECT_EQ(sizes.size(), 2U);
    EXPECT_EQ(sizes.at(0).first, kTask) << "the oldest first";
    EXPECT_GT(sizes.at(0).second, 1000U);
    EXPECT_TRUE((co_await log->remove(kTask)).has_value());
    EXPECT_TRUE((co_await log->remove(kTask)).has_value());
    EXPECT_EQ((co_await log->read(kTask, 1, 1)).error().code(), ErrorCode::not_found);
    EXPECT_EQ((co_await log->sizes()).value().size(), 1U);
  });
}

TEST(EventLog, ATornTailIsCutAndWhatWasWholeStays) {
  on_loop([]() -> Async<void> {
    const Folder folder;
    InlineWorkers workers;
    {
      auto log = FileEventLog::open(folder.path(), workers).value();
      (void)(co_await log->open(kTask)).value();
      std::vector<TaskEvent> events = {output_event(0, "hello"), output_event(5, "world")};
      (co_await log->append(kTask, events)).value();
      (co_await log->sync(kTask)).value();
    }
    const std::string path = folder.path() + "/events/" + kTask.str() + ".log";
    std::ofstream(path, std::ios::app | std::ios::binary) << std::string("\0\0\0\x20 half", 9);
    auto log = FileEventLog::open(folder.path(), workers).value();
    const auto summary = (co_await log->open(kTask)).value();
    EXPECT_EQ(summary.last, 2U);
    EXPECT_EQ(summary.output.size(), 1U);
    EXPECT_EQ(summary.output[0].second.durable.out, 10U);
    EXPECT_EQ(summary.output[0].second.bytes, output_cost(OutputPiece{.bytes = "hello"}) * 2);
    EXPECT_EQ((co_await log->read(kTask, 1, 10)).value().size(), 2U);
  });
}

TEST(EventLog, DamageInTheMiddleEndsTheLogBeforeItAndIsKeptAsLongAsTheLog) {
  on_loop([]() -> Async<void> {
    const Folder folder;
    InlineWorkers workers;
    {
      auto log = FileEventLog::open(folder.path(), workers).value();
      (void)(co_await log->open(kTask)).value();
      std::vector<TaskEvent> events = {output_event(0, "hello"), output_event(5, "world")};
      (co_await log->append(kTask, events)).value();
    }
    const std::string path = folder.path() + "/events/" + kTask.str() + ".log";
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(20).put('!');
    auto log = FileEventLog::open(folder.path(), workers).value();
    EXPECT_EQ((co_await log->open(kTask)).value().last, 0U);
    EXPECT_TRUE(files::exists(path + ".damaged"));
    std::vector<TaskEvent> events = {output_event(0, "hello")};
    (co_await log->append(kTask, events)).value();
    EXPECT_EQ((co_await log->read(kTask, 3, 10)).value().size(), 0U);
    EXPECT_EQ((co_await log->read(kTask, 1, 10)).value().size(), 1U);
    (co_await log->remove(kTask)).value();
    EXPECT_FALSE(files::exists(path + ".damaged"));
  });
}

TEST(Blobs, KeepsWhatFitsItsHashAndNothingElse) {
  on_loop([]() -> Async<void> {
    const Folder folder;
    InlineWorkers workers;
    auto blobs = ChunkBlobs::open(folder.path(), workers).value();
    const Sha256 hash = blobs->digest("hello");
    EXPECT_EQ((co_await blobs->missing({hash})).value(), std::vector<Sha256>{hash});
    EXPECT_EQ((co_await blobs->put(hash, "hallo")).error().code(), ErrorCode::invalid_argument);
    EXPECT_TRUE((co_await blobs->put(hash, "hello")).has_value());
    EXPECT_TRUE((co_await blobs->missing({hash})).value().empty());
    EXPECT_EQ((co_await blobs->get(hash)).value(), "hello");
    EXPECT_EQ((co_await blobs->get(blobs->digest("x"))).error().code(), ErrorCode::not_found);
  });
}

}  // namespace
}  // namespace octo::brain
