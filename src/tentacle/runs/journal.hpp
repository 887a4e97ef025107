// SPDX-License-Identifier: MIT
// The folders of runs as the agent writes and judges them (spec/run-record.md). Blocking: call from Workers.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "domain/run.hpp"
#include "runner/format.hpp"

namespace octo::tentacle {

// "<task>.<step>.<attempt>" back to the id; nothing for any other name.
std::optional<RunId> parse_local_name(const NodeName& node, std::string_view name);

runner::Ended ended_of(const RunEnd& end);
Result<RunEnd> end_of(const runner::Ended& ended);

struct RunOnDisk {
  std::optional<runner::Started> started;
  std::optional<runner::Mark> mark;
  std::optional<RunEnd> end;
  bool acknowledged = false;  // the Brain has the end
};
// corrupt when the record is damaged; an absent record is an empty one.
Result<RunOnDisk> load_run(const std::string& folder);

// Makes the run's folder with its intent; durably if it is to wait for its time, or the runner's claim does
// that. conflict when it is there; after any other error nothing of it is left.
Result<void> create_run(const std::string& folder, const runner::Intent& intent);
// Makes the outcome of a deed that is no process durable.
Result<void> create_deed(const std::string& folder, const RunEnd& end);

// Of a run that was called off: why.
std::optional<std::string> load_why_off(const std::string& folder);
StartMark start_of(const runner::Mark& mark);

Result<runner::Intent> load_intent(const std::string& folder);

// The runner that holds the record's lock; nothing: none lives. An error is no proof of that.
Result<std::optional<pid_t>> lock_holder(const std::string& folder);

// How a run ended that has no runner any more: what its record says, or `never` if the claim proves that
// nothing was started, or interrupted, in which case what remains of its processes is killed first. Durable
// before it is answered. conflict: a runner lives after all.
Result<RunEnd> settle(const std::string& folder, const RunEnd& never);
// The record as it is now, made durable.
Result<void> sync_record(const std::string& folder);

// Leaves only the fact that it ran, and how it ended.
Result<void> make_tombstone(const std::string& folder);
bool is_tombstone(const std::string& folder);  // false: its making was broken off
// Removes the kept output; readers see a gap.
void drop_output(const std::string& folder);
std::uint64_t output_bytes(const std::string& folder);

}  // namespace octo::tentacle
