/** `ports/dns` on node:dns. Names without records are an answer; silence is an error. */
import { lookup, Resolver } from 'node:dns/promises'
import { PeerError } from '../base/errors.ts'
import type { Dns } from '../ports/dns.ts'

const nothing: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'ENONAME'])
const timeoutMs = 2_000
const tries = 2
const maxRecords = 32

/** @param servers addresses, maybe with port; the system's when not given */
export function createNodeDns(servers?: readonly string[]): Dns {
  const ask = async <T>(name: string, signal: AbortSignal, question: (resolver: Resolver) => Promise<readonly T[]>): Promise<readonly T[]> => {
    signal.throwIfAborted()
    const resolver = new Resolver({ timeout: timeoutMs, tries })
    if (servers !== undefined) resolver.setServers(servers)
    const cancel = (): void => { resolver.cancel() }
    signal.addEventListener('abort', cancel)
    try { return (await question(resolver)).slice(0, maxRecords) } catch (cause) {
      signal.throwIfAborted()
      if (nothing.has((cause as NodeJS.ErrnoException).code ?? '')) return []
      throw new PeerError('peer-unreachable', `no answer for ${name}: ${(cause as Error).message}`, { cause })
    } finally { signal.removeEventListener('abort', cancel) }
  }
  return {
    naptr: (name, signal) => ask(name, signal, (resolver) => resolver.resolveNaptr(name)),
    srv: async (name, signal) => (await ask(name, signal, (resolver) => resolver.resolveSrv(name)))
      .map(({ priority, weight, port, name: target }) => ({ priority, weight, port, target })),
    addresses: (name, signal) => ask(name, signal, async (resolver) => {
      if (servers === undefined) return (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address) // knows /etc/hosts
      const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
      const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      const failed = answers.find((answer) => answer.status === 'rejected' && !nothing.has((answer.reason as NodeJS.ErrnoException).code ?? ''))
      if (found.length === 0 && failed?.status === 'rejected') throw failed.reason
      return found
    }),
  }
}
