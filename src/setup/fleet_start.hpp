// SPDX-License-Identifier: MIT
// Starts the programs of a prepared layout, each when what it needs is there.
#pragma once
#include <string>
#include <vector>

#include "setup/fleet_record.hpp"
#include "setup/fleet_up.hpp"

namespace octo::setup {

// Beside our own executable.
Result<void> check_programs();

struct Start {
  const Layout& layout;
  const std::vector<NodeName>& nodes;
  Stay stay;
  Clock& clock;
};
// Whatever was started is in `record`, also when this fails or a signal interrupts it (`cancelled`): the
// caller stops it.
Async<Result<void>> start_or_interrupt(const Start& start, FleetRecord& record);

// "exit status 1", "killed by signal 9".
std::string describe_status(int status);

}  // namespace octo::setup
