// SPDX-License-Identifier: MIT
// The names: all of them in memory, so that reading never waits for a disk; a write is durable before it is
// answered.
#pragma once
#include <map>
#include <memory>

#include "api/names.hpp"
#include "async/clock.hpp"
#include "async/workers.hpp"
#include "io/store/store.hpp"

namespace octo::nameserver {

class Registry {
 public:
  // `folder` is made when absent. `workers`: one thread, which alone uses the store from now on.
  static Result<std::unique_ptr<Registry>> open(const std::string& folder, Clock& clock, Workers& workers);

  // All of them or none; entries were checked (rules.hpp). exhausted when there would be too many names.
  Async<Result<void>> put(std::vector<api::NameEntry> entries);
  Async<Result<void>> remove(std::string key);  // not_found
  // Null when there is none, or its time is over; good until the next wait.
  const api::NameEntry* find(const std::string& key) const;
  struct Filter {
    api::NameMatch match = api::NameMatch::all;
    std::string text;
    std::string from;  // first key of the page
  };
  // One page, by key.
  api::NameEntries list(const Filter& filter) const;
  std::size_t count() const;
  // Forgets names whose time is over, in memory and on disk, until cancelled.
  Async<void> sweep();

 private:
  struct Held {
    api::NameEntry entry;
    std::optional<Instant> until;          // decides while we run
    std::optional<std::int64_t> until_ms;  // wall time, as on disk: decides after a restart
    bool over(Instant now) const { return until && now >= *until; }
  };
  Registry(std::unique_ptr<store::Store> store, Clock& clock, Workers& workers)
      : store_(std::move(store)), clock_(clock), workers_(workers) {}
  Result<void> load();
  Held hold(api::NameEntry entry) const;
  Result<void> save(const std::vector<Held>& held);

  std::unique_ptr<store::Store> store_;
  Clock& clock_;
  Workers& workers_;
  std::map<std::string, Held, std::less<>> names_;
};

}  // namespace octo::nameserver
