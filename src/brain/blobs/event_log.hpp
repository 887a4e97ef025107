// SPDX-License-Identifier: MIT
// The EventLog port: one RecordLog per task, `<folder>/events/<task>.log`, each record one event as the API's
// JSON.
#pragma once
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "async/workers.hpp"
#include "brain/work/ports.hpp"
#include "io/files/record_log.hpp"

namespace octo::brain {

class FileEventLog final : public EventLog {
 public:
  // `workers` must have one thread: appends to one task keep their order.
  static Result<std::unique_ptr<FileEventLog>> open(const std::string& folder, Workers& workers);

  Async<Result<void>> append(const TaskId& task, std::vector<TaskEvent>& events) override;
  Async<Result<void>> sync(const TaskId& task) override;
  Async<Result<std::vector<StoredEvent>>> read(const TaskId& task, std::uint64_t from,
                                               std::size_t count) override;
  Async<Result<Summary>> open(const TaskId& task) override;
  void close(const TaskId& task) override;
  Async<Result<void>> remove(const TaskId& task) override;
  Async<Result<std::vector<std::pair<TaskId, std::uint64_t>>>> sizes() override;

 private:
  // What is remembered of a task whose log is open; touched by the worker's thread only, but for `recent`
  // (the loop's).
  struct Log {
    explicit Log(files::RecordLog records_) : records(std::move(records_)) {}
    files::RecordLog records;
    std::uint64_t last = 0;
    std::vector<std::uint64_t> marks;  // offset of events 1, 65, 129, …
    std::deque<StoredEvent> recent;    // the newest ones, so that listeners who keep up never touch the disk
    std::size_t recent_bytes = 0;
  };

  // Of a log that is closed: where to read on in it without looking at all of it again.
  struct Index {
    TaskId task;
    std::uint64_t last = 0;
    std::vector<std::uint64_t> marks;
  };

  FileEventLog(std::string folder, Workers& workers) : folder_(std::move(folder)), workers_(workers) {}
  std::string path_of(const TaskId& task) const { return folder_ + "/" + task.str() + ".log"; }
  Result<std::pair<std::shared_ptr<Log>, Summary>> load(const TaskId& task) const;
  Async<Result<std::shared_ptr<Log>>> find_or_load(const TaskId& task);
  static void remember(Log& log, std::vector<StoredEvent> events);
  void remember(Index index);
  void forget(const TaskId& task);

  std::string folder_;
  Workers& workers_;
  std::map<TaskId, std::shared_ptr<Log>> open_;
  std::list<Index> indexes_;  // the latest first
};

}  // namespace octo::brain
