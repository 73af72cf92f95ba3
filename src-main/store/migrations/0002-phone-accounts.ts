/** Accounts of ordinary SIP phones that log in at this peer. */
import type { Migration } from './migration.ts'

export const phoneAccounts: Migration = {
  version: 2,
  sql: `
-- Digests of the passwords (RFC 8760), never the passwords themselves.
CREATE TABLE phone_account (
  user_name TEXT PRIMARY KEY,
  display_name TEXT NOT NULL,
  realm TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  md5 TEXT NOT NULL,
  md5_first INTEGER NOT NULL,
  created_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
`,
}
