// SPDX-License-Identifier: MIT
// Story: the numbered events of one task on their way to disk. Whoever tells waits; what is told meanwhile
// forms the next batch.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "async/event.hpp"
#include "brain/work/ports.hpp"

namespace octo::brain {

class Story {
 public:
  enum class Until : std::uint8_t { readable, durable };

  Story(EventLog& log, TaskId task, Executor executor)
      : log_(log), task_(std::move(task)), changed_(std::move(executor)) {}

  // On an error nothing of these events was taken. `done` is the last word: whatever else comes after it is
  // refused (conflict).
  Async<Result<void>> tell(std::vector<TaskEvent> events, Until until = Until::readable);
  // For who does not wait: goes with what is told next. Nothing, once the last word was told.
  void add(TaskEvent event);
  bool has_more() const { return next_ != nullptr; }  // that nobody writes yet
  // Grows with every batch: whoever reads remembers it, so that no event is slept through.
  std::uint64_t batches() const { return batches_; }
  Async<void> wait_beyond(std::uint64_t batches);
  // The task is concluded: nothing more will be told.
  void close();
  bool closed() const { return closed_; }

 private:
  struct Batch {
    std::vector<TaskEvent> events;
    Until until = Until::readable;
    std::optional<Result<void>> appended;
    std::optional<Result<void>> synced;
  };
  Async<void> write(std::shared_ptr<Batch> batch);

  EventLog& log_;
  TaskId task_;
  Event changed_;
  std::shared_ptr<Batch> next_;
  bool writing_ = false;
  bool closed_ = false;
  bool over_ = false;  // `done` was told
  std::uint64_t batches_ = 0;
};

}  // namespace octo::brain
