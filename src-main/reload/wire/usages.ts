/**
 * Values of the registered Kinds: SIP-REGISTRATION (RFC 7904 §3.2), TURN-SERVICE (RFC 6940 §9), REDIR (RFC 7374
 * §6), ACCESS-CONTROL-LIST (RFC 8076 §6.1). Certificates are bare DER and need no codec.
 */
import { boolean, enumeration, len16, lengthed, opaque, select, sequence, struct, text, u8, u16, u32, vector, type Infer } from '../../base/presentation.ts'
import { ipAddressPort } from './connection.ts'
import { destination } from './destination.ts'

/** RFC 7904 §3.2: another address, or how to reach a device. */
export const sipRegistration = select('type', enumeration(u8, { sip_registration_uri: 1, sip_registration_route: 2 }), {
  sip_registration_uri: lengthed(len16, struct({ uri: text(len16) })),
  sip_registration_route: lengthed(len16, struct({ contactPrefs: text(len16), destinationList: vector(len16, destination) })),
})
export type SipRegistration = Infer<typeof sipRegistration>

/** RFC 6940 §9. */
export const turnServer = struct({ iteration: u8, serverAddress: ipAddressPort })
export type TurnServer = Infer<typeof turnServer>

/** RFC 7374 §6: type 0 has no extension. */
export const redirServiceProvider = struct({
  type: u8, destinationList: vector(len16, destination), namespace: text(len16), level: u16, node: u16, extension: opaque(len16),
})
export type RedirServiceProvider = Infer<typeof redirServiceProvider>

/** RFC 8076 §5.3: stands in front of values of Kinds with variable resource names. */
export const resourceNameExtension = select('type', enumeration(u8, { pattern: 1 }), {
  pattern: lengthed(len16, struct({ resourceName: text(len16) })),
})
/** RFC 8076 §6.1. */
export const accessControlListItem = struct({ toUser: opaque(len16), kind: u32, allowDelegation: boolean })
export const namedAccessControlListItem = sequence(struct({ resourceName: resourceNameExtension }), accessControlListItem)
export type AccessControlListItem = Infer<typeof accessControlListItem>
