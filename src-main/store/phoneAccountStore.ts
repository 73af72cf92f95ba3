/** Accounts of ordinary phones on SQLite: `phone/phoneAccounts`. */
import type { PhoneAccountRecord, PhoneAccountStore } from '../phone/phoneAccounts.ts'
import type { Database } from './database.ts'

interface Row { user_name: string; display_name: string; realm: string; sha256: string; md5: string; md5_first: number; created_at: number; changed_at: number; removed: number }

export class SqlitePhoneAccountStore implements PhoneAccountStore {
  private readonly statements

  constructor(database: Database) {
    this.statements = {
      all: database.prepare<Row>('SELECT * FROM phone_account ORDER BY user_name'),
      get: database.prepare<Row>('SELECT * FROM phone_account WHERE user_name = ?'),
      put: database.prepare(`INSERT INTO phone_account (user_name, display_name, realm, sha256, md5, md5_first, created_at, changed_at, removed)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_name) DO UPDATE SET
        display_name = excluded.display_name, realm = excluded.realm, sha256 = excluded.sha256, md5 = excluded.md5, md5_first = excluded.md5_first, created_at = excluded.created_at,
        changed_at = excluded.changed_at, removed = excluded.removed`),
      remove: database.prepare('DELETE FROM phone_account WHERE user_name = ?'),
    }
  }

  all(): readonly PhoneAccountRecord[] { return this.statements.all.all().map(toRecord) }

  get(userName: string): PhoneAccountRecord | undefined {
    const row = this.statements.get.get(userName)
    return row && toRecord(row)
  }

  put({ userName, displayName, realm, sha256, md5, md5First, createdAt, changedAt, removed }: PhoneAccountRecord): void {
    this.statements.put.run(userName, displayName, realm, sha256, md5, Number(md5First), createdAt, changedAt, Number(removed))
  }

  remove(userName: string): void { this.statements.remove.run(userName) }
}

function toRecord(row: Row): PhoneAccountRecord {
  return {
    userName: row.user_name, displayName: row.display_name, realm: row.realm, sha256: row.sha256, md5: row.md5, md5First: row.md5_first === 1,
    createdAt: row.created_at, changedAt: row.changed_at, removed: row.removed === 1,
  }
}
