import { describe, expect, it } from 'vitest'
import { PeerError } from '../../../../../src-main/base/errors.ts'
import type { Dns, NaptrRecord, SrvRecord } from '../../../../../src-main/ports/dns.ts'
import { parseUri, type SipUri } from '../../../../../src-main/sip/message/uri.ts'
import { firstReached, type HopTransport, locateServer } from '../../../../../src-main/sip/transport/serverLocation.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'

interface Zone { readonly naptr?: Record<string, NaptrRecord[]>; readonly srv?: Record<string, SrvRecord[]>; readonly a?: Record<string, string[]> }

function dnsOf(zone: Zone): Dns & { readonly asked: string[] } {
  const asked: string[] = []
  const answer = <T>(kind: string, records: Record<string, T[]> | undefined, name: string): Promise<readonly T[]> => { asked.push(`${kind} ${name}`); return Promise.resolve(records?.[name] ?? []) }
  return { asked, naptr: (name) => answer('NAPTR', zone.naptr, name), srv: (name) => answer('SRV', zone.srv, name), addresses: (name) => answer('A', zone.a, name) }
}

const never = new AbortController().signal
const uriOf = (text: string): SipUri => {
  const uri = parseUri(text)
  if (uri.kind !== 'sip') throw new Error('a SIP URI was expected')
  return uri
}
async function locate(text: string, zone: Zone, transports: readonly HopTransport[] = ['UDP', 'TCP', 'TLS'], seed = 1) {
  const dns = dnsOf(zone)
  const hops = await locateServer(uriOf(text), { dns, random: new SeededRandom(seed), transports }, never)
  return { hops: hops.map(({ transport, host, port }) => `${transport} ${host} ${port}`), asked: dns.asked, domains: new Set(hops.map((hop) => hop.domain)) }
}
const naptr = (order: number, preference: number, service: string, replacement: string): NaptrRecord => ({ order, preference, flags: 's', service, replacement })
const srv = (priority: number, weight: number, port: number, target: string): SrvRecord => ({ priority, weight, port, target })

/** RFC 3263 §4.1's own example. */
const example: Zone = {
  naptr: { 'example.com': [naptr(50, 50, 'SIPS+D2T', '_sips._tcp.example.com'), naptr(90, 50, 'SIP+D2T', '_sip._tcp.example.com'), naptr(100, 50, 'SIP+D2U', '_sip._udp.example.com')] },
  srv: {
    '_sips._tcp.example.com': [srv(0, 1, 5061, 'server1.example.com'), srv(1, 1, 5061, 'server2.example.com')],
    '_sip._tcp.example.com': [srv(0, 1, 5060, 'server1.example.com'), srv(0, 2, 5060, 'server2.example.com')],
    '_sip._udp.example.com': [srv(0, 1, 5060, 'server1.example.com')],
  },
  a: { 'server1.example.com': ['192.0.2.1', '2001:db8::1'], 'server2.example.com': ['192.0.2.2'], 'example.com': ['192.0.2.9'] },
}

