import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { databaseFileName, lockFileName, lockProfile, openDatabase, rescueDatabase } from '../../../../src-main/store/database.ts'
import { openStores } from '../../../../src-main/store/stores.ts'
import { migrations } from '../../../../src-main/store/migrations/index.ts'

let directory: string
let file: string
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'ringway-db-')); file = join(directory, databaseFileName) })
afterEach(() => { rmSync(directory, { recursive: true }) })

function failure(work: () => unknown): PeerError {
  try {
    work()
  } catch (cause) {
    if (cause instanceof PeerError) return cause
    throw cause
  }
  throw new Error('did not fail')
}

describe('opening', () => {
  it('makes the profile and a database that only its owner may read', () => {
    const profile = join(directory, 'deep', 'profile')
    openDatabase(profile).close()
    expect(statSync(join(profile, databaseFileName)).mode & 0o777).toBe(0o600)
    expect(statSync(profile).mode & 0o777).toBe(0o700)
  })

  it('uses a write-ahead log, full durability and foreign keys', () => {
    const database = openDatabase(directory)
    const pragma = (name: string): unknown => database.prepare<Record<string, unknown>>(`PRAGMA ${name}`).get()
    expect(pragma('journal_mode')).toEqual({ journal_mode: 'wal' })
    expect(pragma('synchronous')).toEqual({ synchronous: 2 })
    expect(pragma('foreign_keys')).toEqual({ foreign_keys: 1 })
    expect(pragma('busy_timeout')).toEqual({ timeout: 5000 })
    database.close()
  })

  it('undoes a transaction that throws', () => {
    const database = openDatabase(directory)
    expect(() => database.transaction(() => {
      database.prepare('INSERT INTO watcher VALUES (?, ?)').run('a@x', 1)
      throw new RangeError('no')
    })).toThrow(RangeError)
    expect(database.prepare<{ n: number }>('SELECT count(*) AS n FROM watcher').get()).toEqual({ n: 0 })
    database.close()
  })
})

describe('a full disk', () => {
  it('is reported as such, and what was there stays', () => {
    const database = openDatabase(directory)
    const put = database.prepare('INSERT INTO contact VALUES (?, ?, 0)')
    put.run('alice@office.example', 'Alice')
    const pages = database.prepare<{ page_count: number }>('PRAGMA page_count').get()?.page_count ?? 0
    database.prepare(`PRAGMA max_page_count = ${pages + 1}`).get()
    const error = failure(() => { database.transaction(() => { for (let i = 0; i < 1000; i++) put.run(`user${i}@office.example`, 'x'.repeat(100)) }) })
    expect(error.code).toBe('disk-full')
    expect(error.message).toContain(file)
    expect(database.prepare('SELECT aor FROM contact').all()).toEqual([{ aor: 'alice@office.example' }])
    database.close()
  })
})

