// SPDX-License-Identifier: MIT
#include "nameserver/registry.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "io/files/files.hpp"
#include "io/log/log.hpp"
#include "nameserver/rules.hpp"

namespace octo::nameserver {

namespace {

constexpr std::size_t kPageBytes = 512 * 1024;  // of keys, values and descriptions, before JSON
constexpr Span kSweepEvery = 10s;

const std::vector<store::Migration> kMigrations = {
    {1,
     "CREATE TABLE names (key TEXT PRIMARY KEY, type TEXT NOT NULL, value TEXT NOT NULL, description TEXT "
     "NOT NULL,"
     " ttl_ms INTEGER NOT NULL, until_ms INTEGER) WITHOUT ROWID"},
};

std::int64_t milliseconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

std::size_t bytes_of(const api::NameEntry& entry) {
  return entry.key.size() + entry.value.size() + entry.description.size();
}

}  // namespace

Result<std::unique_ptr<Registry>> Registry::open(const std::string& folder, Clock& clock, Workers& workers) {
  OCTO_TRY(files::make_folders(folder).with("open the names"));
  auto store =
      OCTO_TRY(store::Store::open(files::join(folder, "names.db"), kMigrations).with("open the names"));
  std::unique_ptr<Registry> registry(new Registry(std::move(store), clock, workers));
  OCTO_TRY(registry->load().with("load the names"));
  return registry;
}

Result<void> Registry::load() {
  const std::int64_t wall = milliseconds_of(clock_.wall());
  OCTO_TRY(store_->query(
      "SELECT key, type, value, description, ttl_ms, until_ms FROM names", {}, [&](const store::Row& row) {
        Held held{{row.text(0), row.text(1), row.text(2), row.text(3), row.number(4)},
                  std::nullopt,
                  row.find_number(5)};
        if (const auto life = life_of(held.entry)) {
          // Never longer than its whole life, should the wall clock have been set back.
          const Span left =
              std::chrono::milliseconds(std::max<std::int64_t>(held.until_ms.value_or(0) - wall, 0));
          held.until = clock_.now() + std::min(left, *life);
        }
        names_[held.entry.key] = std::move(held);
      }));
  return {};
}

Registry::Held Registry::hold(api::NameEntry entry) const {
  Held held{std::move(entry), std::nullopt, std::nullopt};
  if (const auto life = life_of(held.entry)) {
    held.until = clock_.now() + *life;
    held.until_ms = milliseconds_of(clock_.wall() + *life);
  }
  return held;
}

Result<void> Registry::save(const std::vector<Held>& held) {
  return store_->transact([&]() -> Result<void> {
    for (const auto& [entry, until, until_ms] : held) {
      const store::Value over = until_ms ? store::Value(*until_ms) : store::Value(nullptr);
      const std::vector<store::Value> values = {entry.key,         entry.type,   entry.value,
                                                entry.description, entry.ttl_ms, over};
      OCTO_TRY(store_->run("INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?, ?, ?)", values));
    }
    return {};
  });
}

Async<Result<void>> Registry::put(std::vector<api::NameEntry> entries) {
  const auto fresh =
      std::ranges::count_if(entries, [&](const auto& entry) { return !names_.contains(entry.key); });
  if (names_.size() + static_cast<std::size_t>(fresh) > kNamesMax) {
    co_return fail(ErrorCode::exhausted, "the nameserver keeps {} names and no more; delete some", kNamesMax);
  }
  std::vector<Held> held;
  for (api::NameEntry& entry : entries) held.push_back(hold(std::move(entry)));
  OCTO_CO_TRY(co_await workers_.run([&] { return save(held); }));
  for (Held& one : held) names_[one.entry.key] = std::move(one);
  co_return Result<void>{};
}

Async<Result<void>> Registry::remove(std::string key) {
  if (find(key) == nullptr) co_return fail(ErrorCode::not_found, "no name {}", quote(key));
  OCTO_CO_TRY(co_await workers_.run(
      [&] { return store_->run("DELETE FROM names WHERE key = ?", std::vector<store::Value>{key}); }));
  names_.erase(key);
  co_return Result<void>{};
}

const api::NameEntry* Registry::find(const std::string& key) const {
  const auto found = names_.find(key);
  return found == names_.end() || found->second.over(clock_.now()) ? nullptr : &found->second.entry;
}

api::NameEntries Registry::list(const Filter& filter) const {
  api::NameEntries page;
  const Instant now = clock_.now();
  std::size_t bytes = 0;
  for (auto at = names_.lower_bound(filter.from); at != names_.end(); ++at) {
    const auto& [key, held] = *at;
    if (held.over(now) || !fits(filter.match, filter.text, key)) continue;
    bytes += bytes_of(held.entry);
    if (bytes > kPageBytes) {
      page.next = key;
      break;
    }
    page.entries.push_back(held.entry);
  }
  return page;
}

std::size_t Registry::count() const {
  const Instant now = clock_.now();
  return static_cast<std::size_t>(
      std::ranges::count_if(names_, [&](const auto& name) { return !name.second.over(now); }));
}

Async<void> Registry::sweep() {
  while (true) {
    std::vector<std::pair<std::string, std::int64_t>> over;
    const Instant now = clock_.now();
    std::erase_if(names_, [&](const auto& name) {
      if (!name.second.over(now)) return false;
      over.emplace_back(name.first, name.second.until_ms.value_or(0));
      return true;
    });
    const auto done = co_await workers_.run([&]() -> Result<void> {
      if (over.empty()) return {};
      return store_->transact([&]() -> Result<void> {
        for (const auto& [key, until_ms] : over) {
          // Not one that was written again meanwhile.
          OCTO_TRY(store_->run("DELETE FROM names WHERE key = ? AND until_ms <= ?",
                               std::vector<store::Value>{key, until_ms}));
        }
        return {};
      });
    });
    if (!done) log::warning("names whose time is over stay on disk: {}", done.error().message());
    co_await clock_.sleep(kSweepEvery);
  }
}

}  // namespace octo::nameserver
