import { describe, expect, it } from 'vitest'
import { utf8Bytes } from '../../../../../src-main/base/bytes.ts'
import { encode } from '../../../../../src-main/base/presentation.ts'
import { isAuthorised, ownersOf, readAclItem, type AclItem } from '../../../../../src-main/reload/storage/accessControlList.ts'
import type { KindRules } from '../../../../../src-main/reload/storage/dependencies.ts'
import { ownsName, splitName, withName } from '../../../../../src-main/reload/storage/resourceNames.ts'
import { accessControlListItem } from '../../../../../src-main/reload/wire/usages.ts'
import { hash } from './ring.ts'

const rules: KindRules = { id: 4, dataModel: 'array', accessControl: 'USER-CHAIN-ACL', maxCount: 100, maxSize: 1000 }
const owner = 'owner@office.example'
const raw = (toUser: string, kind: number, allowDelegation: boolean): Uint8Array => encode(accessControlListItem, { toUser: utf8Bytes(toUser), kind, allowDelegation })
const item = (toUser: string, allowDelegation: boolean, signer: string, kind = 1234): AclItem => {
  const read = readAclItem(rules, hash(owner), raw(toUser, kind, allowDelegation), signer, hash)
  if (read === undefined) throw new Error('no item')
  return read
}
/** The list of RFC 8076, figure 1. */
const figure1 = [item(owner, true, owner), item('alice', true, owner), item(owner, true, owner, 4321), item('carol', false, owner, 4321), item('bob', false, 'alice')]

describe('the chain of delegations (RFC 8076 §6.3)', () => {
  it('leads in the list of figure 1 from each authorised user to the owner, for each Kind by itself', () => {
    const may = (kind: number, delegating: boolean): string[] => [owner, 'alice', 'bob', 'carol', 'dave'].filter((user) => isAuthorised(figure1, kind, user, delegating))
    expect(may(1234, false)).toEqual([owner, 'alice', 'bob'])
    expect(may(1234, true)).toEqual([owner, 'alice'])
    expect(may(4321, false)).toEqual([owner, 'carol'])
    expect(may(4321, true)).toEqual([owner])
    expect(ownersOf(figure1)).toEqual([owner, owner])
  })

  it('breaks with every item taken out of it, and with the root for everybody', () => {
    expect(isAuthorised(figure1.filter((each) => each.toUser !== 'alice'), 1234, 'bob', false)).toBe(false)
    const rootless = figure1.filter((each) => !each.isRoot)
    expect(['alice', 'bob', 'carol'].some((user) => isAuthorised(rootless, 1234, user, false) || isAuthorised(rootless, 4321, user, false))).toBe(false)
  })

  it('needs the right to delegate at each step but the last', () => {
    const list = [item(owner, true, owner), item('alice', false, owner), item('bob', true, 'alice')]
    expect([isAuthorised(list, 1234, 'alice', false), isAuthorised(list, 1234, 'bob', false)]).toEqual([true, false])
  })

  it('is not begun by anybody but the owner, and does not begin in a circle', () => {
    const circle = [item('mallory', true, 'mallory'), item('eve', true, 'mallory'), item('mallory', true, 'eve')]
    expect(circle.map(({ isRoot }) => isRoot)).toEqual([false, false, false])
    expect(isAuthorised([...figure1, ...circle], 1234, 'eve', false)).toBe(false)
    // A circle that hangs on the root is no more than what hangs there.
    const hanging = [...figure1, item('bob', true, 'alice'), item('alice', true, 'bob')]
    expect(isAuthorised(hanging, 1234, 'bob', true)).toBe(true)
    expect(isAuthorised(hanging.filter((each) => !each.isRoot), 1234, 'bob', true)).toBe(false)
  })

  it('is found in long and dense lists at once', () => {
    const users = Array.from({ length: 60 }, (_, i) => `user${i}`)
    const dense = [item(owner, true, owner), item('user0', true, owner), ...users.flatMap((a) => users.map((b) => item(b, true, a)))]
    expect(isAuthorised(dense, 1234, 'user59', true)).toBe(true)
    expect(isAuthorised(dense.slice(1), 1234, 'user59', true)).toBe(false)
  })

  it('what is no item is passed over', () => {
    expect(readAclItem(rules, hash(owner), Uint8Array.of(1, 2, 3), owner, hash)).toBeUndefined()
    expect(readAclItem(rules, hash(owner), Uint8Array.of(...raw(owner, 1, true), 0), owner, hash)).toBeUndefined()
  })
})

describe('variable resource names (RFC 8076 §5)', () => {
  const named = { ...rules, variableResourceNames: { enable: true, patterns: ['.*-conf-$USER@$DOMAIN'] } }
  const owns = (pattern: string, name: string, user = 'eve@office.example'): boolean => ownsName({ variableResourceNames: { enable: true, patterns: [pattern] } }, user, name)

  it('are those of a pattern with the user’s name and domain in it, and the user name itself', () => {
    expect(owns('.*-conf-$USER@$DOMAIN', 'board-conf-eve@office.example')).toBe(true)
    expect(owns('.*-conf-$USER@$DOMAIN', 'eve@office.example')).toBe(true)
    expect(owns('.*-conf-$USER@$DOMAIN', 'board-conf-steve@office.example')).toBe(false)
    expect(owns('.*-conf-$USER@$DOMAIN', 'board-conf-eve@office.example.org')).toBe(false)
    expect(owns('[a-z]{1,8}-$USER@$DOMAIN', 'board-e.e@office.example', 'e.e@office.example')).toBe(true)
    expect(owns('[a-z]{1,8}-$USER@$DOMAIN', 'board-exe@office.example', 'e.e@office.example')).toBe(false)
  })

  it('a pattern that leaves a variable out, or does not keep apart what varies, counts as none', () => {
    for (const pattern of ['.*-conf-$USER@office.example', 'conf-.*@$DOMAIN', '.*$USER@$DOMAIN', 'x-$USER@$DOMAIN.*', '(a+)+-$USER@$DOMAIN', '[-$USER@$DOMAIN']) {
      expect(owns(pattern, 'steve@office.example')).toBe(false)
      expect(owns(pattern, 'x-conf-eve@office.example')).toBe(false)
    }
    expect(ownsName({ variableResourceNames: { enable: false, patterns: ['.*-conf-$USER@$DOMAIN'] } }, 'eve@office.example', 'a-conf-eve@office.example')).toBe(false)
  })

  it('stand in front of the value', () => {
    const value = withName(named, 'board-conf-eve@office.example', Uint8Array.of(1, 2))
    expect(splitName(named, value)).toEqual({ name: 'board-conf-eve@office.example', rest: Uint8Array.of(1, 2) })
    expect([splitName(named, Uint8Array.of(9)), splitName(rules, value)?.rest]).toEqual([undefined, value])
  })

  it('a root item counts for the name it carries', () => {
    const at = hash('board-conf-eve@office.example')
    const root = (name: string, signer: string): boolean | undefined => readAclItem(named, at, withName(named, name, raw(signer, 1, true)), signer, hash)?.isRoot
    expect(root('board-conf-eve@office.example', 'eve@office.example')).toBe(true)
    expect(root('board-conf-eve@office.example', 'steve@office.example')).toBe(false)
    expect(root('other-conf-eve@office.example', 'eve@office.example')).toBe(false)
  })
})
