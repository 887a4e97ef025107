// SPDX-License-Identifier: MIT
// Domain values to Protobuf.
#include "wire/messages.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "wire/octopoda.pb.h"
#include "wire/proto.hpp"

namespace octo::wire {

namespace {

// Text of Protobuf is UTF-8, and a peer refuses a whole message for one byte that is not. What a node says of
// files and of foreign errors may be any bytes; what is no text becomes '?'.
std::string text_of(std::string_view from) {
  if (is_utf8(from)) return std::string(from);
  std::string text;
  while (!from.empty()) {
    std::size_t bytes = 1;
    while (bytes <= std::min<std::size_t>(4, from.size()) && !is_utf8(from.substr(0, bytes))) ++bytes;
    const bool good = bytes <= std::min<std::size_t>(4, from.size());
    text += good ? from.substr(0, bytes) : "?";
    from.remove_prefix(good ? bytes : 1);
  }
  return text;
}

// Without half a character at its end.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

void put(pb::RunId* to, const RunId& id) {
  to->set_task(id.task.str());
  to->set_step(id.step);
  to->set_node(id.node.str());
  to->set_attempt(id.attempt);
}

void put(pb::App* to, const AppAt& at) {
  to->set_app(at.app.str());
  to->set_scenario(at.scenario.str());
}

void put(pb::Mark* to, const OutputMark& mark) {
  to->set_out(mark.out);
  to->set_err(mark.err);
  to->set_note(mark.note);
}

std::string raw(const Sha256& hash) {
  return {reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()};
}

void put(pb::StartMark* to, const StartMark& start) {
  to->set_at_ns(start.at.time_since_epoch().count());
  to->set_bound_ns(start.bound.count());
  to->set_late_ns(start.late.count());
}

void put_deed(pb::StartRun* to, const ExecOrder& order) {
  auto* exec = to->mutable_exec();
  exec->set_script(order.kind == ExecOrder::Kind::script);
  exec->set_text(order.text);
  exec->set_script_name(order.script_name);
  if (order.app) put(exec->mutable_app(), *order.app);
  exec->set_background(order.background);
  for (const auto& [name, value] : order.environment) {
    auto* pair = exec->add_environment();
    pair->set_name(name);
    pair->set_value(value);
  }
  exec->set_limit_ns(order.limit.count());
  exec->set_tie(order.tie);
  exec->set_where_prepared(order.where_prepared);
  exec->set_user(text_of(order.user));
  exec->set_folder(order.folder);
  exec->set_input(order.input);
  exec->set_delay_ns(order.delay.count());
  exec->set_memory_bytes(order.resources.memory_bytes);
  exec->set_processes(order.resources.processes);
  exec->set_cpu_percent(order.resources.cpu_percent);
  for (const auto& [name, value] : order.secrets) {
    auto* pair = exec->add_secrets();
    pair->set_name(name);
    pair->set_value(value.reveal());
  }
  if (!order.together) return;
  exec->mutable_together()->set_max_skew_ns(order.together->max_skew.count());
  exec->mutable_together()->set_hold_ns(order.together->hold.count());
}
void put_deed(pb::StartRun* to, const SyncOrder& order) {
  put(to->mutable_sync()->mutable_app(), order.app);
  to->mutable_sync()->set_manifest(raw(order.manifest));
  to->mutable_sync()->set_description(order.description);
}
void put_deed(pb::StartRun* to, const CommitOrder& order) {
  put(to->mutable_commit()->mutable_app(), order.app);
  to->mutable_commit()->set_message(order.message);
}
void put_deed(pb::StartRun* to, const ResetOrder& order) {
  put(to->mutable_reset()->mutable_app(), order.app);
  to->mutable_reset()->set_commit(order.commit);
  to->mutable_reset()->set_message(order.message);
}
void put_deed(pb::StartRun* to, const RemoveOrder& order) {
  put(to->mutable_remove()->mutable_app(), order.app);
}

void put_head(pb::StartRun* to, const StartHead& head) {
  put(to->mutable_run(), head.run);
  to->set_start_within_ns(head.start_within.count());
  if (head.sent) to->set_sent_ns(head.sent->time_since_epoch().count());
  if (head.delay > Span::zero()) to->mutable_exec()->set_delay_ns(head.delay.count());
  if (head.hold > Span::zero()) to->mutable_exec()->mutable_together()->set_hold_ns(head.hold.count());
}

// From the Brain.
void fill(pb::FromBrain& to, const StartRun& message) {
  put_head(to.mutable_start_run(), {message.order.id, message.start_within, message.sent});
  std::visit([&](const auto& deed) { put_deed(to.mutable_start_run(), deed); }, message.order.deed);
}
void fill(pb::FromBrain& to, const CancelRun& message) { put(to.mutable_cancel_run(), message.run); }
void fill(pb::FromBrain& to, const RunAck& message) {
  put(to.mutable_run_ack()->mutable_durable(), message.durable);
  to.mutable_run_ack()->set_end_durable(message.end_durable);
  to.mutable_run_ack()->set_output_at_end(message.flow == OutputFlow::at_end);
}
void fill(pb::FromBrain& to, const AskStatus&) { to.mutable_ask_status(); }
void fill(pb::FromBrain& to, const AskApps& message) {
  if (message.app) put(to.mutable_ask_apps()->mutable_app(), *message.app);
  to.mutable_ask_apps()->set_offset(message.offset);
  to.mutable_ask_apps()->set_limit(message.limit);
}
void fill(pb::FromBrain& to, const AskLog& message) {
  auto* ask = to.mutable_ask_log();
  ask->set_lines(message.question.lines);
  ask->set_days_and_one(message.question.days_before ? *message.question.days_before + 1 : 0);
  ask->set_follow(message.question.follow);
}
void fill(pb::FromBrain& to, const CommitRun& message) {
  put(to.mutable_commit_run()->mutable_run(), message.run);
  to.mutable_commit_run()->set_at_ns(message.at.time_since_epoch().count());
  to.mutable_commit_run()->set_max_skew_ns(message.max_skew.count());
}
void fill(pb::FromBrain& to, const GoRun& message) { put(to.mutable_go_run(), message.run); }
void fill(pb::FromBrain& to, const CallOffRun& message) {
  put(to.mutable_call_off_run()->mutable_run(), message.run);
  to.mutable_call_off_run()->set_reason(text_of(cut(message.reason, kProblemTextMax)));
}
void fill(pb::FromBrain& to, const Done&) { to.mutable_done(); }
void fill(pb::FromBrain& to, const Blob& message) { to.mutable_blob()->set_data(message.bytes); }
void fill(pb::FromBrain& to, const Failed& message) { put_problem(to.mutable_failed(), message.error); }

// From a node.
void fill(pb::FromNode& to, const RunProgress& message) {
  to.mutable_run_progress()->set_state(std::string(name_of(message.state)));
  to.mutable_run_progress()->set_pid(message.pid.value_or(0));
  if (message.clock_bound) to.mutable_run_progress()->set_clock_bound_ns(message.clock_bound->count());
  if (message.start) put(to.mutable_run_progress()->mutable_start(), *message.start);
}
void fill(pb::FromNode& to, const RunOutput& message) {
  to.mutable_run_output()->set_stream(static_cast<std::uint32_t>(message.piece.stream));
  to.mutable_run_output()->set_offset(message.piece.offset);
  to.mutable_run_output()->set_data(message.piece.bytes);
}
void fill(pb::FromNode& to, const RunEnded& message) {
  auto* end = to.mutable_run_ended();
  end->set_state(std::string(name_of(message.end.state)));
  end->set_has_exit_code(message.end.exit_code.has_value());
  end->set_exit_code(message.end.exit_code.value_or(0));
  end->set_signal(message.end.signal.value_or(0));
  end->set_reason(text_of(message.end.reason));
  put(end->mutable_bytes(), {message.end.out_bytes, message.end.err_bytes, message.end.note_bytes});
  end->set_has_started(message.end.started.has_value());
  end->set_started_ns(message.end.started ? message.end.started->time_since_epoch().count() : 0);
  end->set_lasted_ns(message.end.lasted.count());
  end->set_version(message.end.version);
  end->set_pid(message.end.pid.value_or(0));
  if (message.end.start) put(end->mutable_start(), *message.end.start);
}
void fill(pb::FromNode& to, const ResumeRun& message) { put(to.mutable_resume_run(), message.run); }
void fill(pb::FromNode& to, const StatusAnswer& message) {
  auto* status = to.mutable_status();
  status->set_platform(text_of(message.status.platform));
  status->set_cpu_cores(message.status.cpu_cores);
  status->set_cpu_load_short(message.status.cpu_load_short);
  status->set_cpu_load_long(message.status.cpu_load_long);
  status->set_memory_used(message.status.memory_used);
  status->set_memory_total(message.status.memory_total);
  status->set_disk_used(message.status.disk_used);
  status->set_disk_total(message.status.disk_total);
  status->set_local_time_ns(message.status.local_time.time_since_epoch().count());
  status->set_utc_offset_seconds(message.status.utc_offset_seconds);
  status->set_uptime_ns(message.status.uptime.count());
  if (message.status.clock) {
    status->set_clock_offset_ns(message.status.clock->offset.count());
    status->set_clock_bound_ns(message.status.clock->bound.count());
  }
}
void fill(pb::FromNode& to, const LogLines& message) {
  to.mutable_log_lines();
  for (const std::string& line : message.lines) to.mutable_log_lines()->add_lines(line);
}
void fill(pb::FromNode& to, const AppsAnswer& message) {
  for (const NodeAppInfo& info : message.apps) {
    auto* app = to.mutable_apps()->add_apps();
    put(app->mutable_app(), info.app);
    app->set_description(text_of(info.description));
    app->set_path(text_of(info.path));
    app->set_modified(info.modified);
    app->set_version_count(info.version_count);
    for (const NodeAppVersion& version : info.versions) {
      auto* row = app->add_versions();
      row->set_commit(version.commit);
      row->set_message(text_of(version.message));
      row->set_made_ns(version.made.time_since_epoch().count());
    }
  }
  to.mutable_apps();  // an empty list is an answer too
}
void fill(pb::FromNode& to, const AskManifest& message) { to.set_ask_manifest(raw(message.hash)); }
void fill(pb::FromNode& to, const AskChunks& message) {
  for (const Sha256& hash : message.hashes) to.mutable_ask_chunks()->add_hashes(raw(hash));
  to.mutable_ask_chunks();
}
void fill(pb::FromNode& to, const AwaitBarrier& message) {
  put(to.mutable_await_barrier()->mutable_run(), message.run);
  to.mutable_await_barrier()->set_name(message.name);
}
void fill(pb::FromNode& to, const Done&) { to.mutable_done(); }
void fill(pb::FromNode& to, const Failed& message) { put_problem(to.mutable_failed(), message.error); }

}  // namespace

void put_problem(pb::Problem* to, const Error& error) {
  to->set_code(std::string(octo::name_of(error.code())));
  to->set_text(text_of(cut(error.message(), kProblemTextMax)));
}

Error take_problem(const pb::Problem& from) {
  // A code that this version does not know is still a failure.
  return Error(find_error_code(from.code()).value_or(ErrorCode::internal), from.text());
}

Bytes encode(const FromBrain& message) {
  pb::FromBrain proto;
  std::visit([&](const auto& kind) { fill(proto, kind); }, message);
  return proto.SerializeAsString();
}

Bytes encode(const FromNode& message) {
  pb::FromNode proto;
  std::visit([&](const auto& kind) { fill(proto, kind); }, message);
  return proto.SerializeAsString();
}

Bytes encode_deed(const Deed& deed) {
  pb::StartRun proto;
  std::visit([&](const auto& kind) { put_deed(&proto, kind); }, deed);
  return proto.SerializeAsString();
}

// Two encoded messages one behind the other are one message with the fields of both.
Bytes encode_start(const StartHead& head, std::size_t deed_bytes) {
  constexpr char kTag = pb::FromBrain::kStartRunFieldNumber << 3 | 2;  // a field that says its length
  pb::StartRun proto;
  put_head(&proto, head);
  const Bytes own = proto.SerializeAsString();
  Bytes out(1, kTag);
  for (std::size_t left = own.size() + deed_bytes;; left >>= 7) {
    const auto low = static_cast<char>(left & 0x7f);
    if (left < 0x80) {
      out += low;
      break;
    }
    out += static_cast<char>(low | 0x80);
  }
  return out + own;
}

}  // namespace octo::wire
