// SPDX-License-Identifier: MIT
#include "restart.hpp"

#include <sys/wait.h>

#include "base/text.hpp"
#include "io/process/process.hpp"

namespace octo {

Async<Result<void>> run_restart_command(std::string command) {
  const pid_t pid = OCTO_CO_TRY(process::spawn({.program = "/bin/sh",
                                                .arguments = {"sh", "-c", command},
                                                .new_session = true,
                                                .out_file = "/dev/null"})
                                    .with("start autoRestartCommand"));
  auto shell = OCTO_CO_TRY(process::Process::open(pid));
  const auto status = OCTO_CO_TRY(co_await shell.wait());
  if (status.value_or(0) == 0) co_return Result<void>{};
  co_return fail(ErrorCode::unavailable, "autoRestartCommand {} ended with {} {}", quote(command),
                 WIFSIGNALED(*status) ? "signal" : "exit status",
                 WIFSIGNALED(*status) ? WTERMSIG(*status) : WEXITSTATUS(*status));
}

}  // namespace octo
