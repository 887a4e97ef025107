// SPDX-License-Identifier: MIT
#include "octl/exit_code.hpp"

#include <gtest/gtest.h>

namespace octo::octl {
namespace {

RunRow ended(RunState state, std::optional<int> code = {}, std::optional<int> signal = {}) {
  RunRow row;
  row.state = state;
  row.end.state = state;
  row.end.exit_code = code;
  row.end.signal = signal;
  return row;
}

TEST(ExitCode, ErrorsMapToTheTable) {
  const std::map<ErrorCode, int> table = {
      {ErrorCode::invalid_argument, 2}, {ErrorCode::unauthenticated, 4}, {ErrorCode::forbidden, 4},
      {ErrorCode::not_found, 1},        {ErrorCode::conflict, 6},        {ErrorCode::too_large, 1},
      {ErrorCode::unprocessable, 6},    {ErrorCode::exhausted, 1},       {ErrorCode::cancelled, 130},
      {ErrorCode::unsupported, 1},      {ErrorCode::unavailable, 5},     {ErrorCode::timed_out, 124},
      {ErrorCode::storage_full, 1},     {ErrorCode::corrupt, 1},         {ErrorCode::internal, 1}};
  for (const ErrorCode code : kErrorCodes) EXPECT_EQ(exit_code_of(code), table.at(code)) << name_of(code);
}

TEST(ExitCode, OneTargetPassesItsOwnCodeThrough) {
  EXPECT_EQ(exit_code_of(ended(RunState::succeeded, 0)), 0);
  EXPECT_EQ(exit_code_of(ended(RunState::failed, 42)), 42);
  EXPECT_EQ(exit_code_of(ended(RunState::failed, {}, 9)), 137);
  EXPECT_EQ(exit_code_of(ended(RunState::failed)), 3);
  EXPECT_EQ(exit_code_of(ended(RunState::rejected)), 4);
  EXPECT_EQ(exit_code_of(ended(RunState::expired)), 5);
  EXPECT_EQ(exit_code_of(ended(RunState::interrupted)), 5);
  EXPECT_EQ(exit_code_of(ended(RunState::unknown)), 5);
  EXPECT_EQ(exit_code_of(ended(RunState::timed_out)), 124);
  EXPECT_EQ(exit_code_of(ended(RunState::cancelled)), 130);
}

TEST(ExitCode, OfSeveralTheWorstDecides) {
  const auto of = [](std::map<RunState, std::size_t> counts) { return exit_code_of(counts); };
  EXPECT_EQ(of({{RunState::succeeded, 3}}), 0);
  EXPECT_EQ(of({{RunState::succeeded, 3}, {RunState::failed, 1}}), 3);
  EXPECT_EQ(of({{RunState::failed, 1}, {RunState::cancelled, 1}}), 130);
  EXPECT_EQ(of({{RunState::cancelled, 1}, {RunState::timed_out, 1}}), 124);
  EXPECT_EQ(of({{RunState::timed_out, 1}, {RunState::unknown, 1}}), 5);
  EXPECT_EQ(of({{RunState::expired, 1}, {RunState::rejected, 1}}), 4);
}

TEST(ExitCode, OfAScenarioTheFailedStepDecidesNotWhatItCancelled) {
  EXPECT_EQ(exit_code_of(outcome_of({{RunState::failed, 1}, {RunState::cancelled, 2}})), 3);
  EXPECT_EQ(exit_code_of(TaskState::cancelled), 130);
  EXPECT_EQ(exit_code_of(TaskState::succeeded), 0);
}

}  // namespace
}  // namespace octo::octl
