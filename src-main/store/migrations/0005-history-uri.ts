/** A call that was dialled by more than an address, such as sips:, is repeated in the same way. */
import type { Migration } from './migration.ts'

export const historyUri: Migration = {
  version: 5,
  sql: `
-- '' where sip: and the address of record say it all
ALTER TABLE history ADD COLUMN uri TEXT NOT NULL DEFAULT '';
`,
}
