// SPDX-License-Identifier: MIT
// fleet.json: which processes a running fleet has, so that `down` finds them and `up` refuses to start them
// twice.
#pragma once
#include <string>
#include <vector>

#include "setup/layout.hpp"
#include "setup/processes.hpp"

namespace octo::setup {

struct FleetRecord {
  struct Entry {
    std::string name;  // nameserver, brain, a node; "up" for an `octopoda up` in the foreground
    ProcessId id;
  };
  std::string boot;  // pids of another boot are nobody
  std::vector<Entry> processes;
};

// Without a file: an empty record.
Result<FleetRecord> load_record(const Layout& layout);
Result<void> save_record(const Layout& layout, const FleetRecord& record);

// Who of the record lives, and whoever else runs one of our programs on this layout's settings.
std::vector<FleetRecord::Entry> find_living(const Layout& layout, const FleetRecord& record);

}  // namespace octo::setup
