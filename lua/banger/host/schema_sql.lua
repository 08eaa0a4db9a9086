-- The database's schema as numbered migrations. docs/state.md says what the tables mean and what may change.
--
-- A migration that was released is never edited: its checksum is in every database that ran it. `reader` is the number of the oldest
-- schema whose programs can still work on the result; it stays where a migration only adds (which is what one should do), so that the
-- previous release runs after a rollback.
local M = {}

---@class banger.Migration
---@field number integer
---@field reader integer
---@field sql string

M.APPLICATION_ID = 0x62676472 -- "bgdr"

---@type banger.Migration[]
M.migrations = {
  {
    number = 1,
    reader = 1,
    sql = [[
CREATE TABLE migrations (
  number INTEGER PRIMARY KEY,
  reader INTEGER NOT NULL,
  checksum TEXT NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT;
CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE vms (
  id TEXT PRIMARY KEY CHECK (id GLOB '[a-z0-9][a-z0-9][a-z0-9][a-z0-9][a-z0-9][a-z0-9][a-z0-9][a-z0-9]'),
  name TEXT NOT NULL UNIQUE,
  slot INTEGER NOT NULL UNIQUE CHECK (slot BETWEEN 0 AND 4091),
  address TEXT NOT NULL UNIQUE,
  mac TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  reason TEXT,
  created_at TEXT NOT NULL,
  spec TEXT NOT NULL,
  host_key TEXT,
  host_key_pub TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE ports (
  vm TEXT NOT NULL REFERENCES vms (id) ON DELETE CASCADE,
  proto TEXT NOT NULL CHECK (proto IN ('tcp', 'udp')),
  host INTEGER NOT NULL CHECK (host BETWEEN 1 AND 65535),
  guest INTEGER NOT NULL CHECK (guest BETWEEN 1 AND 65535),
  local_only INTEGER NOT NULL CHECK (local_only IN (0, 1)),
  PRIMARY KEY (proto, host)
) STRICT, WITHOUT ROWID;
CREATE INDEX ports_of_vm ON ports (vm);
]],
  },
  {
    number = 2,
    reader = 1,
    sql = [[
CREATE TABLE snapshots (
  id TEXT PRIMARY KEY CHECK (length(id) = 64),
  kind TEXT NOT NULL CHECK (kind IN ('disk', 'full', 'suspend', 'fork', 'template')),
  vm TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('making', 'ready', 'doomed')),
  created_at TEXT NOT NULL,
  spec TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX snapshots_by_name ON snapshots (vm, name) WHERE state <> 'doomed';
]],
  },
}

return M
