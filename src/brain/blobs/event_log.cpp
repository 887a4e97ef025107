// SPDX-License-Identifier: MIT
#include "brain/blobs/event_log.hpp"

#include "api/records.hpp"
#include "io/files/files.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {
constexpr std::uint64_t kMarkEvery = 64;
constexpr std::size_t kRecentBytes = 256 * 1024;  // per open task
constexpr std::size_t kIndexesMax = 16;           // people look at a few finished tasks at a time
}  // namespace

Result<std::unique_ptr<FileEventLog>> FileEventLog::open(const std::string& folder, Workers& workers) {
  OCTO_TRY(files::make_folders(folder + "/events").with("open the event logs"));
  return std::unique_ptr<FileEventLog>(new FileEventLog(folder + "/events", workers));
}

Result<std::pair<std::shared_ptr<FileEventLog::Log>, EventLog::Summary>> FileEventLog::load(
    const TaskId& task) const {
  std::vector<std::uint64_t> marks;
  Summary summary;
  std::map<RunId, Summary::Output> output;
  std::map<RunId, RunState> states;
  auto records = OCTO_TRY(
      files::RecordLog::open(path_of(task), [&](std::uint64_t offset, BytesView record) -> Result<void> {
        const TaskEvent event = OCTO_TRY(api::decode_task_event(record));
        if (summary.last % kMarkEvery == 0) marks.push_back(offset);
        summary.last = event.number;
        if (event.kind == TaskEvent::Kind::output) {
          auto& [durable, bytes] = output[event.run.id];
          std::uint64_t& mark = durable.of(event.output.stream);
          mark = std::max(mark, event.output.offset + event.output.bytes.size());
          bytes += output_cost(event.output);
        } else if (event.kind == TaskEvent::Kind::state) {
          states[event.run.id] = event.run.state;
        } else if (!event.barrier.empty()) {
          summary.barriers.emplace_back(event.step, event.barrier);
        } else if (event.kind == TaskEvent::Kind::done) {
          summary.done = true;
        }
        return {};
      }).with(fmt::format("open the events of task {}", task)));
  if (records.damage()) log::error("task {}: {}", task, *records.damage());
  auto log = std::make_shared<Log>(std::move(records));
  log->last = summary.last;
  log->marks = std::move(marks);
  summary.output.assign(output.begin(), output.end());
  summary.states.assign(states.begin(), states.end());
  return std::pair(std::move(log), std::move(summary));
}

Async<Result<EventLog::Summary>> FileEventLog::open(const TaskId& task) {
  auto [log, summary] = OCTO_CO_TRY(co_await workers_.run([&] { return load(task); }));
  forget(task);
  open_.insert_or_assign(task, std::move(log));
  co_return std::move(summary);
}

void FileEventLog::close(const TaskId& task) {
  const auto found = open_.find(task);
  if (found == open_.end()) return;
  remember({task, found->second->last, found->second->marks});
  open_.erase(found);
}

void FileEventLog::remember(Index index) {
  indexes_.push_front(std::move(index));
  if (indexes_.size() > kIndexesMax) indexes_.pop_back();
}

void FileEventLog::forget(const TaskId& task) {
  indexes_.remove_if([&](const Index& index) { return index.task == task; });
}

Async<Result<void>> FileEventLog::remove(const TaskId& task) {
  open_.erase(task);
  forget(task);
  co_return co_await workers_.run([&]() -> Result<void> {
    OCTO_TRY(files::remove_tree(path_of(task) + ".damaged"));
    return files::remove_tree(path_of(task));
  });
}

Async<Result<std::vector<std::pair<TaskId, std::uint64_t>>>> FileEventLog::sizes() {
  using Sizes = std::vector<std::pair<TaskId, std::uint64_t>>;
  co_return co_await workers_.run([&]() -> Result<Sizes> {
    constexpr std::string_view kEnd = ".log";
    Sizes sizes;
    // Ids sort by their time, and list() sorts.
    for (const std::string& name : OCTO_TRY(files::list(folder_))) {
      if (!name.ends_with(kEnd)) continue;
      auto task = parse_task_id(std::string_view(name).substr(0, name.size() - kEnd.size()));
      if (!task) continue;
      const auto bytes = OCTO_TRY(files::size(files::join(folder_, name)));
      sizes.emplace_back(std::move(*task), bytes);
    }
    return sizes;
  });
}

