/** A user of the organiser's overlay may have several devices, each with a key and a certificate of its own. */
import type { Migration } from './migration.ts'

export const devices: Migration = {
  version: 3,
  sql: `
-- node_id is the first of node_ids. Of a user there was one device until now; the Node-IDs behind its first are excluded ones.
CREATE TABLE enrolled_device (
  position INTEGER PRIMARY KEY,
  user_name TEXT NOT NULL,
  node_id TEXT NOT NULL UNIQUE,
  node_ids TEXT NOT NULL,
  certificate BLOB NOT NULL,
  enrolled_at REAL NOT NULL
) STRICT;
CREATE INDEX enrolled_device_by_user ON enrolled_device (user_name);
INSERT INTO enrolled_device (position, user_name, node_id, node_ids, certificate, enrolled_at)
  SELECT position, user_name, substr(node_ids, 1, 32), substr(node_ids, 1, 32), certificate, enrolled_at FROM enrolled_user WHERE node_ids <> '';
DROP TABLE enrolled_user;
ALTER TABLE invitation ADD COLUMN another_device INTEGER NOT NULL DEFAULT 0;
`,
}
