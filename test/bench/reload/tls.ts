/**
 * What a link costs: our secure streams beside node:tls alone with the same certificates, each in a process of its own
 * that holds both ends. The rest is Node's and OpenSSL's: it is the floor of a peer's memory and of joining.
 */
import { figure, median, type Figure } from '../measure.ts'
import { Remote } from '../remote.ts'

interface Opened { readonly kibAnEnd: number; readonly heapKibAnEnd: number; readonly cpuMs: number }

const kinds = [['our secure streams, P-256', 'ours', 'ec'], ['node:tls alone, P-256', 'bare', 'ec'], ['our secure streams, RSA-2048', 'ours', 'rsa'], ['node:tls alone, RSA-2048', 'bare', 'rsa']] as const

export async function tlsFigures(rounds: number, connections: number): Promise<readonly Figure[]> {
  const section = `TLS links, both ends in one process, ${connections} at once`
  const samples = new Map<string, Opened[]>(kinds.map(([name]) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, how, keyType] of kinds) {
      const remote = new Remote(new URL('tlsProcess.ts', import.meta.url))
      samples.get(name)?.push(await remote.call<Opened>('open', { how, keyType, connections }))
      remote.close()
    }
  }
  return [...samples].flatMap(([name, runs]) => [
    figure(section, `${name}: memory of an end`, runs.map(({ kibAnEnd }) => kibAnEnd), 'KiB', { heap_of_it: median(runs.map(({ heapKibAnEnd }) => heapKibAnEnd)) }),
    figure(section, `${name}: handshake, processor time of both ends`, runs.map(({ cpuMs }) => cpuMs), 'ms'),
  ])
}
