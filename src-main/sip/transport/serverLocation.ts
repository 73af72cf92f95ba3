/**
 * Where a request for a SIP URI goes (RFC 3263): transport, address and port out of the URI and the domain name system,
 * as hops in the order to try them. For addresses outside the overlay; within it the overlay knows.
 */
import { PeerError } from '../../base/errors.ts'
import { isIpAddress } from '../../base/ipAddress.ts'
import { inServiceOrder } from '../../base/serviceOrder.ts'
import type { Dns, NaptrRecord, SrvRecord } from '../../ports/dns.ts'
import type { Random } from '../../ports/random.ts'
import type { SipUri } from '../message/uri.ts'
import { defaultPort, plainHost } from './address.ts'

export type HopTransport = 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS'

export interface Hop {
  readonly transport: HopTransport
  /** IPv4 or IPv6 literal. */
  readonly host: string
  readonly port: number
  /** The domain that was asked for: what a TLS certificate must prove (RFC 5922 §7). */
  readonly domain: string
}

export interface LocationDeps {
  readonly dns: Dns
  readonly random: Random
  /** Transports of ours, the best first; WS and WSS are taken only where a URI asks for them. */
  readonly transports: readonly HopTransport[]
}

const MAX_HOPS = 16
const SERVICES: Readonly<Record<string, HopTransport>> = { 'SIPS+D2T': 'TLS', 'SIP+D2T': 'TCP', 'SIP+D2U': 'UDP' }
const SRV_PREFIX: Readonly<Partial<Record<HopTransport, string>>> = { TLS: '_sips._tcp.', TCP: '_sip._tcp.', UDP: '_sip._udp.' }

interface Service { readonly transport: HopTransport; readonly records: readonly SrvRecord[] }

/**
 * @returns at least one hop
 * @throws PeerError 'domain-unknown' when the name leads nowhere, 'domain-unreachable' when only to transports that we do not have
 */
export async function locateServer(uri: SipUri, deps: LocationDeps, signal: AbortSignal): Promise<readonly Hop[]> {
  const domain = plainHost(uri.params.get('maddr') ?? uri.host).replace(/\.$/, '')
  const usable = usableTransports(uri, deps.transports)
  const fallback = usable.find((transport) => transport === (uri.scheme === 'sips' ? 'TLS' : 'UDP')) ?? usable[0]
  if (fallback === undefined) throw new PeerError('domain-unreachable', `no transport for ${domain}`)
  const numeric = isIpAddress(domain)
  if (numeric || uri.port !== undefined) {
    const hosts = numeric ? [domain] : await deps.dns.addresses(domain, signal)
    return orNowhere(hosts.map((host) => ({ transport: fallback, host, port: uri.port ?? defaultPort(fallback), domain })), domain)
  }
  const services = uri.params.has('transport') ? await bySrv(usable, domain, deps, signal) : await byNaptr(usable, domain, deps, signal)
  if (services.length === 0) { // §4.2: the name itself, at the default port
    const hosts = await deps.dns.addresses(domain, signal)
    return orNowhere(hosts.map((host) => ({ transport: fallback, host, port: defaultPort(fallback), domain })), domain)
  }
  const hops: Hop[] = []
  for (const { transport, records } of services) {
    for (const { target, port } of inServiceOrder(records, deps.random)) {
      if (hops.length >= MAX_HOPS) return hops
      const name = target.replace(/\.$/, '')
      if (name === '') continue // RFC 2782: decidedly not offered here
      const hosts = isIpAddress(name) ? [name] : await deps.dns.addresses(name, signal)
      for (const host of hosts) hops.push({ transport, host, port, domain })
    }
  }
  return orNowhere(hops, domain)
}

/**
 * §4.3: tries hop after hop, each once.
 * @param attempt undefined stands for a hop that did not answer, or answered 503
 * @throws PeerError 'domain-unreachable' when none is left
 */
export async function firstReached<T>(hops: readonly Hop[], attempt: (hop: Hop) => Promise<T | undefined>): Promise<T> {
  for (const hop of hops) {
    const reached = await attempt(hop)
    if (reached !== undefined) return reached
  }
  throw new PeerError('domain-unreachable', `no server of ${hops[0]?.domain ?? 'this domain'} answers`)
}

/** What the URI leaves open (§4.1): sips is TLS alone; a transport parameter decides; else all of ours. */
function usableTransports(uri: SipUri, ours: readonly HopTransport[]): readonly HopTransport[] {
  const wanted = uri.params.get('transport')?.toUpperCase()
  if (uri.scheme === 'sips') return wanted === 'UDP' ? [] : ours.filter((each) => each === (wanted === 'WS' ? 'WSS' : 'TLS'))
  if (wanted !== undefined) return ours.filter((each) => each === wanted)
  return ours.filter((each) => each !== 'WS' && each !== 'WSS')
}

/** §4.1: the services that NAPTR names, else those for which there are SRV records. */
async function byNaptr(usable: readonly HopTransport[], domain: string, deps: LocationDeps, signal: AbortSignal): Promise<readonly Service[]> {
  const records = (await deps.dns.naptr(domain, signal)).filter(({ flags, service }) => {
    const transport = SERVICES[service.toUpperCase()]
    return flags.toLowerCase() === 's' && transport !== undefined && usable.includes(transport)
  })
  const ordered = [...records].sort((a: NaptrRecord, b: NaptrRecord) => a.order - b.order || a.preference - b.preference).slice(0, MAX_HOPS)
  const found = await Promise.all(ordered.map(async ({ service, replacement }) => ({
    transport: SERVICES[service.toUpperCase()] as HopTransport, records: await deps.dns.srv(replacement, signal),
  })))
  const services = found.filter(({ records: list }) => list.length > 0)
  return services.length > 0 ? services : bySrv(usable, domain, deps, signal)
}

async function bySrv(usable: readonly HopTransport[], domain: string, deps: LocationDeps, signal: AbortSignal): Promise<readonly Service[]> {
  const found = await Promise.all(usable.map(async (transport) => {
    const prefix = SRV_PREFIX[transport]
    return { transport, records: prefix === undefined ? [] : await deps.dns.srv(`${prefix}${domain}`, signal) }
  }))
  return found.filter(({ records }) => records.length > 0)
}

function orNowhere(hops: readonly Hop[], domain: string): readonly Hop[] {
  if (hops.length === 0) throw new PeerError('domain-unknown', `${domain} has no address`)
  return hops.slice(0, MAX_HOPS)
}
