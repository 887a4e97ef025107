// SPDX-License-Identifier: MIT
// Start, stop, nodes, and listening.
#include "brain/work/engine.hpp"

#include <algorithm>

#include "domain/fold.hpp"
#include "domain/limits.hpp"
#include "io/log/log.hpp"

namespace octo::brain {

Async<Result<std::unique_ptr<Verbs>>> Verbs::open(Ports ports, Executor executor) {
  auto engine = std::make_unique<Engine>(ports, executor);
  auto loaded = co_await engine->load();
  if (!loaded) {
    co_await engine->stop();
    co_return fail(loaded.error().with("go on with what is stored"));
  }
  co_return std::unique_ptr<Verbs>(std::move(engine));
}

Engine::Engine(Ports ports, Executor executor)
    : ports_(ports),
      executor_(executor),
      due_changed_(executor),
      began_(ports.clock.now()),
      began_wall_(ports.clock.wall()),
      nursery_(executor) {}

Engine::~Engine() = default;

Async<Result<void>> Engine::load() {
  for (NodeRecord& node : OCTO_CO_TRY(co_await ports_.ledger.nodes())) nodes_[node.name] = node;
  for (StoredTask& stored : OCTO_CO_TRY(co_await ports_.ledger.open_tasks())) {
    const TaskId id = stored.record.id;
    const Task task = OCTO_CO_TRY((co_await revive(std::move(stored))).with(fmt::format("task {}", id)));
    nursery_.spawn(task->journey ? drive_journey(task) : drive_command(task));
  }
  // Listed before anybody can start a task: of those that come now the events are older than the ledger's
  // row.
  std::vector<TaskId> told;
  if (const auto sizes = co_await ports_.events.sizes()) {
    for (const auto& [id, bytes] : *sizes) told.push_back(id);
  } else {
    log::warning("whose events are on disk is not known: {}", sizes.error().message());
  }
  if (!live_.empty()) log::info("going on with {} tasks", live_.size());
  nursery_.spawn(sweep());
  nursery_.spawn(keep_house(std::move(told)));
  co_return Result<void>{};
}

Async<void> Engine::stop() {
  for (const auto& [id, task] : live_) task->story.close();
  nursery_.cancel();
  co_await nursery_.join();
}

// ULID: 48 bits of milliseconds, 80 random ones, in Crockford's alphabet.
TaskId Engine::make_task_id() {
  static constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto since =
      std::chrono::floor<std::chrono::milliseconds>(ports_.clock.wall()).time_since_epoch().count();
  Bytes bits;
  put_u64(bits, static_cast<std::uint64_t>(since) << 16);
  bits = bits.substr(0, 6) + ports_.random.bytes(10);
  std::string text;
  // 130 bits: two zero bits before the 128 of ours.
  for (int digit = 0; digit < 26; ++digit) {
    unsigned value = 0;
    for (int bit = digit * 5 - 2; bit < digit * 5 + 3; ++bit) {
      const bool set =
          bit >= 0 &&
          (static_cast<std::uint8_t>(bits[static_cast<std::size_t>(bit) / 8]) >> (7 - bit % 8) & 1) != 0;
      value = value << 1 | static_cast<unsigned>(set);
    }
    text += kAlphabet[value];
  }
  return TaskId(text);
}

NodeState Engine::absent(const NodeRecord& node) const {
  // While it is connected it is not written down when it was last heard.
  const bool was_here =
      node.last_heard <= node.online_since || began_wall_ - node.last_heard < limits::offline_after;
  const bool is_back = node.last_heard > began_wall_;
  const bool has_time = ports_.clock.now() - began_ < limits::offline_after;
  return was_here && !is_back && has_time ? NodeState::suspect : NodeState::offline;
}

std::optional<NodeState> Engine::absence(const NodeName& node) const {
  if (is_online(node)) return std::nullopt;
  const auto known = nodes_.find(node);
  return known == nodes_.end() ? NodeState::offline : absent(known->second);
}

Async<Result<std::vector<NodeInfo>>> Engine::nodes() {
  std::vector<const NodeRecord*> records;
  records.reserve(nodes_.size());
  for (const auto& [name, record] : nodes_) records.push_back(&record);
  std::ranges::sort(records, [](const NodeRecord* left, const NodeRecord* right) {
    return natural_less(left->name.str(), right->name.str());
  });
  std::vector<NodeInfo> infos;
  infos.reserve(records.size());
  const WallTime now = ports_.clock.wall();
  for (const NodeRecord* record : records) {
    if (auto live = ports_.fleet == nullptr ? std::nullopt : ports_.fleet->find(record->name)) {
      infos.push_back(
          {std::move(live->record), state_after(live->silence), live->delay, live->clock, live->connected});
      infos.back().record.joined = record->joined;
      continue;
    }
    infos.push_back({*record, absent(*record), std::nullopt, std::nullopt, now - record->last_heard});
    if (infos.back().state == NodeState::suspect) infos.back().state_for = ports_.clock.now() - began_;
  }
  co_return infos;
}

std::vector<NodeTraits> Engine::known() const {
  std::vector<NodeTraits> known;
  known.reserve(nodes_.size());
  for (const auto& [name, record] : nodes_)
    known.push_back({name, {record.labels.begin(), record.labels.end()}});
  return known;
}

Async<Result<Verbs::PruneOutcome>> Engine::prune(const std::vector<std::string>& names, bool all, Stamp stamp,
                                                 std::function<std::string(const PruneOutcome&)> answer_of) {
  PruneOutcome outcome;
  std::set<std::string> wanted(names.begin(), names.end());
  if (all) {
    for (const auto& [name, record] : nodes_) wanted.insert(name.str());
  }
  for (const std::string& name : wanted) {
    const auto found = nodes_.find(NodeName(name));
    if (found == nodes_.end()) {
      outcome.kept.emplace_back(name, "no such node");
      continue;
    }
    const auto live = ports_.fleet->find(found->first);
    const NodeState state = live ? state_after(live->silence) : absent(found->second);
    if (state == NodeState::offline) outcome.pruned.emplace_back(name);
    else if (!all) outcome.kept.emplace_back(name, fmt::format("is {}", name_of(state)));
  }
  if (stamp.receipt) stamp.receipt->answer = answer_of(outcome);
  OCTO_CO_TRY(co_await ports_.ledger.remove_nodes(outcome.pruned, stamp));
  for (const NodeName& name : outcome.pruned) {
    nodes_.erase(name);
    left_.erase(name);
    ports_.fleet->drop(name);
    for (const RunId& run : due_[name]) {
      const Task task = live_.at(run.task);
      RunEnd end;
      end.state = task->runs.at(run).sent ? RunState::unknown : RunState::expired;
      end.reason = "the node was pruned";
      nursery_.spawn(end_runs_for_sure(task, {run}, end));
    }
  }
  co_return outcome;
}

Async<Result<std::optional<StoredTask>>> Engine::find_task(const TaskId& id) {
  if (const auto found = live_.find(id); found != live_.end()) co_return found->second->stored();
  co_return co_await ports_.ledger.find_task(id);
}

// Reads what is on disk, then waits for more.
class Engine::Following final : public Listener {
 public:
  Following(EventLog& log, TaskId id, Task task, std::uint64_t from)
      : log_(log), id_(std::move(id)), task_(std::move(task)), from_(std::max<std::uint64_t>(from, 1)) {}

