// SPDX-License-Identifier: MIT
#include "brain/blobs/event_log.hpp"

#include "api/records.hpp"
#include "io/files/files.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

namespace {
constexpr std::uint64_t kMarkEvery = 64;
constexpr std::size_t kRecentBytes = 256 * 1024;   // per open task
constexpr std::size_t kBytesAtOnce = 1024 * 1024;  // so that a reader of a long log holds little
constexpr std::size_t kIndexesMax = 16;            // people look at a few finished tasks at a time
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

void FileEventLog::remember(Log& log, std::vector<StoredEvent> events) {
  for (StoredEvent& event : events) {
    log.recent_bytes += sizeof event + event.json.size();
    log.recent.push_back(std::move(event));
  }
  while (log.recent_bytes > kRecentBytes && log.recent.size() > 1) {
    log.recent_bytes -= sizeof(StoredEvent) + log.recent.front().json.size();
    log.recent.pop_front();
  }
}

Async<Result<void>> FileEventLog::append(const TaskId& task, std::vector<TaskEvent>& events) {
  const auto found = open_.find(task);
  if (found == open_.end()) co_return fail(ErrorCode::internal, "the events of task {} are not open", task);
  const std::shared_ptr<Log> log = found->second;
  std::vector<StoredEvent> stored(events.size());
  OCTO_CO_TRY(co_await workers_.run([&]() -> Result<void> {
    std::vector<Bytes> records;
    records.reserve(events.size());
    for (TaskEvent& event : events) {
      event.number = log->last + records.size() + 1;
      records.push_back(api::encode(event));
    }
    const auto offsets = OCTO_TRY(log->records.append_all(records));
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (log->last % kMarkEvery == 0) log->marks.push_back(offsets[i]);
      log->last = events[i].number;
      stored[i] = {events[i].number, events[i].kind, std::move(records[i])};
    }
    return {};
  }));
  remember(*log, std::move(stored));
  co_return Result<void>{};
}

Async<Result<void>> FileEventLog::sync(const TaskId& task) {
  const auto found = open_.find(task);
  if (found == open_.end()) co_return Result<void>{};
  const std::shared_ptr<Log> log = found->second;
  co_return co_await workers_.run([&] { return log->records.sync(); });
}

Async<Result<std::vector<StoredEvent>>> FileEventLog::read(const TaskId& task, std::uint64_t from,
                                                           std::size_t count) {
  const std::shared_ptr<Log> log = OCTO_CO_TRY(co_await find_or_load(task));
  if (from == kLast) from = log->last;
  // Of events that were told and not synced when the power failed, numbers are given again.
  from = std::clamp<std::uint64_t>(from, 1, log->last + 1);
  std::vector<StoredEvent> events;
  std::size_t bytes = 0;
  const auto has_enough = [&] { return events.size() >= count || bytes >= kBytesAtOnce; };
  if (!log->recent.empty() && from >= log->recent.front().number) {
    for (auto event = log->recent.begin() + static_cast<std::ptrdiff_t>(from - log->recent.front().number);
         event != log->recent.end() && !has_enough(); ++event) {
      bytes += event->json.size();
      events.push_back(*event);
    }
    co_return events;
  }
  OCTO_CO_TRY(co_await workers_.run([&]() -> Result<void> {
    if (from > log->last || count == 0) return {};
    std::uint64_t number = (from - 1) / kMarkEvery * kMarkEvery;
    return log->records.read_on(
        log->marks[(from - 1) / kMarkEvery],
        [&](std::uint64_t, BytesView record) -> Result<files::RecordLog::Next> {
          using Next = files::RecordLog::Next;
          if (++number < from) return Next::more;
          events.push_back({number, OCTO_TRY(api::kind_of_task_event(record)), std::string(record)});
          bytes += record.size();
          return number == log->last || has_enough() ? Next::stop : Next::more;
        });
  }));
  co_return events;
}

}  // namespace octo::brain
