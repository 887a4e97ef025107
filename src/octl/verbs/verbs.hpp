// SPDX-License-Identifier: MIT
// The verbs, one file per noun. Each takes its call and answers the process's exit code; what it says goes to
// call.output.
#pragma once
#include "octl/command_line.hpp"
#include "octl/print/output.hpp"
#include "octl/session.hpp"

namespace octo::octl {

struct Call {
  const CommandLine& line;
  Output& output;
  Session& session;  // opens nothing until it is asked
  Clock& clock;
};

Async<Result<int>> node_get(Call& call);
Async<Result<int>> node_status(Call& call);
Async<Result<int>> node_prune(Call& call);
Async<Result<int>> node_expand(Call& call);

Async<Result<int>> cmd_run(Call& call);  // and xrun

Async<Result<int>> log_get(Call& call);

Async<Result<int>> task_list(Call& call);
Async<Result<int>> task_show(Call& call);
Async<Result<int>> task_attach(Call& call);
Async<Result<int>> task_wait(Call& call);
Async<Result<int>> task_output(Call& call);
Async<Result<int>> task_cancel(Call& call);

Async<Result<int>> scen_create(Call& call);
Async<Result<int>> scen_apply(Call& call);
Async<Result<int>> scen_get(Call& call);
Async<Result<int>> scen_version(Call& call);
Async<Result<int>> scen_reset(Call& call);

Async<Result<int>> napp_get(Call& call);
Async<Result<int>> napp_version(Call& call);
Async<Result<int>> napp_reset(Call& call);

Async<Result<int>> completion_bash(Call& call);
Async<Result<int>> completion_zsh(Call& call);
Async<Result<int>> completion_fish(Call& call);

}  // namespace octo::octl