  Async<Result<std::vector<StoredEvent>>> next() override {
    constexpr std::size_t kAtOnce = 1024;
    while (!told_all_) {
      const std::uint64_t batches = task_ ? task_->story.batches() : 0;
      auto events = OCTO_CO_TRY(co_await log_.read(id_, from_, kAtOnce));
      if (!events.empty()) {
        from_ = events.back().number + 1;
        told_all_ = events.back().kind == TaskEvent::Kind::done;
        co_return events;
      }
      if (!task_) co_return std::vector<StoredEvent>();
      if (task_->story.closed()) task_.reset();
      else co_await task_->story.wait_beyond(batches);
    }
    co_return std::vector<StoredEvent>();
  }

 private:
  EventLog& log_;
  TaskId id_;
  Task task_;
  std::uint64_t from_;
  bool told_all_ = false;
};

Async<Result<std::unique_ptr<Listener>>> Engine::listen(const TaskId& id, std::uint64_t from) {
  const auto found = live_.find(id);
  const Task task = found == live_.end() ? nullptr : found->second;
  if (!task && !OCTO_CO_TRY(co_await ports_.ledger.find_task(id)))
    co_return fail(ErrorCode::not_found, "there is no task {}", id);
  co_return std::unique_ptr<Listener>(std::make_unique<Following>(ports_.events, id, task, from));
}

}  // namespace octo::brain
