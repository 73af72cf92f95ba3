/** Candidates between the link factory's form and the wire's (RFC 6940 §6.5.1.1). */
import { utf8Bytes } from '../../base/bytes.ts'
import type { SocketAddress } from '../../ports/secureStream.ts'
import type { Candidate, CandidateSet } from '../link/linkFactory.ts'
import { toIpAddressPort, type AttachReqAns, type IceCandidate, type IpAddressPort } from '../wire/connection.ts'

type WireCandidates = Pick<AttachReqAns, 'ufrag' | 'password' | 'candidates'>

export function toWire(set: CandidateSet): WireCandidates {
  return { ufrag: utf8Bytes(set.ufrag), password: utf8Bytes(set.password), candidates: set.candidates.map(candidateToWire) }
}

/** Candidates of address types not known are left out. */
export function fromWire(wire: WireCandidates): CandidateSet {
  return { ufrag: latin1(wire.ufrag), password: latin1(wire.password), candidates: wire.candidates.flatMap((c) => candidateFromWire(c) ?? []) }
}

function candidateToWire(candidate: Candidate): IceCandidate {
  const common = {
    addrPort: toIpAddressPort(candidate.address), overlayLink: candidate.overlayLink, foundation: utf8Bytes(candidate.foundation),
    priority: candidate.priority, extensions: [],
  }
  if (candidate.type === 'host') return { ...common, type: 'host' }
  return { ...common, type: candidate.type, relAddrPort: toIpAddressPort(candidate.related ?? { host: '0.0.0.0', port: 0 }) }
}

function candidateFromWire(wire: IceCandidate): Candidate | undefined {
  const address = socketAddress(wire.addrPort)
  if (address === undefined) return undefined
  const related = wire.type === 'host' ? undefined : socketAddress(wire.relAddrPort)
  return {
    address, overlayLink: wire.overlayLink, foundation: latin1(wire.foundation), priority: wire.priority, type: wire.type,
    ...(related === undefined ? {} : { related }),
  }
}

function socketAddress(wire: IpAddressPort): SocketAddress | undefined {
  return wire.type === 'unknown' ? undefined : { host: wire.host, port: wire.port }
}

/** ufrag, password and foundation are ASCII (RFC 5245 §15); whatever else comes is kept apart, not refused. */
function latin1(bytes: Uint8Array): string { return String.fromCharCode(...bytes) }
