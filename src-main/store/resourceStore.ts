/** What this peer stores for the overlay, on SQLite: `reload/storage/resourceStore`. */
import { viewOf } from '../base/bytes.ts'
import type { Area, AreaName, KindUsage, ResourceStore, StoredEntry } from '../reload/storage/resourceStore.ts'
import { plainBytes } from './bytes.ts'
import type { Database } from './database.ts'

interface ValueRow { array_index: number, dictionary_key: Uint8Array, data: Uint8Array, certificates: Uint8Array, expires_at: number }
interface NameRow { resource_id: Uint8Array, kind: number }

export class SqliteResourceStore implements ResourceStore {
  private readonly statements

  constructor(private readonly database: Database) {
    this.statements = {
      kind: database.prepare<{ generation: bigint }>('SELECT generation FROM resource_kind WHERE resource_id = ? AND kind = ?', { bigints: true }),
      putKind: database.prepare('INSERT INTO resource_kind VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET generation = excluded.generation'),
      removeKind: database.prepare('DELETE FROM resource_kind WHERE resource_id = ? AND kind = ?'),
      values: database.prepare<ValueRow>('SELECT * FROM resource_value WHERE resource_id = ? AND kind = ? ORDER BY array_index, dictionary_key'),
      putValue: database.prepare('INSERT INTO resource_value VALUES (?, ?, ?, ?, ?, ?, ?)'),
      removeValues: database.prepare('DELETE FROM resource_value WHERE resource_id = ? AND kind = ?'),
      areas: database.prepare<NameRow>('SELECT resource_id, kind FROM resource_kind ORDER BY resource_id, kind'),
      areasOf: database.prepare<NameRow>('SELECT resource_id, kind FROM resource_kind WHERE resource_id = ? ORDER BY kind'),
      expired: database.prepare<NameRow>('SELECT DISTINCT resource_id, kind FROM resource_value WHERE expires_at <= ? ORDER BY resource_id, kind'),
      usage: database.prepare<KindUsage>('SELECT kind, COUNT(*) AS instances, SUM(LENGTH(data)) AS bytes FROM resource_value GROUP BY kind ORDER BY kind'),
    }
  }

  transact<T>(work: () => T): T {
    return this.database.transaction(work)
  }

  read(resourceId: Uint8Array, kind: number): Area | undefined {
    const row = this.statements.kind.get(resourceId, kind)
    if (row === undefined) return undefined
    return { generation: BigInt.asUintN(64, row.generation), entries: this.statements.values.all(resourceId, kind).map(toEntry) }
  }

  replace(resourceId: Uint8Array, kind: number, area: Area | undefined): void {
    this.database.transaction(() => {
      if (area === undefined) {
        this.statements.removeKind.run(resourceId, kind)
        return
      }
      this.statements.putKind.run(resourceId, kind, BigInt.asIntN(64, area.generation))
      this.statements.removeValues.run(resourceId, kind)
      for (const entry of area.entries) {
        this.statements.putValue.run(resourceId, kind, entry.index, entry.key, entry.data, packCertificates(entry.certificates), Math.floor(entry.expiresAtMs))
      }
    })
  }

  areas(resourceId?: Uint8Array): readonly AreaName[] {
    const rows = resourceId === undefined ? this.statements.areas.all() : this.statements.areasOf.all(resourceId)
    return rows.map(toName)
  }

  expired(atMs: number): readonly AreaName[] {
    return this.statements.expired.all(Math.floor(atMs)).map(toName)
  }

  usage(): readonly KindUsage[] { return this.statements.usage.all() }
}

function toName(row: NameRow): AreaName {
  return { resourceId: plainBytes(row.resource_id), kind: row.kind }
}

function toEntry(row: ValueRow): StoredEntry {
  return {
    index: row.array_index, key: plainBytes(row.dictionary_key), data: plainBytes(row.data),
    certificates: unpackCertificates(plainBytes(row.certificates)), expiresAtMs: row.expires_at,
  }
}

/** Each certificate after its length in 32 bits. */
function packCertificates(certificates: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(certificates.reduce((size, c) => size + 4 + c.length, 0))
  const view = new DataView(out.buffer)
  let at = 0
  for (const certificate of certificates) {
    view.setUint32(at, certificate.length)
    out.set(certificate, at + 4)
    at += 4 + certificate.length
  }
  return out
}

function unpackCertificates(packed: Uint8Array): Uint8Array[] {
  const view = viewOf(packed)
  const certificates: Uint8Array[] = []
  for (let at = 0; at + 4 <= packed.length;) {
    const length = view.getUint32(at)
    certificates.push(packed.slice(at + 4, at + 4 + length))
    at += 4 + length
  }
  return certificates
}
