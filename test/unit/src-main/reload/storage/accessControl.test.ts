import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../../../../src-main/base/bytes.ts'
import { encode } from '../../../../../src-main/base/presentation.ts'
import { mayWrite, redirResourceName } from '../../../../../src-main/reload/storage/accessControl.ts'
import { withName } from '../../../../../src-main/reload/storage/resourceNames.ts'
import type { KindRules } from '../../../../../src-main/reload/storage/dependencies.ts'
import type { AccessPolicy } from '../../../../../src-main/reload/wire/kinds.ts'
import type { DataValue, StoredDataValue } from '../../../../../src-main/reload/wire/storage.ts'
import { redirServiceProvider } from '../../../../../src-main/reload/wire/usages.ts'
import { existing, hash, nodeIdAt, removed } from './ring.ts'

const alice = { userName: 'alice@office.example', nodeId: nodeIdAt(0x40) }
const mallory = { userName: 'mallory@office.example', nodeId: nodeIdAt(0x50) }
const rules = (accessControl: AccessPolicy, more: Partial<KindRules> = {}): KindRules =>
  ({ id: 1, dataModel: 'dictionary', accessControl, maxCount: 1, maxSize: 1, ...more })
const one: StoredDataValue = { model: 'single', data: existing('x') }
const keyed = (key: Uint8Array): StoredDataValue => ({ model: 'dictionary', key, data: existing('x') })

describe('USER-MATCH', () => {
  it('the user name of the signer hashes to the Resource-ID', () => {
    expect(mayWrite(rules('USER-MATCH'), hash(alice.userName), one, alice, hash)).toBe(true)
    expect(mayWrite(rules('USER-MATCH'), hash(alice.userName), one, mallory, hash)).toBe(false)
    expect(mayWrite(rules('USER-MATCH'), hash('ALICE@office.example'), one, alice, hash)).toBe(false)
  })
})

describe('NODE-MATCH', () => {
  it('the Node-ID that the SignerIdentity indicates hashes to the Resource-ID', () => {
    expect(mayWrite(rules('NODE-MATCH'), hash(alice.nodeId), one, alice, hash)).toBe(true)
    expect(mayWrite(rules('NODE-MATCH'), hash(alice.nodeId), one, { ...alice, nodeId: mallory.nodeId }, hash)).toBe(false)
    expect(mayWrite(rules('NODE-MATCH'), alice.nodeId, one, alice, hash)).toBe(false)
  })
})

describe('USER-NODE-MATCH', () => {
  it('is for dictionaries: user name as in USER-MATCH, and the key is the Node-ID', () => {
    const policy = rules('USER-NODE-MATCH')
    expect(mayWrite(policy, hash(alice.userName), keyed(alice.nodeId), alice, hash)).toBe(true)
    expect(mayWrite(policy, hash(alice.userName), keyed(mallory.nodeId), alice, hash)).toBe(false)
    expect(mayWrite(policy, hash(alice.userName), keyed(mallory.nodeId), mallory, hash)).toBe(false)
    expect(mayWrite(policy, hash(alice.userName), one, alice, hash)).toBe(false)
  })
})

describe('NODE-MULTIPLE', () => {
  it('the Node-ID with an i from 1 to the maximum of the Kind hashes to the Resource-ID', () => {
    const at = (i: number): Uint8Array => hash(concatBytes(alice.nodeId, Uint8Array.of(i)))
    const policy = rules('NODE-MULTIPLE', { maxNodeMultiple: 3 })
    expect([0, 1, 2, 3, 4].map((i) => mayWrite(policy, at(i), one, alice, hash))).toEqual([false, true, true, true, false])
    expect(mayWrite(policy, at(1), one, mallory, hash)).toBe(false)
    expect(mayWrite(rules('NODE-MULTIPLE'), at(1), one, alice, hash)).toBe(false)
  })
})

