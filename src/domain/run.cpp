// SPDX-License-Identifier: MIT
#include "domain/run.hpp"

#include <algorithm>
#include <array>

namespace octo {

namespace {

struct StateWord {
  RunState state;
  std::string_view name;
  bool final;
};

constexpr std::array<StateWord, 13> kStates = {{
    {RunState::accepted, "accepted", false},
    {RunState::queued, "queued", false},
    {RunState::delivered, "delivered", false},
    {RunState::armed, "armed", false},
    {RunState::running, "running", false},
    {RunState::succeeded, "succeeded", true},
    {RunState::failed, "failed", true},
    {RunState::timed_out, "timed_out", true},
    {RunState::cancelled, "cancelled", true},
    {RunState::expired, "expired", true},
    {RunState::rejected, "rejected", true},
    {RunState::interrupted, "interrupted", true},
    {RunState::unknown, "unknown", true},
}};

const StateWord& word_of(RunState state) { return kStates[static_cast<std::size_t>(state)]; }

// How far a run has come. It moves forward only, but for one step back: delivered → queued, when the order
// was certainly not sent.
int rank_of(RunState state) {
  switch (state) {
    case RunState::accepted: return 0;
    case RunState::queued: return 1;
    case RunState::delivered: return 2;
    case RunState::armed: return 3;
    case RunState::running: return 4;
    default: return 5;
  }
}

}  // namespace

std::string_view name_of(RunState state) { return word_of(state).name; }

std::optional<RunState> find_run_state(std::string_view name) {
  for (const StateWord& word : kStates) {
    if (word.name == name) return word.state;
  }
  return std::nullopt;
}

bool is_final(RunState state) { return word_of(state).final; }

bool may_follow(RunState from, RunState to) {
  if (from == RunState::unknown) return is_final(to) && to != RunState::unknown;
  if (is_final(from)) return false;
  if (from == RunState::delivered && to == RunState::queued) return true;
  return rank_of(to) > rank_of(from);
}

Skew skew_of(const std::vector<StartMark>& starts) {
  const auto earliest = [&](auto of) { return std::ranges::min(starts, {}, of); };
  const auto latest = [&](auto of) { return std::ranges::max(starts, {}, of); };
  const auto low = [](const StartMark& start) { return start.at - start.bound; };
  const auto high = [](const StartMark& start) { return start.at + start.bound; };
  const Span skew = latest(&StartMark::at).at - earliest(&StartMark::at).at;
  const Span most = high(latest(high)) - low(earliest(low));
  const Span least = std::max<Span>(low(latest(low)) - high(earliest(high)), {});
  return {skew, std::max(most - skew, skew - least)};
}

std::string local_name(const RunId& id) { return fmt::format("{}.{}.{}", id.task, id.step, id.attempt); }

std::string_view name_of(OutputStream stream) {
  switch (stream) {
    case OutputStream::out: return "stdout";
    case OutputStream::err: return "stderr";
    case OutputStream::note: return "note";
  }
  return "stdout";
}

std::optional<OutputStream> find_output_stream(std::string_view name) {
  for (const OutputStream stream : {OutputStream::out, OutputStream::err, OutputStream::note}) {
    if (name_of(stream) == name) return stream;
  }
  return std::nullopt;
}

}  // namespace octo
