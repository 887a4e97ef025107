// SPDX-License-Identifier: MIT
#include "async/deadline.hpp"
#include "brain/doors/visit.hpp"
#include "brain/work/stored_request.hpp"
#include "domain/limits.hpp"

namespace octo::brain {

namespace {

constexpr Span kHeartbeat = 15s;  // of an event stream where nothing happens: clients give up after three
constexpr Span kTiedHeartbeat =
    1s;  // only a write tells that the other end is gone, and a second one for sure
constexpr std::size_t kTitleBytes = 200;
constexpr std::uint64_t kTasksMost = 1000;

std::string title_of(const api::StartTask& start) {
  std::string title = start.kind == TaskKind::script ? "script " + start.script_name : start.text;
  for (char& c : title) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (title.size() <= kTitleBytes) return title;
  std::size_t cut = kTitleBytes;
  while (cut > 0 && (static_cast<unsigned char>(title[cut]) & 0xc0) == 0x80)
    --cut;  // never inside a character
  return title.substr(0, cut) + "…";
}

Result<void> check(const api::StartTask& start) {
  if (start.kind != TaskKind::command && start.kind != TaskKind::script) {
    return fail(ErrorCode::invalid_argument, "kind: only command and script are started here");
  }
  const std::size_t most =
      start.kind == TaskKind::script ? limits::script_bytes_max : limits::command_bytes_max;
  if (start.text.empty())
    return fail(ErrorCode::invalid_argument, "text: the {} is empty", name_of(start.kind));
  if (start.text.size() > most)
    return fail(ErrorCode::too_large, "text: {} bytes, {} at most", start.text.size(), most);
  if (start.kind == TaskKind::command && start.text.find('\0') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "text: a command holds no NUL byte");
  }
  std::size_t environment = 0;
  for (const auto& [name, value] : start.environment) environment += name.size() + value.size() + 2;
  if (environment > limits::environment_bytes_max) {
    return fail(ErrorCode::too_large, "environment: {} bytes, {} at most", environment,
                limits::environment_bytes_max);
  }
  OCTO_TRY(check(start.secrets).with("secrets"));
  std::size_t secrets = 0;
  for (const auto& [name, value] : start.secrets) secrets += name.size() + value.reveal().size();
  if (start.text.size() + environment + start.input.size() + secrets > limits::order_bytes_max) {
    return fail(ErrorCode::too_large, "{}, environment, input and secrets have more than {} bytes together",
                name_of(start.kind), limits::order_bytes_max);
  }
  if (start.input.size() > limits::input_bytes_max)
    return fail(ErrorCode::too_large, "stdin: {} bytes, {} at most", start.input.size(),
                limits::input_bytes_max);
  if (start.rollout.retries > kRetriesMax)
    return fail(ErrorCode::invalid_argument, "retries: {}, {} at most", start.rollout.retries, kRetriesMax);
  if (start.folder.size() > limits::path_bytes_max || start.folder.find('\0') != std::string::npos)
    return fail(ErrorCode::invalid_argument, "folder: {} is no path", quote(start.folder.substr(0, 80)));
  if (start.limit && *start.limit < Span::zero())
    return fail(ErrorCode::invalid_argument, "limit: is negative");
  if (start.deadline && *start.deadline < Span::zero())
    return fail(ErrorCode::invalid_argument, "deadline: is negative");
  return {};
}

Result<void> check_together(const api::StartTask& start) {
  if (!start.together) {
    if (start.max_skew) return fail(ErrorCode::invalid_argument, "max_skew_ns: only with together");
    return {};
  }
  if (start.rollout.batch || start.rollout.max_fail || start.rollout.retries > 0) {
    return fail(ErrorCode::invalid_argument,
                "together: all start at one instant or none does; that leaves no room for batch, max_fail "
                "and retries");
  }
  if (start.max_skew && *start.max_skew <= Span::zero())
    return fail(ErrorCode::invalid_argument, "max_skew_ns: is to be more than 0");
  return {};
}

api::TaskSummary summarise(const StoredTask& stored) {
  api::TaskSummary summary;
  summary.id = stored.record.id;
  summary.kind = stored.record.kind;
  summary.title = stored.record.title;
  summary.caller = stored.record.caller;
  summary.accepted = stored.record.accepted;
  summary.cancel_requested = stored.cancel_requested;
  TaskBoard board;
  for (const RunRow& run : stored.runs) board.add(run);
  const auto counts = board.counts();
  summary.state = outcome_of(counts);
  summary.counts.assign(counts.begin(), counts.end());
  return summary;
}

}  // namespace

// A stream in which nothing is wanted for long gets an empty line from time to time.
Async<Result<void>> Doors::write_events(const TaskId& id, Wanted wanted, const std::string& first,
                                        Span heartbeat, http::BodyWriter& out) {
  if (!first.empty()) OCTO_CO_TRY(co_await out.write(first + "\n"));
  const auto listener = OCTO_CO_TRY(co_await ports_.verbs.listen(id, wanted.from));
  Instant wrote = ports_.clock.now();
  while (true) {
    const auto events = co_await with_deadline(ports_.clock, heartbeat, listener->next());
    if (!events && events.error().code() != ErrorCode::timed_out) co_return fail(events.error());
    if (events && events->empty()) co_return Result<void>{};
    std::string lines;
    if (events) {
      for (const StoredEvent& event : *events) {
        if (wanted.output || event.kind != TaskEvent::Kind::output) lines.append(event.json) += '\n';
      }
    }
    if (lines.empty() && ports_.clock.now() - wrote < heartbeat) continue;
    OCTO_CO_TRY(co_await out.write(lines.empty() ? "\n" : lines));
    wrote = ports_.clock.now();
  }
}

