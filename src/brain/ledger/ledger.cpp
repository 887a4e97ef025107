// SPDX-License-Identifier: MIT
// Opening, group commit, stamps. The rows are in rows_*.cpp.
#include "brain/ledger/ledger.hpp"

#include "async/event.hpp"
#include "brain/ledger/schema.hpp"
#include "io/crypto/crypto.hpp"

namespace octo::brain {

namespace {

constexpr Span kReceiptKept = 48h;  // twice what is promised

std::string chain_text(const Sha256& before, const Stamp& stamp) {
  std::string text = print_hex(before);
  for (const std::string& field : {std::to_string(stamp.at.time_since_epoch().count()),
                                   stamp.caller.group.str(), stamp.caller.name, stamp.action, stamp.object}) {
    text += fmt::format("\n{}:{}", field.size(), field);
  }
  return text;
}

struct AuditEnd {
  std::uint64_t epoch = 0;
  Sha256 chain;
};

Result<std::uint64_t> raise_epoch(store::Store& store) {
  OCTO_TRY(store.run(
      "INSERT INTO meta(key, value) VALUES('epoch', 1) ON CONFLICT(key) DO UPDATE SET value = value + 1"));
  std::uint64_t epoch = 0;
  OCTO_TRY(store.query("SELECT value FROM meta WHERE key = 'epoch'", {},
                       [&](const store::Row& row) { epoch = static_cast<std::uint64_t>(row.number(0)); }));
  return epoch;
}

}  // namespace

struct SqliteLedger::Pending {
  Pending(Job work, const Executor& executor) : job(std::move(work)), done(executor) {}
  Job job;
  std::optional<Result<void>> outcome;
  Event done;
};

Result<std::unique_ptr<SqliteLedger>> SqliteLedger::open(const std::string& folder, Workers& workers,
                                                         Executor executor) {
  auto store = OCTO_TRY(store::Store::open(folder + "/ledger.db", kLedgerMigrations).with("open the ledger"));
  std::uint64_t epoch = 0;
  Sha256 chain;
  Result<void> parsed;
  OCTO_TRY(store
               ->transact([&]() -> Result<void> {
                 epoch = OCTO_TRY(raise_epoch(*store));
                 return store->query("SELECT chain FROM audit ORDER BY epoch DESC, sequence DESC LIMIT 1", {},
                                     [&](const store::Row& row) {
                                       auto hash = parse_sha256(row.text(0));
                                       if (hash) chain = *hash;
                                       else
                                         parsed = fail(ErrorCode::corrupt,
                                                       "the audit log's last row has a damaged chain");
                                     });
               })
               .with("open the ledger"));
  OCTO_TRY(std::move(parsed));
  std::unique_ptr<SqliteLedger> ledger(
      new SqliteLedger(std::move(store), workers, std::move(executor), epoch));
  ledger->audit_chain_ = chain;
  return ledger;
}

SqliteLedger::SqliteLedger(std::unique_ptr<store::Store> store, Workers& workers, Executor executor,
                           std::uint64_t epoch)
    : store_(std::move(store)), workers_(workers), nursery_(std::move(executor)), epoch_(epoch) {}

SqliteLedger::~SqliteLedger() = default;

Async<void> SqliteLedger::close() {
  closed_ = true;
  co_await nursery_.join();
}

Async<Result<void>> SqliteLedger::write(Job job) {
  if (closed_) co_return fail(ErrorCode::cancelled, "the ledger is closed");
  if (broken_) co_return fail(*broken_);
  auto pending = std::make_shared<Pending>(std::move(job), nursery_.executor());
  waiting_.push_back(pending);
  if (!committing_) {
    committing_ = true;
    nursery_.spawn(commit_batches());
  }
  while (!pending->outcome) co_await pending->done.wait();
  co_return *pending->outcome;
}

Async<Result<void>> SqliteLedger::read(Job job) {
  if (closed_) co_return fail(ErrorCode::cancelled, "the ledger is closed");
  co_return co_await workers_.run([&] { return job(*store_); });
}

Async<void> SqliteLedger::commit_batches() {
  while (!waiting_.empty()) {
    auto batch = std::exchange(waiting_, {});
    // What waited behind a commit that broke the ledger is not tried: it might say ok.
    Result<void> committed;
    if (broken_) committed = Failure(*broken_);
    else committed = co_await workers_.run([&] { return commit(batch); });
    if (!committed && !broken_ && committed.error().code() != ErrorCode::storage_full) {
      broken_ = Error(ErrorCode::internal, committed.error().message() +
                                               "; the Brain acknowledges nothing more until it is "
                                               "restarted on a sound disk");
    }
    for (const auto& pending : batch) {
      if (!committed) pending->outcome = Result<void>(Failure(broken_ ? *broken_ : committed.error()));
      pending->done.set();
    }
  }
  committing_ = false;
}

Result<void> SqliteLedger::commit(std::vector<std::shared_ptr<Pending>>& batch) {
  const auto chain = audit_chain_;
  const auto sequence = audit_sequence_;
  const auto whole = [&]() -> Result<void> {
    OCTO_TRY(store_->begin());
    for (const auto& pending : batch) {
      OCTO_TRY(store_->run("SAVEPOINT job"));
      const auto chain_before = audit_chain_;
      const auto sequence_before = audit_sequence_;
      pending->outcome = pending->job(*store_);
      if (!*pending->outcome) {
        OCTO_TRY(store_->run("ROLLBACK TO job"));
        audit_chain_ = chain_before;
        audit_sequence_ = sequence_before;
      }
      OCTO_TRY(store_->run("RELEASE job"));
    }
    return store_->commit();
  }();
  if (!whole) {
    store_->rollback();
    audit_chain_ = chain;
    audit_sequence_ = sequence;
    return fail(whole.error().with("commit to the ledger"));
  }
  return {};
}

Result<void> SqliteLedger::put_stamp(store::Store& store, const Stamp& stamp) {
  // Each row's chain is the hash of the row before and its own fields: a row changed or removed later shows.
  const Sha256 chain = crypto::sha256(chain_text(audit_chain_, stamp));
  const std::int64_t at = stamp.at.time_since_epoch().count();
  const store::Value audit[] = {static_cast<std::int64_t>(epoch_),
                                static_cast<std::int64_t>(++audit_sequence_),
                                at,
                                stamp.caller.group.str(),
                                stamp.caller.name,
                                stamp.action,
                                stamp.object,
                                print_hex(chain)};
  OCTO_TRY(store
               .run("INSERT INTO audit(epoch, sequence, made, workgroup, caller, action, object, chain) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                    audit)
               .with("write the audit row"));
  audit_chain_ = chain;
  if (!stamp.receipt) return {};
  const store::Value old[] = {at - kReceiptKept.count()};
  OCTO_TRY(store.run("DELETE FROM receipt WHERE made < ?", old));
  const store::Value receipt[] = {stamp.caller.group.str(),
                                  stamp.caller.name,
                                  stamp.receipt->key,
                                  print_hex(stamp.receipt->body_hash),
                                  std::int64_t{stamp.receipt->status},
                                  stamp.receipt->answer,
                                  at};
  return store
      .run(
          "INSERT INTO receipt(workgroup, caller, key, body_hash, status, answer, made) VALUES(?, ?, ?, ?, "
          "?, ?, ?)",
          receipt)
      .with("keep the idempotency key");
}

Result<std::uint64_t> verify_audit(store::Store& store) {
  Sha256 chain;
  std::uint64_t rows = 0;
  Result<void> sound;
  OCTO_TRY(
      store.query("SELECT epoch, sequence, made, workgroup, caller, action, object, chain FROM audit "
                  "ORDER BY epoch, sequence",
                  {}, [&](const store::Row& row) {
                    if (!sound) return;
                    Stamp stamp;
                    stamp.at = WallTime(Span(row.number(2)));
                    stamp.caller = Caller{row.text(4), Group(row.text(3))};
                    stamp.action = row.text(5);
                    stamp.object = row.text(6);
                    chain = crypto::sha256(chain_text(chain, stamp));
                    if (print_hex(chain) != row.text(7)) {
                      sound = fail(ErrorCode::corrupt, "audit row {}.{} does not fit the row before it",
                                   row.number(0), row.number(1));
                      return;
                    }
                    ++rows;
                  }));
  OCTO_TRY(std::move(sound));
  return rows;
}

}  // namespace octo::brain
