// SPDX-License-Identifier: MIT
#include "brain/work/story.hpp"

#include <algorithm>
#include <iterator>

namespace octo::brain {

Async<Result<void>> Story::tell(std::vector<TaskEvent> events, Until until) {
  const bool last =
      std::ranges::any_of(events, [](const TaskEvent& event) { return event.kind == TaskEvent::Kind::done; });
  if (over_ && !last) co_return fail(ErrorCode::conflict, "the task is over");
  over_ = over_ || last;
  if (!next_) next_ = std::make_shared<Batch>();
  const std::shared_ptr<Batch> batch = next_;
  std::ranges::move(events, std::back_inserter(batch->events));
  if (until == Until::durable) batch->until = until;
  while (true) {
    const auto& outcome = until == Until::durable ? batch->synced : batch->appended;
    if (outcome) co_return *outcome;
    if (batch->appended && !*batch->appended) co_return *batch->appended;
    if (writing_) {
      co_await changed_.wait();
    } else {  // the first who finds nobody writing writes for all
      if (next_ == batch) next_.reset();
      co_await write(batch);
    }
  }
}

void Story::add(TaskEvent event) {
  if (over_) return;
  if (!next_) next_ = std::make_shared<Batch>();
  next_->events.push_back(std::move(event));
}

Async<void> Story::write(std::shared_ptr<Batch> batch) {
  struct Writing {
    explicit Writing(Story& of) : story(of) { story.writing_ = true; }
    ~Writing() {
      story.writing_ = false;
      story.changed_.set();
    }
    Story& story;
  } const writing(*this);
  if (!batch->appended) {
    batch->appended = co_await log_.append(task_, batch->events);
    if (!*batch->appended) co_return;
    ++batches_;
    changed_.set();
  }
  if (batch->until == Until::durable) batch->synced = co_await log_.sync(task_);
}

Async<void> Story::wait_beyond(std::uint64_t batches) {
  while (batches_ == batches && !closed_) co_await changed_.wait();
}

void Story::close() {
  closed_ = true;
  changed_.set();
}

}  // namespace octo::brain
