/**
 * TLS-TCP-FH-NO-ICE connections (RFC 6940 §6.5.1.11, §6.6.5): host candidates of one listening socket, the
 * requester waits as TLS server, the answerer connects to the requester's candidates (the first to succeed
 * wins). Used once for overlay links and once, on a port of its own, for AppAttach pipes.
 */
import { sleep } from '../../base/abort.ts'
import { toHex } from '../../base/bytes.ts'
import { InvariantError, PeerError } from '../../base/errors.ts'
import { isIpAddress, parseIpAddress } from '../../base/ipAddress.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Certificate } from '../../ports/crypto.ts'
import type { Network } from '../../ports/network.ts'
import type { Random } from '../../ports/random.ts'
import type { SecureListener, SecureNetwork, SecureStream, SocketAddress, StreamCredentials } from '../../ports/secureStream.ts'
import type { Candidate, LinkFactory, LinkFactoryUser, Negotiation } from '../../reload/link/linkFactory.ts'

export const TLS_TCP_FH_NO_ICE = 4
/** Candidates tried of what a peer sends; more than any honest host has addresses. */
const MAX_CANDIDATES = 16
const STAGGER_MS = 250
const CONNECT_TIMEOUT_MS = 10_000

export interface NoIceTlsDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly network: SecureNetwork
  /** Addresses of the interfaces, for a socket bound to any address. */
  readonly interfaces: Pick<Network, 'localAddresses'>
  readonly credentials: StreamCredentials
  /** Where to listen, the next one when a port is in use; port 0 takes a free one. */
  readonly listen: readonly SocketAddress[]
}

export function createNoIceTlsFactory(deps: NoIceTlsDependencies): LinkFactory { return new NoIceTlsFactory(deps) }

class NoIceTlsFactory implements LinkFactory {
  private listener: SecureListener | undefined
  private user: LinkFactoryUser | undefined
  private readonly closing = new AbortController()

  constructor(private readonly deps: NoIceTlsDependencies) {}

  async listen(user: LinkFactoryUser): Promise<SocketAddress> {
    this.user = user
    for (const [i, address] of this.deps.listen.entries()) {
      try {
        this.listener = await this.deps.network.listen(
          address, this.deps.credentials,
          (stream) => { user.onStream(stream, false) },
          (reason) => { user.onRefused(reason) },
        )
        return this.listener.address
      } catch (error) {
        const taken = error instanceof PeerError && error.code === 'port-in-use'
        if (!taken || i === this.deps.listen.length - 1) throw error
      }
    }
    throw new InvariantError('no address to listen on')
  }

  negotiate(role: 'passive' | 'active'): Promise<Negotiation> {
    const local = { ufrag: toHex(this.deps.random.bytes(4)), password: toHex(this.deps.random.bytes(16)), candidates: this.candidates() }
    return Promise.resolve({
      local,
      connect: (remote, accept, signal) => role === 'passive' ? Promise.resolve() : this.connectAny(remote.candidates, accept, signal),
      close: () => { /* nothing is held per negotiation without ICE */ },
    })
  }

  async dial(address: SocketAddress, accept: (certificate: Certificate) => string | undefined, signal: AbortSignal): Promise<SecureStream> {
    const stream = await this.connect(address, accept, signal)
    this.user?.onStream(stream, true)
    return stream
  }

  async close(): Promise<void> {
    this.closing.abort(new PeerError('cancelled'))
    await this.listener?.close()
    this.listener = undefined
  }

  private candidates(): readonly Candidate[] {
    const bound = this.listener?.address
    if (bound === undefined) return []
    return hostAddresses(bound.host, this.deps.interfaces.localAddresses()).map((host, i) => ({
      address: { host, port: bound.port },
      overlayLink: TLS_TCP_FH_NO_ICE,
      foundation: String(i + 1),
      // RFC 5245 §4.1.2.1: type preference 126 for host candidates, IPv4 before IPv6, one component.
      priority: 126 * 2 ** 24 + (65_535 - i) * 2 ** 8 + 255,
      type: 'host' as const,
    }))
  }

  /** Candidates by priority, a new one each 250 ms or as soon as one fails; the first to be accepted wins. */
  private async connectAny(candidates: readonly Candidate[], accept: (certificate: Certificate) => string | undefined, signal: AbortSignal): Promise<void> {
    const usable = candidates
      .filter((c) => c.overlayLink === TLS_TCP_FH_NO_ICE && isIpAddress(c.address.host) && c.address.port > 0)
      .sort((a, b) => b.priority - a.priority)
      .slice(0, MAX_CANDIDATES)
    if (usable.length === 0) throw new PeerError('peer-unreachable', 'no usable candidate')
    const race = new AbortController()
    const all = AbortSignal.any([signal, race.signal])
    let failed = 0
    let won = false
    let nextTurn = new AbortController()
    const attempts = usable.map(async (candidate, i) => {
      for (let turn = failed; turn < i; turn++) {
        // Each failure before us brings our turn forward by one step.
        const hurry = nextTurn.signal
        await sleep(this.deps.clock, STAGGER_MS, AbortSignal.any([all, hurry])).catch((reason: unknown) => { if (all.aborted) throw reason })
      }
      try {
        const stream = await this.connect(candidate.address, accept, all)
        if (won) { stream.destroy(); return }
        won = true
        this.user?.onStream(stream, true)
      } catch (error) {
        failed++
        const previous = nextTurn
        nextTurn = new AbortController()
        previous.abort(error)
        throw error
      }
    })
    try {
      await Promise.any(attempts)
    } catch (error) {
      signal.throwIfAborted()
      const causes = error instanceof AggregateError ? (error.errors as unknown[]) : [error]
      throw causes.find((c) => c instanceof PeerError && c.code === 'peer-unverified') ?? causes.at(-1)
    } finally {
      race.abort(new PeerError('cancelled'))
    }
  }

  private async connect(address: SocketAddress, accept: (certificate: Certificate) => string | undefined, signal: AbortSignal): Promise<SecureStream> {
    const { credentials, network, clock } = this.deps
    const timeout = new AbortController()
    const timer = clock.setTimer(CONNECT_TIMEOUT_MS, () => { timeout.abort(new PeerError('peer-unreachable', 'no answer in time')) })
    const until = AbortSignal.any([signal, timeout.signal, this.closing.signal])
    try {
      const stream = await network.connect(address, {
        ...credentials,
        acceptPeer: (certificate, chain) => credentials.acceptPeer(certificate, chain) ?? accept(certificate),
      }, until)
      if (until.aborted) { stream.destroy(); throw until.reason }
      return stream
    } finally {
      timer.cancel()
    }
  }
}

/** What others can reach a socket bound to `host` at: the address itself, or those of the interfaces. */
export function hostAddresses(host: string, interfaces: ReturnType<Network['localAddresses']>): readonly string[] {
  if (!parseIpAddress(host).every((byte) => byte === 0)) return [host]
  const both = host.includes(':')
  const usable = interfaces.filter((i) => (both || i.family === 4) && isIpAddress(i.host) && !isLinkLocal(i.host))
  const outside = usable.filter((i) => !i.internal)
  // Without a network only this machine's other peers are left.
  const chosen = outside.length > 0 ? outside : usable
  return [...chosen].sort((a, b) => a.family - b.family).map((i) => i.host)
}

function isLinkLocal(host: string): boolean {
  const bytes = parseIpAddress(host)
  return bytes.length === 4 ? bytes[0] === 169 && bytes[1] === 254 : bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80
}
