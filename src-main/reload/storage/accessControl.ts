/**
 * Who may write where (RFC 6940 §7.3, RFC 7374 §5). One pure function: asked by the storing peer about the value's
 * signer and about the Store's, and by whoever fetches, since storing peers are not trusted.
 */
import { concatBytes, equalBytes, utf8Bytes } from '../../base/bytes.ts'
import { DecodeError } from '../../base/errors.ts'
import { decode } from '../../base/presentation.ts'
import type { StoredDataValue } from '../wire/storage.ts'
import { redirServiceProvider } from '../wire/usages.ts'
import type { HashName, KindRules, Writer } from './dependencies.ts'
import { splitName } from './resourceNames.ts'
import { ringNumber } from './ringOrder.ts'

/** Highest i of H(Node-ID ‖ i) ever tried: one byte holds it, and each try is a hash. */
const maxMultiple = 20
const defaultBranchingFactor = 10

export function mayWrite(rules: KindRules, resourceId: Uint8Array, value: StoredDataValue, writer: Writer, hash: HashName): boolean {
  switch (rules.accessControl) {
    case 'USER-MATCH': return isUser(resourceId, writer, hash)
    case 'NODE-MATCH': return equalBytes(hash(writer.nodeId), resourceId)
    case 'USER-NODE-MATCH': return hasOwnKey(value, writer) && isUser(resourceId, writer, hash)
    case 'NODE-MULTIPLE': return isOneOfNode(rules.maxNodeMultiple ?? 0, resourceId, writer, hash)
    case 'NODE-ID-MATCH': return hasOwnKey(value, writer) && isTreeNode(rules.branchingFactor ?? defaultBranchingFactor, resourceId, value, writer, hash)
    // Who may write at all is asked of the access control list, `sharedAccess` and `usages/sharedResource`.
    case 'USER-CHAIN-ACL': return isSharedPlace(rules, resourceId, value, writer, hash)
  }
}

function isUser(resourceId: Uint8Array, writer: Writer, hash: HashName): boolean {
  return equalBytes(hash(writer.userName), resourceId)
}

function hasOwnKey(value: StoredDataValue, writer: Writer): boolean {
  return value.model === 'dictionary' && equalBytes(value.key, writer.nodeId)
}

function isOneOfNode(multiple: number, resourceId: Uint8Array, writer: Writer, hash: HashName): boolean {
  for (let i = 1; i <= Math.min(multiple, maxMultiple); i++) {
    if (equalBytes(hash(concatBytes(writer.nodeId, Uint8Array.of(i))), resourceId)) return true
  }
  return false
}

/**
 * RFC 8076 §3.1, §5.2: each writer keeps to his own places, and a value with a name belongs to the resource of that
 * name. Only who owns the resource removes at the places of others.
 */
function isSharedPlace(rules: KindRules, resourceId: Uint8Array, value: StoredDataValue, writer: Writer, hash: HashName): boolean {
  const own = isOwnPlace(value, writer.nodeId)
  if (!value.data.exists) return own || rules.variableResourceNames?.enable === true || isUser(resourceId, writer, hash)
  const split = splitName(rules, value.data.value)
  return own && split !== undefined && (split.name === undefined || equalBytes(hash(split.name), resourceId))
}

function isOwnPlace(value: StoredDataValue, nodeId: Uint8Array): boolean {
  switch (value.model) {
    case 'single': return false
    case 'dictionary': return equalBytes(value.key, nodeId)
    case 'array': return value.index >>> 8 === sharedArrayPrefix(nodeId)
  }
}

/** The upper 24 bits of a node's places in an array: the lower ones of its Node-ID (RFC 8076 §3.1). */
export function sharedArrayPrefix(nodeId: Uint8Array): number {
  return nodeId.subarray(-3).reduce((prefix, byte) => (prefix << 8) | byte, 0)
}

/** RFC 7374 §5: the record says which node of the tree it lies in; that must be this resource, and cover the writer. */
function isTreeNode(branching: number, resourceId: Uint8Array, value: StoredDataValue, writer: Writer, hash: HashName): boolean {
  // What is removed names no tree node; the key alone shows that it is the writer's.
  if (!value.data.exists) return true
  try {
    const { namespace, level, node } = decode(redirServiceProvider, value.data.value)
    // node is 16 bits wide, so deeper trees cannot be named.
    if (level > 16) return false
    const covers = (ringNumber(writer.nodeId) * BigInt(branching) ** BigInt(level)) >> 128n
    return covers === BigInt(node) && equalBytes(hash(redirResourceName(namespace, level, node)), resourceId)
  } catch (cause) {
    if (cause instanceof DecodeError) return false
    throw cause
  }
}

/** The resource name of a tree node: namespace ‖ level ‖ node, the numbers as wide as in the record. */
export function redirResourceName(namespace: string, level: number, node: number): Uint8Array {
  return concatBytes(utf8Bytes(namespace), Uint8Array.of(level >> 8, level & 0xff, node >> 8, node & 0xff))
}
