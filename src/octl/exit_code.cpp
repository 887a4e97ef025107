// SPDX-License-Identifier: MIT
#include "octl/exit_code.hpp"

namespace octo::octl {

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return kUsage;
    case ErrorCode::unauthenticated:
    case ErrorCode::forbidden: return kNotAllowed;
    case ErrorCode::conflict:
    case ErrorCode::unprocessable: return kConflict;
    case ErrorCode::unavailable: return kNotReached;
    case ErrorCode::timed_out: return kTimeLimit;
    case ErrorCode::cancelled: return kInterrupted;
    case ErrorCode::not_found:
    case ErrorCode::too_large:
    case ErrorCode::exhausted:
    case ErrorCode::unsupported:
    case ErrorCode::storage_full:
    case ErrorCode::corrupt:
    case ErrorCode::internal: return kOurError;
  }
  return kOurError;
}

int exit_code_of(TaskState state) {
  switch (state) {
    case TaskState::running:
    case TaskState::succeeded: return kWell;
    case TaskState::failed: return kCommandFailed;
    case TaskState::rejected: return kNotAllowed;
    case TaskState::lost: return kNotReached;
    case TaskState::timed_out: return kTimeLimit;
    case TaskState::cancelled: return kInterrupted;
  }
  return kOurError;
}

int exit_code_of(const std::map<RunState, std::size_t>& counts) {
  const auto any = [&](RunState state) { return counts.contains(state) && counts.at(state) > 0; };
  if (!any(RunState::rejected) && !any(RunState::expired) && !any(RunState::interrupted) &&
      !any(RunState::unknown) && !any(RunState::timed_out) && any(RunState::cancelled)) {
    return kInterrupted;
  }
  return exit_code_of(outcome_of(counts));
}

int exit_code_of(const RunRow& only) {
  if (only.state == RunState::failed) {
    if (only.end.signal) return 128 + *only.end.signal;
    return only.end.exit_code.value_or(kCommandFailed);
  }
  return exit_code_of({{only.state, 1}});
}

std::string_view exit_codes_text() {
  return "Exit codes\n"
         "  0    all well\n"
         "  1    an error of ours, or not available in this version\n"
         "  2    wrong use, or a mistake in the request\n"
         "  3    the command failed on some node; with one node its own exit code, 128 + n for signal n;\n"
         "       so too where --max-fail then ended it: nodes that were not begun any more do not count\n"
         "  4    not allowed, log-in refused, or rejected by a node\n"
         "  5    some node (or the Brain) was not reached, or what became of the command is unknown\n"
         "  6    conflict: the state does not allow it now\n"
         "  124  time limit\n"
         "  130  cancelled, Ctrl-C\n"
         "Of several nodes the first of 4, 5, 124, 130, 3 that applies. --output json tells each apart.\n";
}

}  // namespace octo::octl
