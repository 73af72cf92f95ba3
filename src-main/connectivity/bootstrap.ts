/**
 * Where a joining peer looks for others (RFC 6940 §11.4): cached peers first, then what is heard on the LAN, then
 * the nodes that the document and the command line name. All sources run at once; each address is given once.
 */
import type { SocketAddress } from '../ports/secureStream.ts'
import { bootstrapCacheSize, type BootstrapCache } from './bootstrapCache.ts'
import type { HeardPeer, LanDiscovery } from './lanDiscovery.ts'

export interface BootstrapSource {
  /** Ends when nothing more can come or the signal is aborted; with LAN discovery it goes on until then. */
  candidates(signal: AbortSignal): AsyncIterable<SocketAddress>
  /** A peer of the overlay listens there: worth trying first at the next start. */
  remember(address: SocketAddress): void
}

export interface BootstrapOptions {
  readonly overlayName: string
  /** SHA-256 of the root's SubjectPublicKeyInfo: peers heard with another root are of another overlay */
  readonly rootFingerprint: string
  readonly cache: BootstrapCache
  /** milliseconds since 1970 */
  readonly now: () => number
  /** undefined: no multicast */
  readonly lan: LanDiscovery | undefined
  /** the document's bootstrap-node elements and --bootstrap */
  readonly nodes: () => readonly SocketAddress[]
  /** told why the LAN cannot be asked, once a try */
  readonly onLanFailure?: (cause: unknown) => void
}

const maxCandidates = 256

/** A queue between whoever finds addresses and the one who tries them. */
class CandidateQueue {
  private readonly seen = new Set<string>()
  private readonly waiting: SocketAddress[] = []
  private wake: (() => void) | undefined
  private ended = false

  push(address: SocketAddress): void {
    const key = `${address.host} ${address.port}`
    if (this.ended || this.seen.has(key) || this.seen.size >= maxCandidates) return
    this.seen.add(key)
    this.waiting.push(address)
    this.wake?.()
  }

  end(): void {
    this.ended = true
    this.wake?.()
  }

  async *drain(): AsyncGenerator<SocketAddress> {
    for (;;) {
      const next = this.waiting.shift()
      if (next !== undefined) yield next
      else if (this.ended) return
      else await new Promise<void>((resolve) => { this.wake = resolve })
    }
  }
}

export function createBootstrap(options: BootstrapOptions): BootstrapSource {
  const { overlayName, rootFingerprint, cache, lan, nodes } = options
  const ours = (peer: HeardPeer): boolean => peer.overlayName === overlayName && peer.rootFingerprint === rootFingerprint
  return {
    remember(address) { cache.remember(overlayName, address, options.now()) },
    async *candidates(signal) {
      if (signal.aborted) return
      const queue = new CandidateQueue()
      const take = (peer: HeardPeer): void => { if (ours(peer)) for (const address of peer.addresses) queue.push(address) }
      for (const address of cache.list(overlayName).slice(0, bootstrapCacheSize)) queue.push(address)
      for (const peer of lan?.peers() ?? []) take(peer)
      for (const address of nodes()) queue.push(address)
      const unsubscribe = lan?.onPeer(take)
      const ended = (): void => { queue.end() }
      signal.addEventListener('abort', ended, { once: true })
      let stopBrowsing: (() => void) | undefined, finished = false
      if (lan === undefined) queue.end()
      else {
        lan.browse().then((stop) => {
          if (finished) stop()
          else stopBrowsing = stop
        }, (cause: unknown) => {
          options.onLanFailure?.(cause)
          queue.end()
        })
      }
      try {
        yield* queue.drain()
      } finally {
        finished = true
        signal.removeEventListener('abort', ended)
        unsubscribe?.()
        stopBrowsing?.()
      }
    },
  }
}
