/**
 * Multicast DNS on UDP port 5353 with the package multicast-dns: one socket that is a member of the group on every
 * IPv4 interface, loopback too, and sends on each of them in turn. Whatever does not decode is dropped.
 */
import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import makeMdns, { type MulticastDNS, type QueryPacket, type ResponsePacket } from 'multicast-dns'
import { PeerError } from '../base/errors.ts'
import { Emitter } from '../base/event.ts'
import type { MdnsMessage, MdnsRecord, MulticastDns, OpenMulticastDns } from '../ports/multicastDns.ts'

const maxRecords = 64
const maxInterfaces = 16
const maxQueued = 64

/** A record as dns-packet has it; what it decodes is whatever the network sent. */
interface RawRecord { readonly type: string; readonly name: string; readonly ttl?: number; readonly data?: unknown; readonly class?: string; readonly flush?: boolean }

function toRecord(raw: RawRecord): MdnsRecord | undefined {
  const { name, data } = raw
  const ttlS = raw.ttl ?? 0
  switch (raw.type) {
    case 'PTR': return typeof data === 'string' ? { type: 'PTR', name, ttlS, target: data } : undefined
    case 'A': return typeof data === 'string' ? { type: 'A', name, ttlS, address: data } : undefined
    case 'SRV': {
      const { target, port } = (data ?? {}) as { target?: unknown; port?: unknown }
      return typeof target === 'string' && typeof port === 'number' ? { type: 'SRV', name, ttlS, target, port } : undefined
    }
    case 'TXT': {
      const entries: Record<string, string> = {}
      for (const item of (Array.isArray(data) ? data : [data]).slice(0, 32)) {
        if (!(item instanceof Uint8Array)) continue
        const text = Buffer.from(item).toString('utf8'), at = text.indexOf('=')
        const key = text.slice(0, at)
        if (at > 0 && /^[a-z]{1,16}$/.test(key) && !Object.hasOwn(entries, key)) entries[key] = text.slice(at + 1)
      }
      return { type: 'TXT', name, ttlS, entries }
    }
    default: return undefined
  }
}

function fromRecord(record: MdnsRecord): RawRecord {
  const common = { name: record.name, ttl: record.ttlS, class: 'IN' }
  switch (record.type) {
    case 'PTR': return { ...common, type: 'PTR', data: record.target }
    case 'A': return { ...common, type: 'A', flush: true, data: record.address }
    case 'SRV': return { ...common, type: 'SRV', flush: true, data: { target: record.target, port: record.port, priority: 0, weight: 0 } }
    case 'TXT': return { ...common, type: 'TXT', flush: true, data: Object.entries(record.entries).map(([key, value]) => `${key}=${value}`) }
  }
}

type RawMessage = Partial<Record<'questions' | 'answers' | 'additionals', readonly RawRecord[] | undefined>>

/** What a decoded packet says, without what we do not know. */
export function toMessage(kind: 'query' | 'response', packet: RawMessage): MdnsMessage {
  const types = ['PTR', 'SRV', 'TXT', 'A', 'ANY'] as const
  return {
    kind,
    questions: (packet.questions ?? []).slice(0, maxRecords).flatMap(({ name, type }) => types.filter((known) => known === type).map((known) => ({ name, type: known }))),
    records: [...(packet.answers ?? []), ...(packet.additionals ?? [])].slice(0, maxRecords).flatMap((raw) => toRecord(raw) ?? []),
  }
}

function ipv4Interfaces(only: readonly string[] | undefined): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).filter(({ family }) => family === 'IPv4').slice(0, 1).map(({ address }) => address))
  return (only === undefined ? all : [...only]).slice(0, maxInterfaces)
}

class NodeMulticastDns implements MulticastDns {
  private readonly received = new Emitter<{ message: MdnsMessage; from: { host: string; port: number } }>()
  readonly onMessage = this.received.event
  private sending: Promise<void> = Promise.resolve()
  private queued = 0
  private closed = false

  constructor(private readonly mdns: MulticastDNS, private readonly socket: Socket, private readonly interfaces: readonly string[] | undefined) {
    const take = (kind: 'query' | 'response') => (packet: RawMessage, from: { address: string; port: number }): void => {
      if (!this.closed) this.received.emit({ message: toMessage(kind, packet), from: { host: from.address, port: from.port } })
    }
    mdns.on('query', take('query') as unknown as (packet: QueryPacket) => void)
    mdns.on('response', take('response') as unknown as (packet: ResponsePacket) => void)
    mdns.on('warning', () => { /* not DNS, or an interface without multicast */ })
    mdns.on('error', () => { /* a send that failed is repeated by the protocol */ })
  }

  send(message: MdnsMessage): void {
    if (this.closed || this.queued >= maxQueued) return
    const records = message.records.map(fromRecord)
    const packet = message.kind === 'query'
      ? { type: 'query', questions: message.questions.map(({ name, type }) => ({ name, type })), answers: records }
      : { type: 'response', flags: 0x400, answers: records }
    this.queued++
    this.sending = this.sending.then(async () => {
      for (const address of ipv4Interfaces(this.interfaces)) await this.sendOn(address, packet)
      this.queued--
    })
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.sending
    await new Promise<void>((resolve) => { this.mdns.destroy(resolve) })
  }

  /** One after the other: which interface a datagram leaves by is a property of the socket. */
  private sendOn(address: string, packet: object): Promise<void> {
    return new Promise((resolve) => {
      try {
        this.socket.setMulticastInterface(address)
        // The packet goes to the group whatever comes of it on this interface.
        ;(this.mdns as unknown as { send(value: object, to: null, done: () => void): void }).send(packet, null, () => { resolve() })
      } catch { resolve() /* the interface went away */ }
    })
  }
}

/** @param interfaces IPv4 addresses of the interfaces to use; all that are up, as they come and go, when undefined */
export function createNodeMulticastDns(interfaces?: readonly string[], port = 5353): OpenMulticastDns {
  return () => new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    const mdns = makeMdns({
      port, bind: '0.0.0.0', loopback: true,
      ...({ socket } as object), ...(interfaces === undefined ? {} : { interface: [...interfaces] as unknown as string }),
    })
    const failed = (error: Error): void => {
      reject(new PeerError('port-in-use', `multicast DNS cannot be used: ${error.message}`, { cause: error }))
      mdns.destroy()
    }
    mdns.once('error', failed)
    mdns.once('ready', () => {
      mdns.removeListener('error', failed)
      resolve(new NodeMulticastDns(mdns, socket, interfaces))
    })
  })
}