describe('NODE-ID-MATCH (RFC 7374 §5)', () => {
  const record = (level: number, node: number, nodeId = alice.nodeId): StoredDataValue => ({
    model: 'dictionary', key: nodeId,
    data: { exists: true, value: encode(redirServiceProvider, { type: 0, destinationList: [{ type: 'node', nodeId }], namespace: 'turn-server', level, node, extension: new Uint8Array(0) }) },
  })
  const at = (level: number, node: number): Uint8Array => hash(redirResourceName('turn-server', level, node))
  const policy = rules('NODE-ID-MATCH')

  it('the key is the Node-ID, which lies in the tree node that the Resource-ID is the hash of', () => {
    // 0x40… is a quarter of the ring: node 0 of level 0, 2 of 10 at level 1, 25 of 100 at level 2.
    expect(mayWrite(policy, at(0, 0), record(0, 0), alice, hash)).toBe(true)
    expect(mayWrite(policy, at(1, 2), record(1, 2), alice, hash)).toBe(true)
    expect(mayWrite(policy, at(2, 25), record(2, 25), alice, hash)).toBe(true)
    expect(mayWrite(policy, at(1, 3), record(1, 3), alice, hash)).toBe(false)
    expect(mayWrite(policy, at(1, 2), record(2, 25), alice, hash)).toBe(false)
    expect(mayWrite(policy, at(1, 2), record(1, 2, mallory.nodeId), alice, hash)).toBe(false)
    expect(mayWrite({ ...policy, branchingFactor: 4 }, at(1, 1), record(1, 1), alice, hash)).toBe(true)
  })

  it('a removed record needs only the key; a record that cannot be read is refused', () => {
    expect(mayWrite(policy, at(1, 2), { model: 'dictionary', key: alice.nodeId, data: removed }, alice, hash)).toBe(true)
    expect(mayWrite(policy, at(1, 2), { model: 'dictionary', key: mallory.nodeId, data: removed }, alice, hash)).toBe(false)
    expect(mayWrite(policy, at(1, 2), keyed(alice.nodeId), alice, hash)).toBe(false)
    expect(mayWrite(policy, at(0xffff, 2), record(0xffff, 2), alice, hash)).toBe(false)
  })
})

describe('USER-CHAIN-ACL (RFC 8076 §3.1)', () => {
  const at = hash(alice.userName)
  const node = { userName: 'bob@office.example', nodeId: Uint8Array.of(...nodeIdAt(0x50).subarray(0, 13), 0x12, 0x3a, 0xbc) }
  const item = (index: number, data: DataValue = existing('x')): StoredDataValue => ({ model: 'array', index, data })

  it('an array has places that begin with the low 24 bits of the writer’s Node-ID', () => {
    const policy = rules('USER-CHAIN-ACL', { dataModel: 'array' })
    expect([0x123abc00, 0x123abcff, 0x123abd00, 0, 0xffffffff].map((index) => mayWrite(policy, at, item(index), node, hash))).toEqual([true, true, false, false, false])
  })

  it('a dictionary has the writer’s Node-ID as the key, and a single value cannot be shared', () => {
    expect(mayWrite(rules('USER-CHAIN-ACL'), at, keyed(node.nodeId), node, hash)).toBe(true)
    expect(mayWrite(rules('USER-CHAIN-ACL'), at, keyed(alice.nodeId), node, hash)).toBe(false)
    expect(mayWrite(rules('USER-CHAIN-ACL', { dataModel: 'single' }), at, one, alice, hash)).toBe(false)
  })

  it('at the places of others only the owner removes', () => {
    const policy = rules('USER-CHAIN-ACL', { dataModel: 'array' })
    expect(mayWrite(policy, at, item(0x123abc00, removed), alice, hash)).toBe(true)
    expect(mayWrite(policy, at, item(0x123abc00, removed), mallory, hash)).toBe(false)
    expect(mayWrite(policy, at, item(0x123abc00), alice, hash)).toBe(false)
  })

  it('with variable resource names a value says its name, which hashes to the Resource-ID', () => {
    const policy = rules('USER-CHAIN-ACL', { variableResourceNames: { enable: true, patterns: ['.*-conf-$USER@$DOMAIN'] } })
    const named = (name: string): StoredDataValue => ({ model: 'dictionary', key: node.nodeId, data: { exists: true, value: withName(policy, name, Uint8Array.of(7)) } })
    expect(mayWrite(policy, hash('board-conf-alice@office.example'), named('board-conf-alice@office.example'), node, hash)).toBe(true)
    expect(mayWrite(policy, hash('board-conf-alice@office.example'), named('other-conf-alice@office.example'), node, hash)).toBe(false)
    expect(mayWrite(policy, hash('board-conf-alice@office.example'), keyed(node.nodeId), node, hash)).toBe(false)
  })
})
