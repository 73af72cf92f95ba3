/** Destination (RFC 6940 §6.3.2.2): one entry of a Via List or Destination List. */
import { equalBytes, toHex } from '../../base/bytes.ts'
import { invariant } from '../../base/errors.ts'
import { len8, opaque, struct, tlv, type Codec, type UnknownCase } from '../../base/presentation.ts'
import { nodeId, resourceId } from './identifiers.ts'

export type Destination =
  | { readonly type: 'node', readonly nodeId: Uint8Array }
  | { readonly type: 'resource', readonly resourceId: Uint8Array }
  | { readonly type: 'opaque_id_type', readonly opaqueId: Uint8Array }
  /** The two-byte form of an opaque ID: a number with its top bit set. */
  | { readonly type: 'compact', readonly id: number }
  /** A type not defined yet: kept as it is. */
  | UnknownCase

const typed = tlv(len8, { node: 1, resource: 2, opaque_id_type: 3 }, {
  node: struct({ nodeId }),
  resource: struct({ resourceId }),
  opaque_id_type: struct({ opaqueId: opaque(len8) }),
})

export const destination: Codec<Destination> = {
  read(r) {
    if (r.peek() >= 0x80) return { type: 'compact', id: r.u16() }
    const value = typed.read(r)
    if (value.type === 'unknown' && value.code === 0) r.fail('destination of type 0')
    return value
  },
  write(w, v) {
    if (v.type === 'compact') {
      invariant(v.id >= 0x8000, 'a compact destination has its top bit set')
      w.u16(v.id)
    } else {
      typed.write(w, v)
    }
  },
}

export function toNode(id: Uint8Array): Destination { return { type: 'node', nodeId: id } }
export function toResource(id: Uint8Array): Destination { return { type: 'resource', resourceId: id } }

export function sameDestination(a: Destination, b: Destination): boolean {
  switch (a.type) {
    case 'node': return b.type === 'node' && equalBytes(a.nodeId, b.nodeId)
    case 'resource': return b.type === 'resource' && equalBytes(a.resourceId, b.resourceId)
    case 'opaque_id_type': return b.type === 'opaque_id_type' && equalBytes(a.opaqueId, b.opaqueId)
    case 'compact': return b.type === 'compact' && a.id === b.id
    case 'unknown': return b.type === 'unknown' && a.code === b.code && equalBytes(a.data, b.data)
  }
}

/** Bytes on the wire. */
export function destinationLength(d: Destination): number {
  switch (d.type) {
    case 'node': return 2 + d.nodeId.length
    case 'resource': return 3 + d.resourceId.length
    case 'opaque_id_type': return 3 + d.opaqueId.length
    case 'compact': return 2
    case 'unknown': return 2 + d.data.length
  }
}

/** For logs and as the key of a map. */
export function destinationText(d: Destination): string {
  switch (d.type) {
    case 'node': return `node:${toHex(d.nodeId)}`
    case 'resource': return `resource:${toHex(d.resourceId)}`
    case 'opaque_id_type': return `opaque:${toHex(d.opaqueId)}`
    case 'compact': return `compact:${d.id.toString(16)}`
    case 'unknown': return `unknown:${d.code}:${toHex(d.data)}`
  }
}
