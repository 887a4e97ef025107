// SPDX-License-Identifier: MIT
// Tasks, runs, events; see form.hpp.
#pragma once
#include "api/values.hpp"

namespace octo {

void describe(auto& io, api::Of<StartMark> auto& start) {
  io.required("at_ns", start.at);
  io.required("bound_ns", start.bound);
  io.required("late_ns", start.late);
}
void describe(auto& io, api::Of<RunEnd> auto& end) {
  io.required("state", end.state);
  io.optional("exit_code", end.exit_code);
  io.optional("signal", end.signal);
  io.optional("reason", end.reason);
  io.required("stdout_bytes", end.out_bytes);
  io.required("stderr_bytes", end.err_bytes);
  io.required("note_bytes", end.note_bytes);
  io.optional("started", end.started);
  io.required("lasted_ns", end.lasted);
  io.optional("version", end.version);
  io.optional("given_up", end.given_up);
  io.optional("start", end.start);
}
void describe(auto& io, api::Of<RunId> auto& id) {
  io.required("task", id.task);
  io.required("step", id.step);
  io.required("node", id.node);
  io.required("attempt", id.attempt);
}
void describe(auto& io, api::Of<RunRow> auto& run) {
  describe(io, run.id);
  io.required("state", run.state);
  io.optional("title", run.title);
  io.optional("pid", run.pid);
  io.optional("start", run.start);
  if (io.when(is_final(run.state))) io.required("end", run.end);
}
void describe(auto& io, api::Of<TaskEvent> auto& event) {
  using Kind = TaskEvent::Kind;
  io.required("number", event.number);
  io.required("kind", event.kind);
  if (io.when(event.kind == Kind::state)) describe(io, event.run);
  if (io.when(event.kind == Kind::output)) {
    if (event.kind == Kind::output) describe(io, event.run.id);
    io.required("stream", event.output.stream);
    io.required("offset", event.output.offset);
    io.bytes("data", "data64", event.output.bytes);
  }
  if (io.when(event.kind == Kind::note)) {
    io.required("text", event.text);
    io.optional("barrier", event.barrier);
    io.optional("barrier_step", event.step);
  }
  if (io.when(event.kind == Kind::done)) io.required("outcome", event.outcome);
}

}  // namespace octo

namespace octo::api {

template <>
inline constexpr std::string_view kRecordName<StartMark> = "StartMark";
template <>
inline constexpr std::string_view kRecordName<RunEnd> = "RunEnd";
template <>
inline constexpr std::string_view kRecordName<RunRow> = "Run";
template <>
inline constexpr std::string_view kRecordName<TaskEvent> = "TaskEvent";

template <>
inline constexpr std::string_view kRecordName<StartTask> = "StartTask";
void describe(auto& io, Of<StartTask> auto& task) {
  io.optional("kind", task.kind);
  io.bytes("text", "text64", task.text);
  io.optional("script_name", task.script_name);
  io.required("nodes", task.nodes);
  io.optional("background", task.background);
  io.optional("environment", task.environment);
  io.milliseconds("limit_ms", task.limit);
  io.milliseconds("deadline_ms", task.deadline);
  io.milliseconds("delay_ms", task.delay);
  io.optional("user", task.user);
  io.optional("folder", task.folder);
  io.optional_bytes("stdin", "stdin64", task.input);
  io.optional("tie", task.tie);
  io.optional("memory_bytes", task.resources.memory_bytes);
  io.optional("processes", task.resources.processes);
  io.optional("cpu_percent", task.resources.cpu_percent);
  io.optional("on_offline", task.rollout.on_offline);
  io.optional("batch", task.rollout.batch);
  io.optional("max_fail", task.rollout.max_fail);
  io.optional("retries", task.rollout.retries);
  io.optional("secrets", task.secrets);
  io.optional("together", task.together);
  io.optional("max_skew_ns", task.max_skew);
}
template <>
inline constexpr std::string_view kRecordName<TaskStarted> = "TaskStarted";
void describe(auto& io, Of<TaskStarted> auto& started) { io.required("task", started.task); }

template <>
inline constexpr std::string_view kRecordName<TaskSummary> = "TaskSummary";
void describe(auto& io, Of<TaskSummary> auto& task) {
  io.required("task", task.id);
  io.required("kind", task.kind);
  io.required("title", task.title);
  io.required("caller", task.caller);
  io.required("accepted", task.accepted);
  io.required("state", task.state);
  io.required("cancel_requested", task.cancel_requested);
  io.required("counts", task.counts);
}
template <>
inline constexpr std::string_view kRecordName<TaskList> = "TaskList";
void describe(auto& io, Of<TaskList> auto& list) {
  io.required("tasks", list.tasks);
  io.optional("next", list.next);
}
template <>
inline constexpr std::string_view kRecordName<TaskDetail> = "TaskDetail";
void describe(auto& io, Of<TaskDetail> auto& detail) {
  describe(io, detail.summary);
  io.required("runs", detail.runs);
}

}  // namespace octo::api
