/**
 * The ICE library asks a public STUN server of its own choice for our address, also when it is given none to ask. Calls
 * of an overlay depend on no server (RFC 6940 §1) and tell nobody of themselves: host candidates are all that is offered.
 */
import type { RTCIceTransport } from 'werift'

/** Before candidates are gathered. */
export function askNobody(ice: RTCIceTransport): void { delete ice.connection.stunServer }
