/**
 * The SIP usage's Kind SIP-REGISTRATION (RFC 7904 §3): encoding of what a device registers at H(AOR) under its
 * Node-ID, and the rule that storing peers and readers apply beyond USER-NODE-MATCH.
 */
import { DecodeError } from '../../base/errors.ts'
import { decode, encode } from '../../base/presentation.ts'
import { acceptsAor } from '../config/domainRestriction.ts'
import type { OverlayConfiguration } from '../config/configuration.ts'
import type { UsageRule } from '../storage/dependencies.ts'
import { Kind } from '../wire/kinds.ts'
import { sipRegistration } from '../wire/usages.ts'

export const sipRegistrationKind = Kind.sipRegistration

export type SipRegistration =
  /** Another address of record or URI to ask instead (§3.2). */
  | { readonly type: 'uri', readonly uri: string }
  /** How to reach a device: Node-IDs in order, the device last; [peer, client] for a client of a peer. */
  | { readonly type: 'route', readonly contactPrefs: string, readonly destinationList: readonly { readonly node: Uint8Array }[] }

export function encodeSipRegistration(registration: SipRegistration): Uint8Array {
  if (registration.type === 'uri') return encode(sipRegistration, { type: 'sip_registration_uri', uri: registration.uri })
  return encode(sipRegistration, {
    type: 'sip_registration_route', contactPrefs: registration.contactPrefs,
    destinationList: registration.destinationList.map(({ node }) => ({ type: 'node' as const, nodeId: node })),
  })
}

/** @throws DecodeError, also when a route does not end in a node or goes by way of something else than nodes */
export function decodeSipRegistration(value: Uint8Array): SipRegistration {
  const decoded = decode(sipRegistration, value, 'the SipRegistration')
  if (decoded.type === 'sip_registration_uri') {
    if (decoded.uri === '') throw new DecodeError('an empty uri is registered')
    return { type: 'uri', uri: decoded.uri }
  }
  const destinationList = decoded.destinationList.map((entry) => {
    if (entry.type !== 'node') throw new DecodeError(`a ${entry.type} in a registered route`)
    return { node: entry.nodeId.slice() }
  })
  if (destinationList.length === 0) throw new DecodeError('an empty route is registered')
  return { type: 'route', contactPrefs: decoded.contactPrefs, destinationList }
}

/**
 * RFC 7904 §3.3: the address of record, which is the writer's user name since the value carries none, must be of
 * a domain this overlay takes. USER-NODE-MATCH has proven the rest. A value that nobody could read is refused too.
 */
export function sipRegistrationRule(configuration: () => Pick<OverlayConfiguration, 'instanceName' | 'requiredKinds'>): UsageRule {
  return (value, signer) => {
    if (!acceptsAor(configuration(), signer.userName)) return false
    if (!value.value.data.exists) return true
    try {
      decodeSipRegistration(value.value.data.value)
      return true
    } catch (cause) {
      if (cause instanceof DecodeError) return false
      throw cause
    }
  }
}
