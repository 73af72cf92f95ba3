import { describe, expect, it } from 'vitest'
import { createMemoryAuthorityStore, createMemoryIdentityStore } from '../../src-main/enrollment/memoryStores.ts'
import type { AuthorityStore, EnrolledDevice, IdentityStore, InvitationRecord } from '../../src-main/enrollment/stores.ts'
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
const device = (over: Partial<EnrolledDevice> = {}): EnrolledDevice =>
  ({ userName: 'bob@office.example', nodeIds: ['00'.repeat(16)], certificate: Uint8Array.of(7), enrolledAt: 50, ...over })
const invitation = (over: Partial<InvitationRecord> = {}): InvitationRecord =>
  ({ id: 'i1', userName: 'bob@office.example', codeHash: 'aa', createdAt: 10, expiresAt: 1000, usedAt: undefined, revokedAt: undefined, anotherDevice: false, ...over })

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
    expect(store.enrol('i1', device())).toBe(true)
    expect(store.invitationByHash('aa')).toEqual(invitation({ usedAt: 50 }))
    expect(store.enrol('i1', device({ userName: 'mallory@office.example' }))).toBe(false)
    expect(store.enrol('missing', device({ userName: 'mallory@office.example' }))).toBe(false)
    expect(store.devices('mallory@office.example')).toEqual([])
    expect(store.revokeInvitation('i1', 60)).toBe(false)
  })

  it('takes no revoked invitation', () => {
    const store = make()
    store.addInvitation(invitation())
    expect(store.revokeInvitation('i1', 60)).toBe(true)
    expect(store.revokeInvitation('i1', 61)).toBe(false)
    expect(store.invitationByHash('aa')).toEqual(invitation({ revokedAt: 60 }))
    expect(store.enrol('i1', device())).toBe(false)
    expect(store.devices()).toEqual([])
  })

  it('keeps each device once, by its first Node-ID, with the latest certificate', () => {
    const store = make()
    const zoe = device({ userName: 'zoe@office.example', nodeIds: ['11'.repeat(16)] })
    expect(store.enrol(undefined, zoe)).toBe(true)
    expect(store.enrol(undefined, device())).toBe(true)
    const renewed = { ...zoe, certificate: Uint8Array.of(9), nodeIds: ['11'.repeat(16), '22'.repeat(16)], enrolledAt: 70 }
    expect(store.enrol(undefined, renewed)).toBe(true)
    expect(store.devices()).toEqual([renewed, device()])
    const second = device({ userName: 'zoe@office.example', nodeIds: ['33'.repeat(16)] })
    expect(store.enrol(undefined, second)).toBe(true)
    expect(store.devices('zoe@office.example')).toEqual([renewed, second])
  })

  it('keeps whether an invitation is for one more device', () => {
    const store = make()
    store.addInvitation(invitation({ anotherDevice: true }))
    expect(store.invitationByHash('aa')?.anotherDevice).toBe(true)
  })
})
