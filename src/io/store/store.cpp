// SPDX-License-Identifier: MIT
#include "io/store/store.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <unordered_map>

namespace octo::store {

namespace {

sqlite3_stmt* statement_of(void* statement) { return static_cast<sqlite3_stmt*>(statement); }

ErrorCode code_of(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_FULL: return ErrorCode::storage_full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorCode::corrupt;
    case SQLITE_CONSTRAINT: return ErrorCode::conflict;
    case SQLITE_IOERR: return ErrorCode::unavailable;
    default: return ErrorCode::internal;
  }
}

}  // namespace

std::int64_t Row::number(int column) const { return sqlite3_column_int64(statement_of(statement_), column); }
std::optional<std::int64_t> Row::find_number(int column) const {
  return is_null(column) ? std::nullopt : std::optional(number(column));
}
std::string Row::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_of(statement_), column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_of(statement_), column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}
bool Row::is_null(int column) const {
  return sqlite3_column_type(statement_of(statement_), column) == SQLITE_NULL;
}

struct Store::Impl {
  ~Impl() {
    for (const auto& [sql, statement] : statements) sqlite3_finalize(statement);
    if (db != nullptr) sqlite3_close_v2(db);
    if (lock >= 0) ::close(lock);
  }

  Failure failed(std::string_view step) const {
    const int code = sqlite3_extended_errcode(db);
    std::string text = fmt::format("{}: {} of {}", step, sqlite3_errmsg(db), path);
    if (code_of(code) == ErrorCode::corrupt)
      text += fmt::format("; stop the program, keep a copy, then try: sqlite3 {} .recover", path);
    return fail(Error(code_of(code), std::move(text)));
  }
  Result<void> execute(const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failed(sql);
    return {};
  }
  Result<sqlite3_stmt*> prepare(std::string_view sql) {
    const auto found = statements.find(sql);
    if (found != statements.end()) return found->second;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                           &statement, nullptr) != SQLITE_OK) {
      return failed(sql);
    }
    statements.emplace(sql, statement);
    return statement;
  }
  Result<void> take_lock();
  Result<void> check();
  Result<void> migrate(std::span<const Migration> migrations);

  std::string path;
  sqlite3* db = nullptr;
  int lock = -1;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view sql) const { return std::hash<std::string_view>()(sql); }
  };
  std::unordered_map<std::string, sqlite3_stmt*, Hash, std::equal_to<>> statements;
};

Result<void> Store::Impl::take_lock() {
  const std::string file = path + ".lock";
  lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0)
    return fail(errno == ENOSPC ? ErrorCode::storage_full : ErrorCode::unavailable, "open {}: {}", file,
                std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorCode::conflict, "{} is in use by another process", path);
  return {};
}

Result<void> Store::Impl::check() {
  std::string verdict;
  sqlite3_stmt* statement = OCTO_TRY(prepare("PRAGMA quick_check(1)"));
  const int step = sqlite3_step(statement);
  if (step == SQLITE_ROW) verdict = Row(statement).text(0);
  sqlite3_reset(statement);
  if (step != SQLITE_ROW) return failed("check");
  if (verdict == "ok") return {};
  return fail(ErrorCode::corrupt, "{} is damaged: {}; keep a copy, then try: sqlite3 {} .recover", path,
              verdict, path);
}

Result<void> Store::Impl::migrate(std::span<const Migration> migrations) {
  sqlite3_stmt* statement = OCTO_TRY(prepare("PRAGMA user_version"));
  sqlite3_step(statement);
  const std::int64_t present = Row(statement).number(0);
  sqlite3_reset(statement);
  for (const Migration& migration : migrations) {
    if (migration.version <= present) continue;
    const std::string sql =
        fmt::format("BEGIN IMMEDIATE;{};PRAGMA user_version={};COMMIT", migration.sql, migration.version);
    if (auto done = execute(sql.c_str()); !done) {
      sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
      return std::move(done).with(fmt::format("migrate {} to {}", path, migration.version));
    }
  }
  return {};
}

Result<std::unique_ptr<Store>> Store::open(const std::string& path, std::span<const Migration> migrations) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  OCTO_TRY(impl->take_lock());
  if (sqlite3_open_v2(
          path.c_str(), &impl->db,
          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
          nullptr) != SQLITE_OK) {
    return impl->failed("open");
  }
  ::chmod(path.c_str(), 0600);
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON",
                             "PRAGMA trusted_schema=OFF", "PRAGMA locking_mode=EXCLUSIVE"}) {
    OCTO_TRY(impl->execute(pragma));
  }
  OCTO_TRY(impl->check());
  OCTO_TRY(impl->migrate(migrations));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<void> Store::run(std::string_view sql, std::span<const Value> values) {
  return query(sql, values, [](const Row&) {});
}

Result<void> Store::query(std::string_view sql, std::span<const Value> values,
                          const std::function<void(const Row&)>& each) {
  sqlite3_stmt* statement = OCTO_TRY(impl_->prepare(sql));
  struct Reset {
    ~Reset() {
      sqlite3_reset(of);
      sqlite3_clear_bindings(of);
    }
    sqlite3_stmt* of;
  } const reset{statement};
  int index = 0;
  for (const Value& value : values) {
    ++index;
    int bound = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&value))
      bound = sqlite3_bind_int64(statement, index, *number);
    else if (const auto* fraction = std::get_if<double>(&value))
      bound = sqlite3_bind_double(statement, index, *fraction);
    else if (const auto* text = std::get_if<std::string>(&value)) {
      bound = sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
    } else bound = sqlite3_bind_null(statement, index);
    if (bound != SQLITE_OK) return impl_->failed(sql);
  }
  while (true) {
    const int step = sqlite3_step(statement);
    if (step == SQLITE_DONE) return {};
    if (step != SQLITE_ROW) return impl_->failed(sql);
    each(Row(statement));
  }
}

std::int64_t Store::changes() const { return sqlite3_changes64(impl_->db); }
Result<void> Store::begin() { return run("BEGIN IMMEDIATE"); }
Result<void> Store::commit() { return run("COMMIT"); }
void Store::rollback() { (void)run("ROLLBACK"); }

Result<void> Store::transact(const std::function<Result<void>()>& body) {
  OCTO_TRY(begin());
  auto done = body();
  if (done) done = commit();
  if (!done && sqlite3_get_autocommit(impl_->db) == 0) rollback();
  return done;
}

}  // namespace octo::store
