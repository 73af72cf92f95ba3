/** A name server on loopback for tests (RFC 1035 §4, RFC 2782, RFC 3403): answers what it is given, and "no such name" else. */
import { createSocket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import type { NaptrRecord, SrvRecord } from '../../src-main/ports/dns.ts'

export interface Zone {
  readonly a?: Readonly<Record<string, readonly string[]>>
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>
  readonly naptr?: Readonly<Record<string, readonly NaptrRecord[]>>
}

const types = { a: 1, srv: 33, naptr: 35 } as const

export interface NameServer { readonly address: string; readonly asked: string[]; close(): void }

/** @returns host:port of the server, and what it was asked, such as 'SRV _sip._udp.example.org' */
export async function nameServer(zone: Zone): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  await new Promise<void>((done) => { socket.bind(0, '127.0.0.1', done) })
  socket.on('message', (query, from) => {
    const { name, end } = readName(query, 12)
    const type = query.readUInt16BE(end)
    asked.push(`${Object.entries(types).find(([, number]) => number === type)?.[0].toUpperCase() ?? String(type)} ${name}`)
    const records = answers(zone, type, name)
    const known = [zone.a, zone.srv, zone.naptr].some((each) => each?.[name] !== undefined)
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(0x8180 | (known ? 0 : 3), 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(records.length, 6)
    const body = records.map((data) => {
      const head = Buffer.alloc(12)
      head.writeUInt16BE(0xc00c, 0) // the name of the question
      head.writeUInt16BE(type, 2)
      head.writeUInt16BE(1, 4)
      head.writeUInt32BE(60, 6)
      head.writeUInt16BE(data.length, 10)
      return Buffer.concat([head, data])
    })
    socket.send(Buffer.concat([header, query.subarray(12, end + 4), ...body]), from.port, from.address)
  })
  return { address: `127.0.0.1:${(socket.address() as AddressInfo).port}`, asked, close: () => { socket.close() } }
}

function answers(zone: Zone, type: number, name: string): Buffer[] {
  switch (type) {
    case types.a: return (zone.a?.[name] ?? []).map((address) => Buffer.from(address.split('.').map(Number)))
    case types.srv: return (zone.srv?.[name] ?? []).map(({ priority, weight, port, target }) => Buffer.concat([uint16(priority, weight, port), writeName(target)]))
    case types.naptr: return (zone.naptr?.[name] ?? []).map(({ order, preference, flags, service, replacement }) =>
      Buffer.concat([uint16(order, preference), text(flags), text(service), text(''), writeName(replacement)]))
    default: return []
  }
}

function readName(bytes: Buffer, at: number): { name: string; end: number } {
  const labels: string[] = []
  let i = at
  for (let length = bytes[i] ?? 0; length > 0; length = bytes[i] ?? 0) {
    labels.push(bytes.toString('latin1', i + 1, i + 1 + length))
    i += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: i + 1 }
}

function writeName(name: string): Buffer { return Buffer.concat([...name.split('.').filter((label) => label !== '').map(text), Buffer.alloc(1)]) }
function text(value: string): Buffer { return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]) }
function uint16(...values: number[]): Buffer {
  const out = Buffer.alloc(2 * values.length)
  values.forEach((value, i) => { out.writeUInt16BE(value, 2 * i) })
  return out
}
