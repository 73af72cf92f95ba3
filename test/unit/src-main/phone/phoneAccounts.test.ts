import { describe, expect, it } from 'vitest'
import { createNodeCrypto } from '../../../../src-main/node/crypto.ts'
import { PhoneAccounts } from '../../../../src-main/phone/phoneAccounts.ts'
import { digestSecret } from '../../../../src-main/sip/auth/digest.ts'
import { openDatabase } from '../../../../src-main/store/database.ts'
import { SqlitePhoneAccountStore } from '../../../../src-main/store/phoneAccountStore.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'

const hashes = createNodeCrypto()

function accounts(realm = 'office.example', store = new SqlitePhoneAccountStore(openDatabase(':memory:'))) {
  return { store, accounts: new PhoneAccounts({ random: new SeededRandom(5), hashes, store, realm, now: () => 42, owner: () => 'Alice@office.example' }) }
}

describe('accounts of phones', () => {
  it('tells the password once and keeps its digests only', () => {
    const { accounts: made, store } = accounts()
    const { account, password } = made.add(' Desk ', 'Front desk')
    expect(password).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/)
    expect(made.secret('desk', 'SHA-256')).toBe(digestSecret(hashes, 'SHA-256', 'desk', 'office.example', password))
    expect(made.secret('desk', 'MD5')).toBe(digestSecret(hashes, 'MD5', 'desk', 'office.example', password))
    expect(store.all()).toEqual([account])
    expect(JSON.stringify(store.all())).not.toContain(password)
    expect(made.add('kitchen').password).not.toBe(password)
  })

  it('refuses names that are taken or no names, and forgets removed ones', () => {
    const { accounts: made } = accounts()
    made.add('desk')
    expect(() => made.add('DESK')).toThrow(expect.objectContaining({ code: 'name-taken' }) as Error)
    for (const name of ['', 'a b', '-a', 'ä', 'a'.repeat(33), '<x>']) expect(() => made.add(name), name).toThrow(expect.objectContaining({ code: 'name-invalid' }) as Error)
    made.remove('Desk')
    expect(made.secret('desk', 'MD5')).toBeUndefined()
    expect(() => { made.remove('desk') }).toThrow(expect.objectContaining({ code: 'phone-unknown' }) as Error)
  })

  it('may register and speak under its own name and its owner’s, and no other', () => {
    const { accounts: made } = accounts()
    made.add('desk')
    expect(made.authorise('desk', 'desk@10.0.0.1')).toBe('desk@office.example')
    expect(made.authorise('desk', 'Alice@office.example')).toBe('Alice@office.example')
    expect(made.authorise('desk', 'bob@office.example')).toBeUndefined()
    expect(made.speaksFor('desk', 'kitchen@office.example')).toBe(false)
  })

  it('is challenged by MD5 alone where it wants that, in its owner’s name too', () => {
    const { accounts: made } = accounts()
    made.add('desk')
    expect(['desk', 'Alice'].map((name) => made.wantsMd5First(name))).toEqual([false, false])
    made.add('old', '', true)
    expect(['desk', 'old', 'Alice', 'bob'].map((name) => made.wantsMd5First(name))).toEqual([false, true, true, false])
  })

  it('of another overlay cannot log in', () => {
    const { store } = accounts()
    accounts('other.example', store).accounts.add('desk')
    const { accounts: here } = accounts('office.example', store)
    expect([here.secret('desk', 'MD5'), here.list()]).toEqual([undefined, []])
  })

  it('of two copies the later one counts, a removed one too; copies of other overlays, and from far ahead, do not', () => {
    const { accounts: here } = accounts(), { accounts: there } = accounts()
    const { account } = here.add('desk')
    there.merge(here.table())
    expect(there.list()).toEqual([account])
    expect([here.isNewerThan(there.table()), there.isNewerThan(here.table())]).toEqual([false, false])
    const gone: string[] = []
    here.onGone((userName) => { gone.push(userName) })
    there.remove('desk')
    expect(there.isNewerThan(here.table())).toBe(true)
    here.merge(there.table())
    expect([here.list(), gone, here.secret('desk', 'MD5')]).toEqual([[], ['desk'], undefined])
    expect(JSON.stringify(here.table())).not.toContain(account.sha256)
    here.merge([account])
    expect(here.list()).toEqual([])
    const again = here.add('desk').account
    expect(again.changedAt).toBeGreaterThan(account.changedAt)
    there.merge([{ ...again, realm: 'other.example' }, { ...again, changedAt: 1e15 }])
    expect(there.list()).toEqual([])
  })

  it('forgets what was removed long ago, and stays within its bound', () => {
    const { accounts: made, store } = accounts()
    for (let i = 0; i < 230; i++) { made.add(`p${i}`); made.remove(`p${i}`) }
    expect(store.all()).toHaveLength(200)
    const { accounts: full } = accounts()
    full.merge(Array.from({ length: 250 }, (_, i) => ({ userName: `x${i}`, displayName: '', realm: 'office.example', sha256: 'a'.repeat(64), md5: 'b'.repeat(32), md5First: false, createdAt: 1, changedAt: 1, removed: false })))
    expect(full.list()).toHaveLength(200)
  })
})