Async<Result<http::Reply>> Doors::events_reply(TaskId id, Wanted wanted, std::string first, Tied tied) {
  // However the stream ends, and also if it never begins.
  struct Tie {
    Tie(Verbs& over, TaskId task) : verbs(over), id(std::move(task)) {}
    ~Tie() { verbs.caller_gone(id); }
    Tie(const Tie&) = delete;
    Verbs& verbs;
    TaskId id;
  };
  const auto tie = tied == Tied::no ? nullptr : std::make_shared<Tie>(ports_.verbs, id);
  http::Reply reply;
  reply.headers["content-type"] = "application/x-ndjson";
  reply.stream = [this, id = std::move(id), wanted, first = std::move(first), tie](http::BodyWriter& out) {
    return write_events(id, wanted, first, tie ? kTiedHeartbeat : kHeartbeat, out);
  };
  co_return reply;
}

// The task is stored: its events if they are asked for, else its id.
Doors::Answer Doors::started(const Visit& visit, const TaskId& id, Tied tied) {
  std::string answer = api::encode(api::TaskStarted{id});
  if (visit.streams()) co_return co_await events_reply(id, {}, std::move(answer), tied);
  co_return json_reply(std::move(answer), 201);
}

Doors::Answer Doors::tasks_start(Visit& visit) {
  auto start = OCTO_CO_TRY(api::decode_start_task(visit.request.body));
  OCTO_CO_TRY(check(start));
  OCTO_CO_TRY(check_together(start));
  if (start.tie && !visit.streams())
    co_return fail(ErrorCode::invalid_argument, "tie: it needs the stream of events to be tied to");
  auto nodes = OCTO_CO_TRY(select(start.nodes));
  if (nodes.size() > limits::targets_max)
    co_return fail(ErrorCode::too_large, "{} nodes, {} at most", nodes.size(), limits::targets_max);
  CommandRequest request;
  request.kind = start.kind;
  request.order = order_of(start);
  request.nodes = std::move(nodes);
  request.deadline = delivery_of(start);
  request.delay = start.delay.value_or(Span::zero());
  request.rollout = start.rollout;
  request.title = title_of(start);
  // Only what was understood, and of secrets only that there were some.
  for (SecretFile& secret : start.secrets) secret.value = Secret();
  request.request = api::encode(start);
  const TaskId id = ports_.verbs.make_task_id();
  OCTO_CO_TRY(co_await ports_.verbs.run_command(
      id, std::move(request),
      stamp_of(visit, "task.start", "task " + id.str(), api::encode(api::TaskStarted{id}), 201)));
  co_return co_await started(visit, id, start.tie ? Tied::to_this_stream : Tied::no);
}

Doors::Answer Doors::tasks_list(Visit& visit) {
  TaskFilter filter;
  filter.group = visit.caller.group;
  filter.limit = OCTO_CO_TRY(visit.number("limit", 50, kTasksMost));
  filter.before = visit.query("page");
  if (const std::string state = visit.query("state"); !state.empty()) {
    filter.state = find_task_state(state);
    if (!filter.state) co_return fail(ErrorCode::invalid_argument, "state: {} is none", quote(state));
  }
  filter.caller = visit.query("caller");
  if (const std::string node = visit.query("node"); !node.empty())
    filter.target = OCTO_CO_TRY(parse_node_name(node).with("node"));
  api::TaskList list;
  for (const StoredTask& stored : OCTO_CO_TRY(co_await ports_.ledger.tasks(filter))) {
    // The board is ahead of the ledger while a task lives.
    const auto live = OCTO_CO_TRY(co_await ports_.verbs.find_task(stored.record.id));
    list.tasks.push_back(summarise(live ? *live : stored));
  }
  if (list.tasks.size() == filter.limit && !list.tasks.empty()) list.next = list.tasks.back().id.str();
  co_return json_reply(api::encode(list));
}

Doors::Answer Doors::task_get(Visit& visit) {
  const TaskId id = OCTO_CO_TRY(parse_task_id(visit.segments.at("task")));
  const auto stored = OCTO_CO_TRY(co_await ports_.verbs.find_task(id));
  if (!stored) co_return fail(ErrorCode::not_found, "there is no task {}", id);
  co_return json_reply(api::encode(api::TaskDetail{summarise(*stored), stored->runs}));
}

Doors::Answer Doors::task_events(Visit& visit) {
  const TaskId id = OCTO_CO_TRY(parse_task_id(visit.segments.at("task")));
  Wanted wanted;
  if (visit.query("from") == "last") wanted.from = EventLog::kLast;
  else wanted.from = OCTO_CO_TRY(visit.number("from", 1, 1'000'000'000'000));
  wanted.output = OCTO_CO_TRY(visit.number("output", 1, 1)) != 0;
  if (!OCTO_CO_TRY(co_await ports_.verbs.find_task(id)))
    co_return fail(ErrorCode::not_found, "there is no task {}", id);
  co_return co_await events_reply(id, wanted, "");
}

Doors::Answer Doors::task_cancel(Visit& visit) {
  const TaskId id = OCTO_CO_TRY(parse_task_id(visit.segments.at("task")));
  OCTO_CO_TRY(co_await ports_.verbs.cancel(id, stamp_of(visit, "task.cancel", "task " + id.str(), "{}")));
  co_return json_reply("{}");
}

}  // namespace octo::brain