describe('locating SIP servers (RFC 3263)', () => {
  it('takes UDP for a numeric address, TLS for sips, and asks no DNS', async () => {
    expect(await locate('sip:a@192.0.2.7', {})).toMatchObject({ hops: ['UDP 192.0.2.7 5060'], asked: [] })
    expect(await locate('sips:a@[2001:db8::7]', {})).toMatchObject({ hops: ['TLS 2001:db8::7 5061'], asked: [] })
    expect((await locate('sip:a@192.0.2.7:5080;transport=tcp', {})).hops).toEqual(['TCP 192.0.2.7 5080'])
  })

  it('goes by the transport parameter, and by maddr in place of the host', async () => {
    const { hops, asked } = await locate('sip:a@example.com;transport=tcp', example)
    expect(hops.every((hop) => hop.startsWith('TCP'))).toBe(true)
    expect(asked[0]).toBe('SRV _sip._tcp.example.com')
    expect((await locate('sip:a@example.com;maddr=192.0.2.50', example)).hops).toEqual(['UDP 192.0.2.50 5060'])
  })

  it('with a port asks for addresses only', async () => {
    expect(await locate('sip:a@example.com:5090', example)).toMatchObject({ hops: ['UDP 192.0.2.9 5090'], asked: ['A example.com'] })
  })

  it('orders the services as NAPTR says and leaves out what it does not speak', async () => {
    expect((await locate('sip:a@example.com', example)).hops.slice(0, 3)).toEqual(['TLS 192.0.2.1 5061', 'TLS 2001:db8::1 5061', 'TLS 192.0.2.2 5061'])
    expect((await locate('sip:a@example.com', example, ['UDP'])).hops).toEqual(['UDP 192.0.2.1 5060', 'UDP 2001:db8::1 5060'])
    expect((await locate('sips:a@example.com', example)).hops.every((hop) => hop.startsWith('TLS'))).toBe(true)
  })

  it('remembers the domain that was asked for, which a certificate must prove', async () => {
    expect([...(await locate('sips:a@example.com', example)).domains]).toEqual(['example.com'])
  })

  it('without NAPTR asks SRV of each transport, without SRV the name itself', async () => {
    expect((await locate('sip:a@example.com', { srv: example.srv ?? {}, a: example.a ?? {} })).hops[0]).toBe('UDP 192.0.2.1 5060')
    expect(await locate('sip:a@example.com', { a: { 'example.com': ['192.0.2.9'] } })).toMatchObject({ hops: ['UDP 192.0.2.9 5060'] })
    expect(await locate('sips:a@example.com', { a: { 'example.com': ['192.0.2.9'] } })).toMatchObject({ hops: ['TLS 192.0.2.9 5061'] })
  })

  it('shares the load among servers of one priority by weight (RFC 2782)', async () => {
    const zone: Zone = { srv: { '_sip._udp.x.example': [srv(1, 90, 1, '192.0.2.1'), srv(1, 10, 2, '192.0.2.2'), srv(0, 0, 3, '192.0.2.3')] } }
    let heavy = 0
    for (let seed = 1; seed <= 300; seed++) {
      const { hops } = await locate('sip:x.example', zone, ['UDP'], seed)
      expect(hops[0]).toBe('UDP 192.0.2.3 3')
      expect(hops).toHaveLength(3)
      if (hops[1] === 'UDP 192.0.2.1 1') heavy++
    }
    expect(heavy).toBeGreaterThan(240)
    expect(heavy).toBeLessThan(295)
  })

  it('takes a lone dot for a service that is decidedly not offered', async () => {
    await expect(locate('sip:x.example', { srv: { '_sip._udp.x.example': [srv(0, 0, 5060, '.')] }, a: { 'x.example': ['192.0.2.1'] } }, ['UDP'])).rejects.toMatchObject({ code: 'domain-unknown' })
  })

  it('rejects what leads nowhere, and sips over UDP', async () => {
    await expect(locate('sip:a@nowhere.example', {})).rejects.toBeInstanceOf(PeerError)
    await expect(locate('sips:a@192.0.2.1;transport=udp', {})).rejects.toMatchObject({ code: 'domain-unreachable' })
    await expect(locate('sip:a@192.0.2.1;transport=sctp', {})).rejects.toMatchObject({ code: 'domain-unreachable' })
  })

  it('fails over to the next hop, each tried once (§4.3)', async () => {
    const dns = dnsOf(example)
    const hops = await locateServer(uriOf('sips:a@example.com'), { dns, random: new SeededRandom(1), transports: ['TLS'] }, never)
    const tried: string[] = []
    const reached = await firstReached(hops, (hop) => { tried.push(hop.host); return Promise.resolve(hop.host === '192.0.2.2' ? 'there' : undefined) })
    expect([reached, tried]).toEqual(['there', ['192.0.2.1', '2001:db8::1', '192.0.2.2']])
    await expect(firstReached(hops, () => Promise.resolve(undefined))).rejects.toMatchObject({ code: 'domain-unreachable' })
  })
})
