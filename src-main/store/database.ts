/**
 * The SQLite database of one profile, DIR/ringway.sqlite: opening with an integrity check, numbered migrations,
 * and the mapping of SQLite's failures to codes a user can be told. Owns the file; the stores own their tables.
 * A damaged file is reported and never touched: `rescueDatabase` moves it aside when the user asks for that.
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { PeerError } from '../base/errors.ts'
import { migrations as allMigrations } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'

export const databaseFileName = 'ringway.sqlite'
export const lockFileName = 'ringway.lock'

type Parameter = string | number | bigint | Uint8Array | null

/** A prepared statement whose failures are PeerErrors. */
export interface Statement<Row> {
  get(...parameters: Parameter[]): Row | undefined
  all(...parameters: Parameter[]): Row[]
  /** @returns the number of rows changed */
  run(...parameters: Parameter[]): number
}

export class Database {
  /** @param file what the user is told when it is damaged */
  constructor(private readonly handle: Sqlite.Database, private readonly file: string) {}

  /** @param options.bigints integers come back as bigint, for columns of 64 bits */
  prepare<Row = never>(sql: string, options: { readonly bigints?: boolean } = {}): Statement<Row> {
    const statement = this.guard(() => this.handle.prepare<Parameter[], Row>(sql))
    if (options.bigints === true) statement.safeIntegers(true)
    return {
      get: (...parameters) => this.guard(() => statement.get(...parameters)),
      all: (...parameters) => this.guard(() => statement.all(...parameters)),
      run: (...parameters) => this.guard(() => statement.run(...parameters).changes),
    }
  }

  /** All of `work`, which must be synchronous, or nothing of it when it throws. May be nested. */
  transaction<T>(work: () => T): T {
    return this.guard(() => this.handle.transaction(work).immediate())
  }

  /** Idempotent. */
  close(): void {
    this.handle.close()
  }

  private guard<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      throw explain(cause, this.file)
    }
  }
}

/**
 * Opens (or makes) the profile's database and brings it to the newest version.
 * @param directory the profile; made with mode 0700 when it is missing. ':memory:' gives a database without a file
 * @throws PeerError 'database-damaged', 'database-too-new', 'disk-full'
 */
export function openDatabase(directory: string, migrations: readonly Migration[] = allMigrations): Database {
  const file = directory === ':memory:' ? ':memory:' : prepareFile(directory)
  let handle: Sqlite.Database | undefined
  try {
    handle = new Sqlite(file, { timeout: 5000 })
    handle.pragma('journal_mode = WAL')
    // FULL: what a store has returned from survives a power cut; writes are rare enough.
    handle.pragma('synchronous = FULL')
    handle.pragma('foreign_keys = ON')
    const verdict: unknown = handle.pragma('quick_check(1)', { simple: true })
    if (verdict !== 'ok') throw damaged(file, verdict)
    migrate(handle, migrations, file)
    return new Database(handle, file)
  } catch (cause) {
    handle?.close()
    throw explain(cause, file)
  }
}

/**
 * Moves the database (and its write-ahead log) aside so that the next `openDatabase` makes a fresh one. For a
 * user's explicit choice after 'database-damaged'; nothing is deleted.
 * @returns the name the file has now, ringway.sqlite.damaged-N; undefined when there was no file
 */
export function rescueDatabase(directory: string): string | undefined {
  const file = join(directory, databaseFileName)
  if (!existsSync(file)) return undefined
  let number = 1
  while (existsSync(`${file}.damaged-${number}`)) number += 1
  const aside = `${file}.damaged-${number}`
  renameSync(file, aside)
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix)
  }
  return aside
}

export interface ProfileLock {
  /** Idempotent. The system does it when the process dies. */
  release(): void
}

/**
 * Makes this process the only one that runs the profile. SQLite's own file lock does it: unlike a file with a
 * process number it cannot be left behind by a crash, and works alike on every system.
 * @throws PeerError 'profile-in-use'
 */
export function lockProfile(directory: string): ProfileLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const handle = new Sqlite(join(directory, lockFileName), { timeout: 0 })
  try {
    handle.pragma('journal_mode = MEMORY')
    handle.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    handle.close()
    if (sqliteCode(cause).startsWith('SQLITE_BUSY')) {
      throw new PeerError('profile-in-use', `another Ringway is running with the profile ${directory}`, { cause })
    }
    throw cause
  }
  return { release: () => { handle.close() } }
}

function prepareFile(directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, databaseFileName)
  // Messages and contacts are private; SQLite gives the log the same mode as the database.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  else if (process.platform !== 'win32') chmodSync(file, 0o600)
  return file
}

function migrate(handle: Sqlite.Database, migrations: readonly Migration[], file: string): void {
  const current = Number(handle.pragma('user_version', { simple: true }))
  const newest = migrations.at(-1)?.version ?? 0
  if (current > newest) {
    throw new PeerError('database-too-new',
      `${file} was written by a newer Ringway (version ${current} of the database, this one knows ${newest}): install the newer Ringway again`)
  }
  for (const migration of migrations) {
    if (migration.version <= current) continue
    handle.transaction(() => {
      handle.exec(migration.sql)
      handle.pragma(`user_version = ${migration.version}`)
    }).immediate()
  }
}

function explain(cause: unknown, file: string): unknown {
  const code = sqliteCode(cause)
  if (code === 'SQLITE_FULL') return new PeerError('disk-full', `no room left to write ${file}`, { cause })
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) return damaged(file, cause)
  return cause
}

function damaged(file: string, cause: unknown): PeerError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new PeerError('database-damaged',
    `${file} is damaged (${why}). Nothing was changed. Put a copy of it from a backup in its place, or start with ` +
    '--rescue-database: it keeps the damaged file under another name and begins with an empty one', { cause })
}

function sqliteCode(cause: unknown): string {
  return cause instanceof Sqlite.SqliteError ? cause.code : ''
}
