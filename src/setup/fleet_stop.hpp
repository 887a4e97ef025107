// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "async/clock.hpp"
#include "setup/fleet_record.hpp"

namespace octo::setup {

// Ends these processes of a fleet, nodes first and the nameserver last, then the commands that its nodes
// still run and whatever those left behind (where there is no cgroup v2: but for processes that cleared their
// environment and left their session), and writes an empty record. SIGTERM, and SIGKILL after ten seconds.
// The folder stays, for the next up.
Async<Result<void>> stop_fleet(const Layout& layout, const std::vector<FleetRecord::Entry>& processes,
                               Clock& clock);

// `octopoda down`: everything of the layout that lives. Answers how many programs it ended.
Async<Result<std::size_t>> down(const Layout& layout, Clock& clock);

}  // namespace octo::setup
