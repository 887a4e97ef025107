// SPDX-License-Identifier: MIT
// Protobuf to domain values, judged: a value that breaks a rule of the domain is not believed.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "domain/limits.hpp"
#include "wire/messages.hpp"
#include "wire/proto.hpp"

namespace octo::wire {

namespace {

constexpr std::size_t kHashesMax = 4096;  // 128 KiB of a question

Result<RunId> take(const pb::RunId& from) {
  RunId id;
  id.task = OCTO_TRY(parse_task_id(from.task()).with("run.task"));
  id.step = from.step();
  id.node = OCTO_TRY(parse_node_name(from.node()).with("run.node"));
  id.attempt = from.attempt();
  if (id.attempt == 0) return fail(ErrorCode::invalid_argument, "run.attempt: attempts are numbered from 1");
  return id;
}

Result<AppAt> take(const pb::App& from) {
  auto app = OCTO_TRY(parse_app_name(from.app()).with("app.app"));
  auto scenario = OCTO_TRY(parse_scenario_name(from.scenario()).with("app.scenario"));
  return AppAt{std::move(app), std::move(scenario)};
}

OutputMark take(const pb::Mark& from) { return {from.out(), from.err(), from.note()}; }

Result<Sha256> take_hash(const std::string& from, std::string_view field) {
  Sha256 hash;
  if (from.size() != hash.bytes.size())
    return fail(ErrorCode::invalid_argument, "{}: a hash of {} bytes", field, from.size());
  std::copy(from.begin(), from.end(), hash.bytes.begin());
  return hash;
}

// So that now + span and sums of spans are times too.
constexpr Span kSpanMax = 100 * 365 * 24h;
Result<Span> take_span(std::int64_t nanoseconds, std::string_view field) {
  const Span span(nanoseconds);
  if (span < Span::zero()) return fail(ErrorCode::invalid_argument, "{}: a negative time", field);
  if (span > kSpanMax) return fail(ErrorCode::invalid_argument, "{}: more than a century", field);
  return span;
}

WallTime wall(std::int64_t nanoseconds) { return WallTime(Span(nanoseconds)); }

Result<std::string> take_message(const std::string& from) {
  if (from.size() > octo::limits::message_bytes_max) {
    return fail(ErrorCode::too_large, "message: {} bytes, {} at most", from.size(),
                octo::limits::message_bytes_max);
  }
  return from;
}

Result<Deed> take_deed(const pb::StartRun& from) {
  switch (from.deed_case()) {
    case pb::StartRun::kExec: {
      const auto& exec = from.exec();
      ExecOrder order;
      order.kind = exec.script() ? ExecOrder::Kind::script : ExecOrder::Kind::command;
      order.text = exec.text();
      order.script_name = exec.script_name();
      if (exec.has_app()) order.app = OCTO_TRY(take(exec.app()));
      order.background = exec.background();
      for (const auto& pair : exec.environment()) order.environment.emplace_back(pair.name(), pair.value());
      order.limit = OCTO_TRY(take_span(exec.limit_ns(), "exec.limit_ns"));
      order.tie = exec.tie();
      order.where_prepared = exec.where_prepared();
      order.user = exec.user();
      order.folder = exec.folder();
      order.input = exec.input();
      order.delay = OCTO_TRY(take_span(exec.delay_ns(), "exec.delay_ns"));
      order.resources = {exec.memory_bytes(), exec.processes(), exec.cpu_percent()};
      for (const auto& pair : exec.secrets()) order.secrets.push_back({pair.name(), Secret(pair.value())});
      OCTO_TRY(check(order.secrets).with("exec.secrets"));
      if (exec.has_together()) {
        order.together = Together{OCTO_TRY(take_span(exec.together().max_skew_ns(), "together.max_skew_ns")),
                                  OCTO_TRY(take_span(exec.together().hold_ns(), "together.hold_ns"))};
      }
      return Deed(std::move(order));
    }
    case pb::StartRun::kSync:
      return Deed(SyncOrder{OCTO_TRY(take(from.sync().app())),
                            OCTO_TRY(take_hash(from.sync().manifest(), "sync.manifest")),
                            from.sync().description()});
    case pb::StartRun::kCommit:
      return Deed(
          CommitOrder{OCTO_TRY(take(from.commit().app())), OCTO_TRY(take_message(from.commit().message()))});
    case pb::StartRun::kReset:
      return Deed(ResetOrder{OCTO_TRY(take(from.reset().app())), from.reset().commit(),
                             OCTO_TRY(take_message(from.reset().message()))});
    case pb::StartRun::kRemove: return Deed(RemoveOrder{OCTO_TRY(take(from.remove().app()))});
    case pb::StartRun::DEED_NOT_SET: break;
  }
  return fail(ErrorCode::unsupported, "an order of a kind that this version does not know");
}

Result<RunState> take_state(const std::string& from) {
  const auto state = find_run_state(from);
  if (!state) return fail(ErrorCode::invalid_argument, "state: {} is no state of a run", quote(from));
  return *state;
}

Result<StartMark> take(const pb::StartMark& from) {
  const StartMark start{Instant(OCTO_TRY(take_span(from.at_ns(), "start.at_ns"))),
                        OCTO_TRY(take_span(from.bound_ns(), "start.bound_ns")), Span(from.late_ns())};
  // Half of it twice: the smallest number has no positive counterpart.
  (void)OCTO_TRY(take_span(std::abs(from.late_ns() / 2), "start.late_ns"));
  return start;
}

Result<RunProgress> take(const pb::RunProgress& from) {
  RunProgress progress;
  progress.state = OCTO_TRY(take_state(from.state()));
  if (from.pid() > 0) progress.pid = from.pid();
  if (from.clock_bound_ns() != 0)
    progress.clock_bound = OCTO_TRY(take_span(from.clock_bound_ns(), "clock_bound_ns"));
  if (from.has_start()) progress.start = OCTO_TRY(take(from.start()));
  return progress;
}

Result<RunEnd> take(const pb::RunEnded& from) {
  RunEnd end;
  end.state = OCTO_TRY(take_state(from.state()));
  if (!is_final(end.state))
    return fail(ErrorCode::invalid_argument, "state: a run cannot end as {}", octo::name_of(end.state));
  if (from.has_exit_code()) end.exit_code = from.exit_code();
  if (from.signal() != 0) end.signal = from.signal();
  end.reason = from.reason();
  end.out_bytes = from.bytes().out();
  end.err_bytes = from.bytes().err();
  end.note_bytes = from.bytes().note();
  if (from.has_started()) end.started = wall(from.started_ns());
  end.lasted = OCTO_TRY(take_span(from.lasted_ns(), "lasted_ns"));
  end.version = from.version();
  if (from.pid() > 0) end.pid = from.pid();
  if (from.has_start()) end.start = OCTO_TRY(take(from.start()));
  return end;
}

double share(double value) { return std::isfinite(value) ? std::clamp(value, 0.0, 1.0) : 0.0; }

Result<HostStatus> take(const pb::Status& from) {
  HostStatus status;
  status.platform = from.platform();
  status.cpu_cores = from.cpu_cores();
  status.cpu_load_short = share(from.cpu_load_short());
  status.cpu_load_long = share(from.cpu_load_long());
  status.memory_used = from.memory_used();
  status.memory_total = from.memory_total();
  status.disk_used = from.disk_used();
  status.disk_total = from.disk_total();
  status.local_time = wall(from.local_time_ns());
  status.utc_offset_seconds = from.utc_offset_seconds();
  status.uptime = OCTO_TRY(take_span(from.uptime_ns(), "uptime_ns"));
  if (from.clock_bound_ns() != 0) {
    const Span bound = OCTO_TRY(take_span(from.clock_bound_ns(), "clock_bound_ns"));
    // Half of it twice: the smallest number has no positive counterpart.
    (void)OCTO_TRY(take_span(std::abs(from.clock_offset_ns() / 2), "clock_offset_ns"));
    status.clock = ClockReading{Span(from.clock_offset_ns()), bound};
  }
  return status;
}

Result<NodeAppInfo> take(const pb::AppInfo& from) {
  NodeAppInfo info;
  info.app = OCTO_TRY(take(from.app()));
  info.description = from.description();
  info.path = from.path();
  info.modified = from.modified();
  info.version_count = from.version_count();
  for (const auto& version : from.versions()) {
    info.versions.push_back({version.commit(), version.message(), wall(version.made_ns())});
  }
  return info;
}

Result<OutputPiece> take(const pb::RunOutput& from) {
  if (from.stream() < 1 || from.stream() > 3)
    return fail(ErrorCode::invalid_argument, "stream: there is no output stream {}", from.stream());
  if (from.offset() > std::uint64_t{1} << 62)
    return fail(ErrorCode::invalid_argument, "offset: {} bytes cannot be", from.offset());
  return OutputPiece{static_cast<OutputStream>(from.stream()), from.offset(), from.data()};
}

Result<LogQuestion> take(const pb::AskLog& from) {
  if (from.lines() > octo::limits::log_lines_max) {
    return fail(ErrorCode::too_large, "lines: {}, {} at most", from.lines(), octo::limits::log_lines_max);
  }
  LogQuestion question{from.lines(), std::nullopt, from.follow()};
  if (from.days_and_one() > 0) question.days_before = from.days_and_one() - 1;
  return question;
}

}  // namespace

// Protobuf tells stderr of itself what it thinks of a peer's bytes: whoever sends junk would fill our log.
bool read(google::protobuf::MessageLite& message, BytesView bytes) {
  [[maybe_unused]] static const auto before = google::protobuf::SetLogHandler(nullptr);
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

Result<FromBrain> decode_from_brain(BytesView bytes) {
  pb::FromBrain proto;
  if (!read(proto, bytes)) {
    return fail(ErrorCode::invalid_argument, "these {} bytes are no message of a Brain", bytes.size());
  }
  switch (proto.kind_case()) {
    case pb::FromBrain::kStartRun: {
      const auto& start = proto.start_run();
      auto id = OCTO_TRY(take(start.run()));
      auto deed = OCTO_TRY(take_deed(start));
      StartRun order{{std::move(id), std::move(deed)},
                     OCTO_TRY(take_span(start.start_within_ns(), "start_within_ns")),
                     std::nullopt};
      const Span sent = OCTO_TRY(take_span(start.sent_ns(), "sent_ns"));
      if (sent > Span::zero()) order.sent = Instant(sent);
      return FromBrain(std::move(order));
    }
    case pb::FromBrain::kCancelRun: return FromBrain(CancelRun{OCTO_TRY(take(proto.cancel_run()))});
    case pb::FromBrain::kRunAck:
      return FromBrain(RunAck{take(proto.run_ack().durable()), proto.run_ack().end_durable(),
                              proto.run_ack().output_at_end() ? OutputFlow::at_end : OutputFlow::live});
    case pb::FromBrain::kAskStatus: return FromBrain(AskStatus{});
    case pb::FromBrain::kAskApps: {
      AskApps ask{std::nullopt, proto.ask_apps().offset(), proto.ask_apps().limit()};
      if (proto.ask_apps().has_app()) ask.app = OCTO_TRY(take(proto.ask_apps().app()));
      return FromBrain(std::move(ask));
    }
    case pb::FromBrain::kAskLog: return FromBrain(AskLog{OCTO_TRY(take(proto.ask_log()))});
    case pb::FromBrain::kCommitRun:
      return FromBrain(CommitRun{OCTO_TRY(take(proto.commit_run().run())),
                                 Instant(OCTO_TRY(take_span(proto.commit_run().at_ns(), "at_ns"))),
                                 OCTO_TRY(take_span(proto.commit_run().max_skew_ns(), "max_skew_ns"))});
    case pb::FromBrain::kGoRun: return FromBrain(GoRun{OCTO_TRY(take(proto.go_run()))});
    case pb::FromBrain::kCallOffRun:
      return FromBrain(CallOffRun{OCTO_TRY(take(proto.call_off_run().run())), proto.call_off_run().reason()});
    case pb::FromBrain::kDone: return FromBrain(Done{});
    case pb::FromBrain::kBlob: return FromBrain(Blob{std::move(*proto.mutable_blob()->mutable_data())});
    case pb::FromBrain::kFailed: return FromBrain(Failed{take_problem(proto.failed())});
    case pb::FromBrain::KIND_NOT_SET: break;
  }
  return fail(ErrorCode::unsupported, "a message of a kind that this version does not know");
}

Result<FromNode> decode_from_node(BytesView bytes) {
  pb::FromNode proto;
  if (!read(proto, bytes)) {
    return fail(ErrorCode::invalid_argument, "these {} bytes are no message of a node", bytes.size());
  }
  switch (proto.kind_case()) {
    case pb::FromNode::kRunProgress: return FromNode(OCTO_TRY(take(proto.run_progress())));
    case pb::FromNode::kAwaitBarrier:
      OCTO_TRY(check_barrier_name(proto.await_barrier().name()));
      return FromNode(
          AwaitBarrier{OCTO_TRY(take(proto.await_barrier().run())), proto.await_barrier().name()});
    case pb::FromNode::kRunOutput: return FromNode(RunOutput{OCTO_TRY(take(proto.run_output()))});
    case pb::FromNode::kRunEnded: return FromNode(RunEnded{OCTO_TRY(take(proto.run_ended()))});
    case pb::FromNode::kResumeRun: return FromNode(ResumeRun{OCTO_TRY(take(proto.resume_run()))});
    case pb::FromNode::kStatus: return FromNode(StatusAnswer{OCTO_TRY(take(proto.status()))});
    case pb::FromNode::kApps: {
      AppsAnswer answer;
      for (const auto& app : proto.apps().apps()) answer.apps.push_back(OCTO_TRY(take(app)));
      return FromNode(std::move(answer));
    }
    case pb::FromNode::kLogLines:
      return FromNode(LogLines{{proto.log_lines().lines().begin(), proto.log_lines().lines().end()}});
    case pb::FromNode::kAskManifest:
      return FromNode(AskManifest{OCTO_TRY(take_hash(proto.ask_manifest(), "ask_manifest"))});
    case pb::FromNode::kAskChunks: {
      AskChunks ask;
      if (proto.ask_chunks().hashes_size() > static_cast<int>(kHashesMax)) {
        return fail(ErrorCode::too_large, "ask_chunks.hashes: {} in one question, {} at most",
                    proto.ask_chunks().hashes_size(), kHashesMax);
      }
      for (const auto& hash : proto.ask_chunks().hashes())
        ask.hashes.push_back(OCTO_TRY(take_hash(hash, "ask_chunks.hashes")));
      return FromNode(std::move(ask));
    }
    case pb::FromNode::kDone: return FromNode(Done{});
    case pb::FromNode::kFailed: return FromNode(Failed{take_problem(proto.failed())});
    case pb::FromNode::KIND_NOT_SET: break;
  }
  return fail(ErrorCode::unsupported, "a message of a kind that this version does not know");
}

}  // namespace octo::wire
