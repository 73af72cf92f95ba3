import { describe, expect, it } from 'vitest'
import { createMemoryAuthorityStore, createMemoryIdentityStore } from '../../src-main/enrollment/memoryStores.ts'
import type { AuthorityStore, EnrolledUser, IdentityStore, InvitationRecord } from '../../src-main/enrollment/stores.ts'
import { openStores } from '../../src-main/store/stores.ts'

const identities: readonly [string, () => IdentityStore][] = [
  ['memory', createMemoryIdentityStore],
  ['SQLite', () => openStores(':memory:').identity],
]
const authorities: readonly [string, () => AuthorityStore][] = [
  ['memory', createMemoryAuthorityStore],
  ['SQLite', () => openStores(':memory:').authority],
]

const identity = {
  overlayName: 'office.example', userName: 'alice@office.example', displayName: 'Alice', certificate: Uint8Array.of(1, 2),
  chain: [Uint8Array.of(3), Uint8Array.of(4)], document: Uint8Array.of(5), keyName: 'k1', enrolmentUrl: '',
}
const user = (over: Partial<EnrolledUser> = {}): EnrolledUser =>
  ({ userName: 'bob@office.example', nodeIds: ['00'.repeat(16)], certificate: Uint8Array.of(7), enrolledAt: 50, ...over })
const invitation = (over: Partial<InvitationRecord> = {}): InvitationRecord =>
  ({ id: 'i1', userName: 'bob@office.example', codeHash: 'aa', createdAt: 10, expiresAt: 1000, usedAt: undefined, revokedAt: undefined, ...over })

describe.each(identities)('identity store: %s', (_, make) => {
  it('keeps one identity, replaced as a whole', () => {
    const store = make()
    expect(store.load()).toBeUndefined()
    store.save(identity)
    expect(store.load()).toEqual(identity)
    const renewed = { ...identity, chain: [Uint8Array.of(9)], certificate: Uint8Array.of(8), enrolmentUrl: 'https://x.example/' }
    store.save(renewed)
    expect(store.load()).toEqual(renewed)
    store.remove()
    expect(store.load()).toBeUndefined()
  })
})

describe.each(authorities)('authority store: %s', (_, make) => {
  it('keeps the overlay it is the authority of', () => {
    const store = make()
    expect(store.load()).toBeUndefined()
    const record = { overlayName: 'office.example', rootCertificate: Uint8Array.of(1), keyName: 'root', document: Uint8Array.of(2), enrolmentUrl: '' }
    store.save(record)
    store.save({ ...record, enrolmentUrl: 'https://a.example/' })
    expect(store.load()).toEqual({ ...record, enrolmentUrl: 'https://a.example/' })
  })

  it('lists invitations newest first and finds one by the hash of its code', () => {
    const store = make()
    store.addInvitation(invitation())
    store.addInvitation(invitation({ id: 'i2', codeHash: 'bb', createdAt: 20 }))
    expect(store.invitations().map((i) => i.id)).toEqual(['i2', 'i1'])
    expect(store.invitationByHash('aa')).toEqual(invitation())
    expect(store.invitationByHash('cc')).toBeUndefined()
  })

  it('takes an invitation once', () => {
    const store = make()
    store.addInvitation(invitation())
    expect(store.enrol('i1', user())).toBe(true)
    expect(store.invitationByHash('aa')).toEqual(invitation({ usedAt: 50 }))
    expect(store.enrol('i1', user({ userName: 'mallory@office.example' }))).toBe(false)
    expect(store.enrol('missing', user({ userName: 'mallory@office.example' }))).toBe(false)
    expect(store.user('mallory@office.example')).toBeUndefined()
    expect(store.revokeInvitation('i1', 60)).toBe(false)
  })

  it('takes no revoked invitation', () => {
    const store = make()
    store.addInvitation(invitation())
    expect(store.revokeInvitation('i1', 60)).toBe(true)
    expect(store.revokeInvitation('i1', 61)).toBe(false)
    expect(store.invitationByHash('aa')).toEqual(invitation({ revokedAt: 60 }))
    expect(store.enrol('i1', user())).toBe(false)
    expect(store.users()).toEqual([])
  })

  it('keeps each user once, with the latest certificate', () => {
    const store = make()
    expect(store.enrol(undefined, user({ userName: 'zoe@office.example' }))).toBe(true)
    expect(store.enrol(undefined, user())).toBe(true)
    const again = user({ userName: 'zoe@office.example', certificate: Uint8Array.of(9), nodeIds: ['11'.repeat(16), '22'.repeat(16)], enrolledAt: 70 })
    expect(store.enrol(undefined, again)).toBe(true)
    expect(store.users()).toEqual([again, user()])
    expect(store.user('zoe@office.example')).toEqual(again)
  })
})
