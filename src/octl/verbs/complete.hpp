// SPDX-License-Identifier: MIT
#pragma once
#include "octl/completion.hpp"
#include "octl/verbs/verbs.hpp"

namespace octo::octl {

// Prints what may follow, with what the Brain knows of it where it answers within a second. A shell asks: no
// error is told, and the exit code is well.
Async<int> answer_completion(Completion asked, Session& session, Clock& clock, Output& output);

}  // namespace octo::octl
