// SPDX-License-Identifier: MIT
// Embedded tables: a thin, checked wrapper over SQLite (WAL, synchronous=FULL, foreign keys on). Blocking:
// call it from Workers.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace octo::store {

using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string>;  // text may hold any bytes

class Row {
 public:
  explicit Row(void* statement) : statement_(statement) {}
  std::int64_t number(int column) const;
  std::optional<std::int64_t> find_number(int column) const;  // NULL → nothing
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  void* statement_;
};

// Added in order, each once, in a transaction; never edited after a release. Only additions within a release
// (decision 7).
struct Migration {
  int version;
  std::string sql;
};

class Store {
 public:
  // Opens or makes the file, takes an exclusive flock beside it (conflict when another process has it),
  // checks it (quick_check; corrupt names the file and the repair command), migrates.
  static Result<std::unique_ptr<Store>> open(const std::string& path, std::span<const Migration> migrations);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // One statement with positional parameters; statements are cached. storage_full, corrupt, conflict
  // (constraint) …
  Result<void> run(std::string_view sql, std::span<const Value> values = {});
  Result<void> query(std::string_view sql, std::span<const Value> values,
                     const std::function<void(const Row&)>& each);
  std::int64_t changes() const;

  Result<void> begin();   // BEGIN IMMEDIATE
  Result<void> commit();  // durable when ok
  void rollback();
  // Runs body in a transaction; any error rolls back.
  Result<void> transact(const std::function<Result<void>()>& body);

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace octo::store
