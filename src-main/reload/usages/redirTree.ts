/**
 * The ReDiR tree of one namespace (RFC 7374 §4.1): which tree node and which interval a key falls into at each
 * level, where a tree node is stored, and the records in it. Levels end where 16 bits cannot number their nodes.
 */
import { DecodeError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import { redirResourceName } from '../storage/accessControl.ts'
import { ringNumber } from '../storage/ringOrder.ts'
import { redirServiceProvider } from '../wire/usages.ts'

export { redirResourceName }

const bits = 128n

/** Number of the tree node at `level` that covers `key`. */
export function treeNodeOf(level: number, key: Uint8Array, branching: number): number {
  return Number((ringNumber(key) * BigInt(branching) ** BigInt(level)) >> bits)
}

/** Number of the interval at `level` that encloses `key`, counted over the whole level. */
export function intervalOf(level: number, key: Uint8Array, branching: number): bigint {
  return (ringNumber(key) * BigInt(branching) ** BigInt(level + 1)) >> bits
}

/** The deepest level: its nodes still have 16-bit numbers. */
export function deepestLevel(branching: number): number {
  let level = 0
  for (let nodes = branching; nodes <= 65_536; nodes *= branching) level++
  return level
}

export interface ServiceProvider {
  /** Whose record it is: the place on the ring that look-ups go by. */
  readonly nodeId: Uint8Array
  /** How to reach it. */
  readonly destination: readonly { readonly node: Uint8Array }[]
}

export function encodeProvider(provider: ServiceProvider, namespace: string, level: number, node: number): Uint8Array {
  return encode(redirServiceProvider, {
    type: 0, destinationList: provider.destination.map(({ node: id }) => ({ type: 'node' as const, nodeId: id })), namespace, level, node, extension: new Uint8Array(0),
  })
}

/** undefined for what is no record of this tree node, or cannot be reached by Node-IDs. */
export function readProvider(key: Uint8Array, value: Uint8Array, namespace: string, level: number, node: number): ServiceProvider | undefined {
  try {
    const record = decode(redirServiceProvider, value, 'the RedirServiceProvider')
    if (record.namespace !== namespace || record.level !== level || record.node !== node || record.destinationList.length === 0) return undefined
    const destination = record.destinationList.map((entry) => entry.type === 'node' ? { node: entry.nodeId.slice() } : undefined)
    return destination.every((entry) => entry !== undefined) ? { nodeId: key.slice(), destination } : undefined
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    return undefined
  }
}
