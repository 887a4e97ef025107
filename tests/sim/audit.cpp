// SPDX-License-Identifier: MIT
// "No action without its trace": the audit log of the disk that is left verifies, and has a row for every
// mutation that was acknowledged.
#include <set>

#include "io/store/store.hpp"
#include "play.hpp"

namespace octo::sim {

void judge_audit(World& world) {
  auto store = store::Store::open(world.brain.disk_path() + "/ledger.db", {});
  if (!store) return world.oracle.fault("the ledger cannot be opened: " + store.error().message());
  const auto verified = brain::verify_audit(**store);
  if (!verified) world.oracle.fault("the audit log: " + verified.error().message());
  std::set<std::string> rows;
  const auto read = (*store)->query("SELECT action, object FROM audit", {}, [&](const store::Row& row) {
    rows.insert(row.text(0) + " " + row.text(1));
  });
  if (!read) return world.oracle.fault("the audit log: " + read.error().message());
  for (const auto& [id, task] : world.oracle.tasks()) {
    if (task.acknowledged && !rows.contains("task.start task " + id.str()))
      world.oracle.fault(fmt::format("the start of task {} has no audit row", id));
    if (task.cancelled && !rows.contains("task.cancel task " + id.str()))
      world.oracle.fault(fmt::format("the cancel of task {} has no audit row", id));
  }
}

}  // namespace octo::sim
