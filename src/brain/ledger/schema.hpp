// SPDX-License-Identifier: MIT
// Tables of the ledger. Migrations only add within a release: the version before must be able to open what
// this one wrote.
#pragma once
#include <array>

#include "io/store/store.hpp"

namespace octo::brain {

inline const std::array<store::Migration, 2> kLedgerMigrations = {{{1, R"(
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE node(
  name TEXT PRIMARY KEY, version TEXT NOT NULL, address TEXT NOT NULL, instance TEXT NOT NULL,
  joined INTEGER NOT NULL, online_since INTEGER NOT NULL, last_heard INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE task(
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, workgroup TEXT NOT NULL, caller TEXT NOT NULL, title TEXT NOT NULL,
  request TEXT NOT NULL, accepted INTEGER NOT NULL, targets TEXT NOT NULL,
  cancel_requested INTEGER NOT NULL DEFAULT 0, outcome TEXT) STRICT, WITHOUT ROWID;
CREATE INDEX task_open ON task(id) WHERE outcome IS NULL;
CREATE TABLE run(
  task TEXT NOT NULL, step INTEGER NOT NULL, node TEXT NOT NULL, attempt INTEGER NOT NULL,
  state TEXT NOT NULL, title TEXT NOT NULL, pid INTEGER, "end" TEXT,
  PRIMARY KEY(task, step, node, attempt)) STRICT, WITHOUT ROWID;
CREATE TABLE receipt(
  workgroup TEXT NOT NULL, caller TEXT NOT NULL, key TEXT NOT NULL, body_hash TEXT NOT NULL,
  status INTEGER NOT NULL, answer TEXT NOT NULL, made INTEGER NOT NULL,
  PRIMARY KEY(workgroup, caller, key)) STRICT, WITHOUT ROWID;
CREATE TABLE audit(
  epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, made INTEGER NOT NULL, workgroup TEXT NOT NULL,
  caller TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, chain TEXT NOT NULL,
  PRIMARY KEY(epoch, sequence)) STRICT, WITHOUT ROWID;
CREATE TABLE scenario(
  name TEXT PRIMARY KEY, description TEXT NOT NULL, workgroup TEXT NOT NULL, deployment TEXT NOT NULL,
  newest TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE version(
  scenario TEXT NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY(scenario, position), UNIQUE(scenario, id)) STRICT, WITHOUT ROWID;
)"},
                                                                   {2, R"(
ALTER TABLE node ADD COLUMN labels TEXT NOT NULL DEFAULT '';
)"}}};

}  // namespace octo::brain
