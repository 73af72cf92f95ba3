/** Bodies of Attach, AppAttach, Ping and ConfigUpdate (RFC 6940 §6.5) and the addresses and candidates in them. */
import { formatIpAddress, parseIpAddress } from '../../base/ipAddress.ts'
import {
  boolean, empty, enumeration, fixed, len8, len16, len24, len32, lengthed, opaque, select, sequence, struct, text, tlv, u8, u16, u32, u64, vector,
  type Codec, type Infer,
} from '../../base/presentation.ts'

function ipAddress(length: 4 | 16): Codec<string> {
  const bytes = fixed(length)
  return { read: (r) => formatIpAddress(bytes.read(r)), write: (w, v) => { bytes.write(w, parseIpAddress(v)) } }
}

/** §6.3.1.1: `type`, `host` as text, `port`. */
export const ipAddressPort = tlv(len8, { ipv4_address: 1, ipv6_address: 2 }, {
  ipv4_address: struct({ host: ipAddress(4), port: u16 }),
  ipv6_address: struct({ host: ipAddress(16), port: u16 }),
})
export type IpAddressPort = Infer<typeof ipAddressPort>

export function toIpAddressPort(address: { readonly host: string, readonly port: number }): IpAddressPort {
  return { type: address.host.includes(':') ? 'ipv6_address' : 'ipv4_address', host: address.host, port: address.port }
}

const iceExtension = struct({ name: opaque(len16), value: opaque(len16) })

/** §6.5.1.1: `relAddrPort` stands with reflexive and relayed candidates only. */
export const iceCandidate = sequence(
  struct({ addrPort: ipAddressPort, overlayLink: u8, foundation: opaque(len8), priority: u32 }),
  sequence(
    select('type', enumeration(u8, { host: 1, srflx: 2, relay: 4 }), {
      host: empty,
      srflx: struct({ relAddrPort: ipAddressPort }),
      relay: struct({ relAddrPort: ipAddressPort }),
    }),
    struct({ extensions: vector(len16, iceExtension) }),
  ),
)
export type IceCandidate = Infer<typeof iceCandidate>

/** §6.5.1.1; `role` is "passive" in requests and "active" in answers. */
export const attachReqAns = struct({
  ufrag: opaque(len8), password: opaque(len8), role: text(len8), candidates: vector(len16, iceCandidate), sendUpdate: boolean,
})
export type AttachReqAns = Infer<typeof attachReqAns>

/** §6.5.2. */
export const appAttachReqAns = struct({
  ufrag: opaque(len8), password: opaque(len8), application: u16, role: text(len8), candidates: vector(len16, iceCandidate),
})
export type AppAttachReqAns = Infer<typeof appAttachReqAns>

/** §6.5.3. `time` is milliseconds since 1970. */
export const pingReq = struct({ padding: opaque(len16) })
export const pingAns = struct({ responseId: u64, time: u64 })
export type PingReq = Infer<typeof pingReq>
export type PingAns = Infer<typeof pingAns>

/** §6.5.4: a whole configuration document, or kind-blocks. */
export const configUpdateReq = select('type', enumeration(u8, { config: 1, kind: 2 }), {
  config: lengthed(len32, struct({ configData: opaque(len24) })),
  kind: lengthed(len32, struct({ kinds: vector(len24, opaque(len16)) })),
})
export type ConfigUpdateReq = Infer<typeof configUpdateReq>
