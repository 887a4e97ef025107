// SPDX-License-Identifier: MIT
#include "setup/fleet_stop.hpp"

#include <algorithm>

#include "io/files/files.hpp"
#include "io/host/host.hpp"
#include "setup/run_cgroups.hpp"

namespace octo::setup {

namespace {

constexpr Span kPatience = 10s;
constexpr Span kPatienceWithUp =
    60s;  // it gives its own children three times ten seconds, and their commands

using Entries = std::vector<FleetRecord::Entry>;

// The first to end is the highest.
int rank_of(const FleetRecord::Entry& entry) {
  if (entry.name == "up") return 3;
  if (entry.name == "brain") return 1;
  return entry.name == "nameserver" ? 0 : 2;
}

bool is_runner(const Layout& layout, const std::vector<std::string>& arguments) {
  return arguments.size() == 2 && arguments[0].substr(arguments[0].rfind('/') + 1) == "runner" &&
         arguments[1].starts_with(layout.folder() + "/");
}

std::vector<ProcessId> ids_of(const std::vector<ProcessFacts>& processes) {
  std::vector<ProcessId> ids;
  for (const ProcessFacts& facts : processes) ids.push_back(facts.id);
  return ids;
}

// Runners outlive their tentacle on purpose. Told to end, each ends its command's whole tree; who is left is
// in the run's cgroup, or carries its $OCTOPODA_OUTPUT in the environment.
Async<Result<void>> end_commands(const Layout& layout, Clock& clock) {
  const auto runner = [&](const std::vector<std::string>& arguments, const std::string&) {
    return is_runner(layout, arguments);
  };
  OCTO_CO_TRY(co_await end_processes(ids_of(find_processes(runner)), kPatience, clock));
  const auto cgroups = OCTO_CO_TRY(find_run_cgroups(layout));
  const std::string variable = fmt::format("{}OCTOPODA_OUTPUT={}/", '\0', layout.folder());
  const auto orphan = [&](const std::vector<std::string>& arguments, const std::string& environment) {
    return is_runner(layout, arguments) || environment.find(variable) != std::string::npos;
  };
  constexpr int kPassesMax = 20;  // who forks while it is ended shows up in the next pass
  for (int pass = 0; pass < kPassesMax; ++pass) {
    auto left = ids_of(find_processes(orphan));
    for (const ProcessId& id : processes_in(cgroups)) {
      if (std::ranges::find(left, id) == left.end()) left.push_back(id);
    }
    if (left.empty()) co_return remove_cgroups(cgroups);
    OCTO_CO_TRY(co_await end_processes(left, pass == 0 ? Span(1s) : Span::zero(), clock));
  }
  co_return fail(ErrorCode::timed_out,
                 "commands of this fleet's nodes start new processes faster than they can be ended");
}

}  // namespace

Async<Result<void>> stop_fleet(const Layout& layout, const Entries& processes, Clock& clock) {
  for (int rank = 3; rank >= 0; --rank) {
    std::vector<ProcessId> ids;
    for (const FleetRecord::Entry& entry : processes) {
      if (rank_of(entry) == rank) ids.push_back(entry.id);
    }
    OCTO_CO_TRY(co_await end_processes(ids, rank == 3 ? kPatienceWithUp : kPatience, clock));
  }
  OCTO_CO_TRY(co_await end_commands(layout, clock));
  co_return save_record(layout, {host::boot_id(), {}});
}

Async<Result<std::size_t>> down(const Layout& layout, Clock& clock) {
  if (!files::exists(layout.record())) {
    co_return fail(ErrorCode::not_found, "there is no fleet in {}; say where it is with --dir DIR",
                   quote(layout.folder()));
  }
  const auto lock = OCTO_CO_TRY(files::FolderLock::take(layout.folder()));
  const auto living = find_living(layout, OCTO_CO_TRY(load_record(layout)));
  OCTO_CO_TRY(co_await stop_fleet(layout, living, clock));
  co_return living.size();
}

}  // namespace octo::setup