Async<Result<std::shared_ptr<FileEventLog::Log>>> FileEventLog::find_or_load(const TaskId& task) {
  if (const auto found = open_.find(task); found != open_.end()) co_return found->second;
  if (!files::exists(path_of(task)))
    co_return fail(ErrorCode::not_found, "task {} has no events any more", task);
  const auto index = std::ranges::find(indexes_, task, &Index::task);
  if (index == indexes_.end()) {
    const auto loaded = OCTO_CO_TRY(co_await workers_.run([&] { return load(task); }));
    forget(task);  // another reader may have been as quick
    remember({task, loaded.first->last, loaded.first->marks});
    co_return loaded.first;
  }
  indexes_.splice(indexes_.begin(), indexes_, index);
  const auto log = std::make_shared<Log>(OCTO_CO_TRY(files::RecordLog::view(path_of(task))));
  log->last = index->last;
  log->marks = index->marks;
  co_return log;
}

void FileEventLog::remember(Log& log, const std::vector<TaskEvent>& events) {
  for (const TaskEvent& event : events) {
    log.recent.push_back(event);
    log.recent_bytes += sizeof event + event.output.bytes.size();
  }
  while (log.recent_bytes > kRecentBytes && log.recent.size() > 1) {
    log.recent_bytes -= sizeof(TaskEvent) + log.recent.front().output.bytes.size();
    log.recent.pop_front();
  }
}

Async<Result<void>> FileEventLog::append(const TaskId& task, std::vector<TaskEvent>& events) {
  const auto found = open_.find(task);
  if (found == open_.end()) co_return fail(ErrorCode::internal, "the events of task {} are not open", task);
  const std::shared_ptr<Log> log = found->second;
  OCTO_CO_TRY(co_await workers_.run([&]() -> Result<void> {
    for (TaskEvent& event : events) {
      event.number = log->last + 1;
      const std::uint64_t offset = OCTO_TRY(log->records.append(api::encode(event)));
      if (log->last % kMarkEvery == 0) log->marks.push_back(offset);
      log->last = event.number;
    }
    return {};
  }));
  remember(*log, events);
  co_return Result<void>{};
}

Async<Result<void>> FileEventLog::sync(const TaskId& task) {
  const auto found = open_.find(task);
  if (found == open_.end()) co_return Result<void>{};
  const std::shared_ptr<Log> log = found->second;
  co_return co_await workers_.run([&] { return log->records.sync(); });
}

Async<Result<std::vector<TaskEvent>>> FileEventLog::read(const TaskId& task, std::uint64_t from,
                                                         std::size_t count) {
  constexpr std::size_t kBytesAtOnce = 1024 * 1024;  // so that a reader of a long log holds little
  const std::shared_ptr<Log> log = OCTO_CO_TRY(co_await find_or_load(task));
  if (from == kLast) from = log->last;
  // Of events that were told and not synced when the power failed, numbers are given again.
  from = std::clamp<std::uint64_t>(from, 1, log->last + 1);
  std::vector<TaskEvent> events;
  if (!log->recent.empty() && from >= log->recent.front().number) {
    for (auto event = log->recent.begin() + static_cast<std::ptrdiff_t>(from - log->recent.front().number);
         from <= log->recent.back().number && event != log->recent.end() && events.size() < count; ++event) {
      events.push_back(*event);
    }
    co_return events;
  }
  OCTO_CO_TRY(co_await workers_.run([&]() -> Result<void> {
    if (from > log->last) return {};
    std::uint64_t offset = log->marks[(from - 1) / kMarkEvery];
    std::size_t bytes = 0;
    for (std::uint64_t number = (from - 1) / kMarkEvery * kMarkEvery + 1;
         number <= log->last && events.size() < count && bytes < kBytesAtOnce; ++number) {
      auto record = OCTO_TRY(log->records.read(offset));
      offset = record.next;
      if (number < from) continue;
      bytes += record.record.size();
      events.push_back(OCTO_TRY(api::decode_task_event(record.record)));
    }
    return {};
  }));
  co_return events;
}

}  // namespace octo::brain