describe('migrations', () => {
  it('are numbered 1, 2, 3 … without a gap', () => {
    expect(migrations.map((m) => m.version)).toEqual(migrations.map((_, i) => i + 1))
  })

  it('run once each, in order, and keep what is there', () => {
    const steps = [
      { version: 1, sql: 'CREATE TABLE note (text TEXT) STRICT' },
      { version: 2, sql: "ALTER TABLE note ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody'" },
    ]
    const first = openDatabase(directory, steps.slice(0, 1))
    first.prepare('INSERT INTO note VALUES (?)').run('kept')
    first.close()
    for (let again = 0; again < 2; again++) {
      const second = openDatabase(directory, steps)
      expect(second.prepare('SELECT * FROM note').all()).toEqual([{ text: 'kept', author: 'nobody' }])
      second.close()
    }
  })

  it('make of each user of an organiser the user’s first device', () => {
    const before = openDatabase(directory, migrations.slice(0, 2))
    before.prepare("INSERT INTO enrolled_user (user_name, node_ids, certificate, enrolled_at) VALUES ('bob@office.example', ?, x'07', 50)").run(`${'1'.repeat(32)} ${'2'.repeat(32)}`)
    before.prepare("INSERT INTO invitation (id, user_name, code_hash, created_at, expires_at) VALUES ('i1', 'bob@office.example', 'aa', 10, 1000)").run()
    before.close()
    const stores = openStores(directory)
    expect(stores.authority.devices()).toEqual([{ userName: 'bob@office.example', nodeIds: ['1'.repeat(32)], certificate: Uint8Array.of(7), enrolledAt: 50 }])
    expect(stores.authority.invitationByHash('aa')?.anotherDevice).toBe(false)
    stores.close()
  })

  it('leave the database as it was when a step fails', () => {
    openDatabase(directory, [{ version: 1, sql: 'CREATE TABLE note (text TEXT) STRICT' }]).close()
    const broken = { version: 2, sql: 'CREATE TABLE half (x INTEGER) STRICT; INSERT INTO missing VALUES (1)' }
    expect(() => openDatabase(directory, [{ version: 1, sql: '' }, broken])).toThrow('missing')
    const handle = new Sqlite(file)
    expect(handle.pragma('user_version', { simple: true })).toBe(1)
    expect(handle.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()).toEqual([{ name: 'note' }])
    handle.close()
  })

  it('refuse a database of a newer program and leave it alone', () => {
    openDatabase(directory, [...migrations, { version: migrations.length + 1, sql: 'CREATE TABLE future (x INTEGER) STRICT' }]).close()
    const error = failure(() => openDatabase(directory))
    expect(error.code).toBe('database-too-new')
    expect(error.message).toContain(file)
    const handle = new Sqlite(file)
    expect(handle.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'future'").get()).toEqual({ n: 1 })
    handle.close()
  })
})

describe('a damaged database', () => {
  it('that is no database at all is reported with its name and what to do, and not changed', () => {
    writeFileSync(file, 'this was a database once '.repeat(200))
    const before = readFileSync(file)
    const error = failure(() => openDatabase(directory))
    expect(error.code).toBe('database-damaged')
    expect(error.message).toContain(file)
    expect(error.message).toContain('--rescue-database')
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('that has a torn page is found at open, before anything reads it', () => {
    const database = openDatabase(directory)
    database.transaction(() => {
      const put = database.prepare('INSERT INTO contact VALUES (?, ?, 0)')
      for (let i = 0; i < 2000; i++) put.run(`user${i}@office.example`, `User ${i}`)
    })
    database.close()
    const bytes = readFileSync(file)
    bytes.fill(0xa5, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 8192)
    writeFileSync(file, bytes)
    expect(failure(() => openDatabase(directory)).code).toBe('database-damaged')
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })

  it('is moved aside, never deleted, when the user asks for a rescue', () => {
    for (const n of [1, 2]) {
      writeFileSync(file, `garbage ${n} `.repeat(1000))
      expect(rescueDatabase(directory)).toBe(`${file}.damaged-${n}`)
      openDatabase(directory).close()
      expect(readFileSync(`${file}.damaged-${n}`, 'utf8')).toBe(`garbage ${n} `.repeat(1000))
    }
  })

  it('needs no rescue where there is none', () => {
    expect(rescueDatabase(directory)).toBeUndefined()
    expect(readdirSync(directory)).toEqual([])
  })
})

describe('the profile lock', () => {
  it('lets one holder in, and the next after its release', () => {
    const lock = lockProfile(directory)
    expect(failure(() => lockProfile(directory)).code).toBe('profile-in-use')
    lock.release()
    lock.release()
    lockProfile(directory).release()
  })

  it('keeps another process out and does not outlive a process that died', () => {
    const script = `
      const Sqlite = require('better-sqlite3')
      const handle = new Sqlite(${JSON.stringify(join(directory, lockFileName))}, { timeout: 0 })
      try { handle.exec('BEGIN EXCLUSIVE'); console.log('held') } catch (e) { console.log(e.code) }
      process.kill(process.pid, 'SIGKILL')`
    const other = (): string => {
      try {
        return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })
      } catch (cause) {
        return String((cause as { stdout: string }).stdout)
      }
    }
    const lock = lockProfile(directory)
    expect(other().trim()).toBe('SQLITE_BUSY')
    lock.release()
    expect(other().trim()).toBe('held')
    expect(existsSync(join(directory, lockFileName))).toBe(true)
    lockProfile(directory).release()
  })
})
