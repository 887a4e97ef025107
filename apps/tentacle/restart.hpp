// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "async/async.hpp"
#include "base/result.hpp"

namespace octo {

// Runs the settings' autoRestartCommand ("reboot"), a line for the shell, and waits for its end. It is in a
// session of its own and goes on when the agent ends meanwhile: it may be what ends it. An exit status other
// than 0 is an error.
Async<Result<void>> run_restart_command(std::string command);

}  // namespace octo
