/** The first version: what one installation keeps. Times are milliseconds since 1970 unless a name says otherwise. */
import type { Migration } from './migration.ts'

export const initial: Migration = {
  version: 1,
  sql: `
-- Who we are in the overlay (enrollment). One row; private keys are in the key chain, here are their names.
CREATE TABLE identity (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  overlay_name TEXT NOT NULL,
  user_name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  certificate BLOB NOT NULL,
  document BLOB NOT NULL,
  key_name TEXT NOT NULL,
  enrolment_url TEXT NOT NULL
) STRICT;
CREATE TABLE identity_chain (
  position INTEGER PRIMARY KEY,
  certificate BLOB NOT NULL
) STRICT;

-- The organiser's enrolment authority.
CREATE TABLE authority (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  overlay_name TEXT NOT NULL,
  root_certificate BLOB NOT NULL,
  key_name TEXT NOT NULL,
  document BLOB NOT NULL,
  enrolment_url TEXT NOT NULL
) STRICT;
CREATE TABLE enrolled_user (
  position INTEGER PRIMARY KEY,
  user_name TEXT NOT NULL UNIQUE,
  node_ids TEXT NOT NULL,
  certificate BLOB NOT NULL,
  enrolled_at REAL NOT NULL
) STRICT;
CREATE TABLE invitation (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  user_name TEXT NOT NULL,
  code_hash TEXT NOT NULL,
  created_at REAL NOT NULL,
  expires_at REAL NOT NULL,
  used_at REAL,
  revoked_at REAL
) STRICT;
CREATE INDEX invitation_by_code ON invitation (code_hash);

-- Peers we were directly connected to (RFC 6940 §11.4).
CREATE TABLE bootstrap_peer (
  overlay_name TEXT NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  last_seen REAL NOT NULL,
  PRIMARY KEY (overlay_name, host, port)
) STRICT, WITHOUT ROWID;

-- What this peer stores for the overlay (RFC 6940 §7). Unsigned 64-bit numbers are kept as signed ones of the same bits.
CREATE TABLE resource_kind (
  resource_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  PRIMARY KEY (resource_id, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE resource_value (
  resource_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  array_index INTEGER NOT NULL,
  dictionary_key BLOB NOT NULL,
  data BLOB NOT NULL,
  certificates BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (resource_id, kind, array_index, dictionary_key),
  FOREIGN KEY (resource_id, kind) REFERENCES resource_kind (resource_id, kind) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_value_by_expiry ON resource_value (expires_at);

-- The phone.
CREATE TABLE contact (
  aor TEXT PRIMARY KEY,
  display_name TEXT NOT NULL,
  favourite INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE message (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  aor TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('out', 'in')),
  body TEXT NOT NULL,
  at REAL NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'delivered', 'failed', 'received')),
  error TEXT,
  unread INTEGER NOT NULL
) STRICT;
CREATE INDEX message_by_aor ON message (aor, at, position);
CREATE INDEX message_undelivered ON message (at, position) WHERE state IN ('queued', 'sending');
CREATE INDEX message_unread ON message (aor) WHERE unread = 1;
CREATE TABLE history (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  aor TEXT NOT NULL,
  display_name TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('out', 'in')),
  started_at REAL NOT NULL,
  duration_s REAL NOT NULL,
  outcome TEXT NOT NULL,
  end_reason TEXT NOT NULL,
  seen INTEGER NOT NULL
) STRICT;
CREATE INDEX history_by_time ON history (started_at, position);
CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE watcher (
  aor TEXT PRIMARY KEY,
  at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX watcher_by_time ON watcher (at);
`,
}
