// SPDX-License-Identifier: MIT
// For tests of this room: one message of every kind, each field with a value of its own.
#pragma once
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "wire/messages.hpp"

namespace octo::wire {

inline RunId run_sample() { return {TaskId("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 2, NodeName("pi0"), 3}; }
inline AppAt app_sample() { return {AppName("hello printer"), ScenarioName("helloWorld")}; }
inline Sha256 hash_sample(std::uint8_t first) {
  Sha256 hash;
  for (std::uint8_t& byte : hash.bytes) byte = first++;
  return hash;
}
inline WallTime wall_sample() { return WallTime(1'700'000'000s + 123'456'789ns); }

using FromBrainSamples = std::vector<std::pair<std::string, FromBrain>>;
inline FromBrainSamples from_brain_samples() {
  const ExecOrder command{
      .text = "date; \xff", .environment = {{"A", "1"}, {"B", "\xfe"}}, .limit = 5s, .tie = true};
  const ExecOrder script{.kind = ExecOrder::Kind::script,
                         .text = Bytes("#!/bin/sh\n\0\n", 12),
                         .script_name = "a b.sh",
                         .app = app_sample(),
                         .where_prepared = true,
                         .background = true,
                         .limit = 0s,
                         .user = "nobody",
                         .folder = "sub folder",
                         .input = Bytes("\0in\xff", 4),
                         .delay = 3s,
                         .resources = {1 << 20, 64, 150},
                         .secrets = {{"TOKEN", Secret(std::string("s\0\xff", 3))}, {"KEY", Secret("k")}},
                         .together = Together{10ms, 45s}};
  const auto start = [](Deed deed) { return StartRun{{run_sample(), std::move(deed)}, 10min, Instant(2h)}; };
  return {
      {"start_run_command", start(command)},
      {"start_run_script", start(script)},
      {"start_run_sync", start(SyncOrder{app_sample(), hash_sample(1), "prints hello"})},
      {"start_run_commit", start(CommitOrder{app_sample(), "first version"})},
      {"start_run_reset",
       start(ResetOrder{app_sample(), "0123456789abcdef0123456789abcdef01234567", "back"})},
      {"start_run_remove", start(RemoveOrder{app_sample()})},
      {"cancel_run", CancelRun{run_sample()}},
      {"run_ack", RunAck{{1, 2, 3}, true}},
      {"run_ack_at_end", RunAck{{1, 2, 3}, false, OutputFlow::at_end}},
      {"ask_status", AskStatus{}},
      {"ask_apps_all", AskApps{std::nullopt, 0, 5}},
      {"ask_apps_one", AskApps{app_sample(), 10, 20}},
      {"ask_log", AskLog{{200, 3, true}}},
      {"ask_log_all", AskLog{{10, std::nullopt, false}}},
      {"commit_run", CommitRun{run_sample(), Instant(1h + 5ns), 10ms}},
      {"go_run", GoRun{run_sample()}},
      {"call_off_run", CallOffRun{run_sample(), "pi3 cannot"}},
      {"done_of_brain", Done{}},
      {"blob", Blob{Bytes("\0\xff\n", 3)}},
      {"failed_of_brain", Failed{Error(ErrorCode::not_found, "no such manifest")}},
  };
}

using FromNodeSamples = std::vector<std::pair<std::string, FromNode>>;
inline FromNodeSamples from_node_samples() {
  const RunEnd succeeded{.state = RunState::succeeded,
                         .exit_code = 0,
                         .out_bytes = 4,
                         .err_bytes = 5,
                         .note_bytes = 6,
                         .started = wall_sample(),
                         .lasted = 7ms,
                         .version = "0123456789abcdef0123456789abcdef01234567",
                         .start = StartMark{Instant(2h), 3us, -4us}};
  const RunEnd killed{.state = RunState::failed, .signal = 9, .reason = "ended by signal 9"};
  HostStatus status{.platform = "linux 6.1.0 x86_64",
                    .cpu_cores = 4,
                    .cpu_load_short = 0.25,
                    .cpu_load_long = 0.5,
                    .memory_used = 1,
                    .memory_total = 2,
                    .disk_used = 3,
                    .disk_total = 4,
                    .local_time = wall_sample(),
                    .utc_offset_seconds = -3600,
                    .uptime = 3h};
  HostStatus clocked = status;
  clocked.clock = ClockReading{-17us, 300us};
  const NodeAppInfo app{.app = app_sample(),
                        .description = "prints hello",
                        .path = "/root/hello printer@helloWorld",
                        .modified = true,
                        .version_count = 9,
                        .versions = {{"01234567", "first", wall_sample()}, {"89abcdef", "", {}}}};
  return {
      {"run_progress", RunProgress{}},
      {"run_progress_armed", RunProgress{.state = RunState::armed}},
      {"run_progress_pid", RunProgress{.state = RunState::running, .pid = 4711}},
      {"run_progress_armed_together", RunProgress{.state = RunState::armed, .clock_bound = 40us}},
      {"run_progress_together",
       RunProgress{.state = RunState::running, .pid = 4711, .start = StartMark{Instant(2h), 3us, 4us}}},
      {"run_output", RunOutput{{OutputStream::err, std::uint64_t{1} << 40, Bytes("\0\xff\n", 3)}}},
      {"run_ended", RunEnded{succeeded}},
      {"run_ended_by_signal", RunEnded{killed}},
      {"run_ended_at_once", RunEnded{{.state = RunState::succeeded, .exit_code = 0, .pid = 4711}}},
      {"resume_run", ResumeRun{run_sample()}},
      {"status", StatusAnswer{status}},
      {"status_with_clock", StatusAnswer{clocked}},
      {"apps", AppsAnswer{{app}}},
      {"apps_none", AppsAnswer{}},
      {"log_lines", LogLines{{"first line", "any \xff bytes", ""}}},
      {"ask_manifest", AskManifest{hash_sample(1)}},
      {"ask_chunks", AskChunks{{hash_sample(1), hash_sample(33)}}},
      {"await_barrier", AwaitBarrier{run_sample(), "ready"}},
      {"done", Done{}},
      {"failed_of_node", Failed{Error(ErrorCode::conflict, "not prepared here")}},
  };
}

}  // namespace octo::wire
