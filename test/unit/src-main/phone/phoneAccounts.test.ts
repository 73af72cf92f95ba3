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

  it('of another overlay cannot log in', () => {
    const { store } = accounts()
    accounts('other.example', store).accounts.add('desk')
    const { accounts: here } = accounts('office.example', store)
    expect([here.secret('desk', 'MD5'), here.list()]).toEqual([undefined, []])
  })
})
