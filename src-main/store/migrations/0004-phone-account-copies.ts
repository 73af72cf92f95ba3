/** Accounts of phones are copied between the devices of their owner: the newer one of two counts, a removed one too. */
import type { Migration } from './migration.ts'

export const phoneAccountCopies: Migration = {
  version: 4,
  sql: `
ALTER TABLE phone_account ADD COLUMN changed_at REAL NOT NULL DEFAULT 0;
ALTER TABLE phone_account ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
UPDATE phone_account SET changed_at = created_at;
`,
}
