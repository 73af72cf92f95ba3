/**
 * Multicast DNS (RFC 6762) as LAN discovery needs it: messages of four record types, sent to every link. The
 * sockets and the encoding are `node/multicastDns.ts`'s; this interface is what `connectivity/lanDiscovery.ts` uses.
 */
import type { Event } from '../base/event.ts'
import type { SocketAddress } from './secureStream.ts'

export type MdnsRecord =
  | { readonly type: 'PTR'; readonly name: string; readonly ttlS: number; readonly target: string }
  | { readonly type: 'SRV'; readonly name: string; readonly ttlS: number; readonly target: string; readonly port: number }
  | { readonly type: 'TXT'; readonly name: string; readonly ttlS: number; readonly entries: Readonly<Record<string, string>> }
  | { readonly type: 'A'; readonly name: string; readonly ttlS: number; readonly address: string }

export interface MdnsMessage {
  readonly kind: 'query' | 'response'
  /** names asked for; empty in a response */
  readonly questions: readonly { readonly name: string; readonly type: 'PTR' | 'SRV' | 'TXT' | 'A' | 'ANY' }[]
  /** answers, and in a response the additional records as well */
  readonly records: readonly MdnsRecord[]
}

export interface MulticastDns {
  readonly onMessage: Event<{ readonly message: MdnsMessage; readonly from: SocketAddress }>
  send(message: MdnsMessage): void
  /** What was queued by `send` before still goes out. Idempotent. */
  close(): Promise<void>
}

/** @throws PeerError 'port-in-use' when multicast DNS cannot be spoken on this machine */
export type OpenMulticastDns = () => Promise<MulticastDns>
