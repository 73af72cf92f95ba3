/**
 * Peers this one was directly connected to after joining, tried first at the next start (RFC 6940 §11.4 suggests
 * ten; others must not be cached). Implemented by `store/` on SQLite and here in memory.
 */
import type { SocketAddress } from '../ports/secureStream.ts'

export const bootstrapCacheSize = 10

export interface BootstrapCache {
  /** Most recently seen first, at most `bootstrapCacheSize`. */
  list(overlayName: string): readonly SocketAddress[]
  /** Adds or refreshes one; `at` is milliseconds since 1970. Forgets the oldest beyond `bootstrapCacheSize`. */
  remember(overlayName: string, address: SocketAddress, at: number): void
  forget(overlayName: string, address: SocketAddress): void
}

export function createMemoryBootstrapCache(): BootstrapCache {
  const overlays = new Map<string, Map<string, { address: SocketAddress; at: number }>>()
  const keyOf = ({ host, port }: SocketAddress): string => `${host} ${port}`
  const newest = (overlayName: string): { address: SocketAddress; at: number }[] =>
    [...(overlays.get(overlayName)?.values() ?? [])].sort((a, b) => b.at - a.at)
  return {
    list: (overlayName) => newest(overlayName).slice(0, bootstrapCacheSize).map(({ address }) => address),
    remember(overlayName, address, at) {
      const entries = overlays.get(overlayName) ?? new Map<string, { address: SocketAddress; at: number }>()
      overlays.set(overlayName, entries)
      entries.set(keyOf(address), { address, at })
      for (const old of newest(overlayName).slice(bootstrapCacheSize)) entries.delete(keyOf(old.address))
    },
    forget(overlayName, address) { overlays.get(overlayName)?.delete(keyOf(address)) },
  }
}
