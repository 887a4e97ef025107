// SPDX-License-Identifier: MIT
// Nodes, scenarios and their versions.
#include "api/records.hpp"
#include "brain/ledger/ledger.hpp"

namespace octo::brain {

namespace {

using store::Row;
using store::Store;
using store::Value;

std::int64_t number_of(WallTime time) { return time.time_since_epoch().count(); }

Result<std::vector<Scenario>> select_scenarios(Store& store, std::string_view where,
                                               std::span<const Value> values) {
  std::vector<Scenario> found;
  Result<void> sound;
  OCTO_TRY(store.query(
      fmt::format("SELECT name, description, workgroup, deployment, record FROM scenario "
                  "JOIN version ON version.scenario = name AND version.id = newest WHERE {} ORDER BY name",
                  where),
      values, [&](const Row& row) {
        auto newest = api::decode_scenario_version(row.text(4));
        if (newest) {
          found.push_back(Scenario{ScenarioName(row.text(0)), row.text(1), Group(row.text(2)), row.text(3),
                                   std::move(*newest)});
        } else if (sound) {
          sound = Failure(newest.error().with(fmt::format("read scenario {} of the ledger", row.text(0))));
        }
      }));
  OCTO_TRY(std::move(sound));
  return found;
}

Result<void> put_scenario(Store& store, const Scenario& scenario) {
  const Value version[] = {scenario.name.str(), scenario.name.str(), scenario.newest.id,
                           api::encode(scenario.newest)};
  OCTO_TRY(
      store
          .run("INSERT INTO version(scenario, position, id, record) "
               "VALUES(?, (SELECT coalesce(max(position), 0) + 1 FROM version WHERE scenario = ?), ?, ?) "
               "ON CONFLICT(scenario, id) DO NOTHING",
               version)
          .with("store the version"));
  if (store.changes() == 0) return {};
  const Value row[] = {scenario.name.str(), scenario.description, scenario.group.str(), scenario.deployment,
                       scenario.newest.id};
  return store
      .run(
          "INSERT INTO scenario(name, description, workgroup, deployment, newest) VALUES(?, ?, ?, ?, ?) "
          "ON CONFLICT(name) DO UPDATE SET description = excluded.description, deployment = "
          "excluded.deployment, "
          "newest = excluded.newest",
          row)
      .with("store the scenario");
}

}  // namespace

Async<Result<std::vector<NodeRecord>>> SqliteLedger::nodes() {
  std::vector<NodeRecord> found;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    return store.query(
        "SELECT name, version, address, instance, joined, online_since, last_heard, labels FROM node "
        "ORDER BY name",
        {}, [&](const Row& row) {
          found.push_back(NodeRecord{NodeName(row.text(0)), row.text(1), row.text(2), row.text(3),
                                     WallTime(Span(row.number(4))), WallTime(Span(row.number(5))),
                                     WallTime(Span(row.number(6))), parse_labels(row.text(7))});
        });
  }));
  co_return found;
}

Async<Result<void>> SqliteLedger::record_node(const NodeRecord& node) {
  co_return co_await write([node](Store& store) -> Result<void> {
    const Value values[] = {node.name.str(),
                            node.version,
                            node.address,
                            node.instance,
                            number_of(node.joined),
                            number_of(node.online_since),
                            number_of(node.last_heard),
                            print_labels(node.labels)};
    return store
        .run(
            "INSERT INTO node(name, version, address, instance, joined, online_since, last_heard, labels) "
            "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET version = excluded.version, "
            "address = excluded.address, instance = excluded.instance, online_since = excluded.online_since, "
            "last_heard = excluded.last_heard, labels = excluded.labels",
            values)
        .with("record the node");
  });
}

Async<Result<void>> SqliteLedger::remove_nodes(const std::vector<NodeName>& names, const Stamp& stamp) {
  co_return co_await write([this, names, stamp](Store& store) -> Result<void> {
    for (const NodeName& name : names) {
      const Value values[] = {name.str()};
      OCTO_TRY(store.run("DELETE FROM node WHERE name = ?", values).with("remove the node"));
    }
    return put_stamp(store, stamp);
  });
}

Async<Result<std::vector<Scenario>>> SqliteLedger::scenarios(const Group& group) {
  std::vector<Scenario> found;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    const Value values[] = {group.str()};
    found = OCTO_TRY(select_scenarios(store, "workgroup = ?", values));
    return {};
  }));
  co_return found;
}

Async<Result<std::optional<Scenario>>> SqliteLedger::find_scenario(const ScenarioName& name) {
  std::vector<Scenario> found;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    const Value values[] = {name.str()};
    found = OCTO_TRY(select_scenarios(store, "name = ?", values));
    return {};
  }));
  if (found.empty()) co_return std::nullopt;
  co_return std::move(found.front());
}

Async<Result<void>> SqliteLedger::put_version(const Scenario& scenario) {
  co_return co_await write([scenario](Store& store) { return put_scenario(store, scenario); });
}

Async<Result<std::vector<ScenarioVersion>>> SqliteLedger::versions(const ScenarioName& name,
                                                                   std::uint64_t offset,
                                                                   std::uint64_t limit) {
  constexpr std::uint64_t kMost = 1'000'000;  // SQLite's limits are signed; nobody has more versions
  std::vector<ScenarioVersion> found;
  OCTO_CO_TRY(co_await read([&](Store& store) -> Result<void> {
    const Value values[] = {name.str(), static_cast<std::int64_t>(std::min(limit, kMost)),
                            static_cast<std::int64_t>(std::min(offset, kMost))};
    Result<void> sound;
    OCTO_TRY(
        store.query("SELECT record FROM version WHERE scenario = ? ORDER BY position DESC LIMIT ? OFFSET ?",
                    values, [&](const Row& row) {
                      auto version = api::decode_scenario_version(row.text(0));
                      if (version) found.push_back(std::move(*version));
                      else if (sound) sound = Failure(version.error().with("read a version of the ledger"));
                    }));
    return sound;
  }));
  co_return found;
}

Async<Result<void>> SqliteLedger::remove_scenario(const ScenarioName& name) {
  co_return co_await write([name](Store& store) -> Result<void> {
    const Value values[] = {name.str()};
    OCTO_TRY(store.run("DELETE FROM scenario WHERE name = ?", values));
    return store.run("DELETE FROM version WHERE scenario = ?", values).with("remove the scenario");
  });
}

}  // namespace octo::brain
