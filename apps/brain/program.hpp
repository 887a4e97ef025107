// SPDX-License-Identifier: MIT
// The Brain put together: which object needs which, and in what order they begin and end.
#pragma once
#include "daemon/daemon.hpp"
#include "io/settings/settings.hpp"

namespace octo {

// Until told to stop, or until a port is lost.
Async<Result<void>> run_brain(const settings::BrainSettings& settings, Executor executor, daemon::Stop& stop);

}  // namespace octo
