/** `ringway status|ring|lookup|trace|ping` */
import type { DiagnosticsView } from '@shared/ipc/contract.ts'
import type { Context } from '../context.ts'
import { connectRunning, withPeer } from '../profile.ts'

export async function status({ profile, output }: Context, options: { counters?: boolean }): Promise<undefined> {
  const { state } = await withPeer(profile, (client) => client.call('state.get', {}))
  const { account, status: now } = state
  const text = account === null ? 'This profile belongs to no overlay yet.' : [
    `${account.aor} in ${account.overlay.name}${account.overlay.organiser ? ' (organiser)' : ''}`,
    `Node-ID ${account.nodeId}, certified until ${new Date(account.certificate.notAfter).toLocaleDateString()}, key in ${account.keyProtection === 'keyring' ? 'the keyring' : 'a file'}`,
    `${now.phase}${now.step === null ? '' : ` (${now.step})`}, ${now.peers} peers, ${now.registered ? 'registered' : 'not registered'}${now.listen === null ? '' : `, listening on ${now.listen}`}`,
    ...(now.roles.length === 0 ? [] : [`serves as ${now.roles.join(', ')}${now.sip === undefined ? '' : `, phones on ${now.sip}`}${now.sipWebSocket === undefined ? '' : `, those in browsers at ws://${now.sipWebSocket}`}`]),
    ...readers(account.overlay.diagnosticsReaders ?? [], account.nodeId),
    ...(options.counters === true ? Object.entries(now.counters).map(([name, count]) => `${String(count).padStart(12)}  ${name}`) : []),
  ].join('\n')
  output.print(text, { account, status: now, warnings: state.warnings })
}

export async function ring({ profile, output }: Context): Promise<undefined> {
  const client = await connectRunning(profile)
  try {
    const view = await client.call('overlay.ring', {})
    const rows = view.neighbours.map((n) => `${n.nodeId}  ${n.relation.join('+').padEnd(24)} ${n.rttMs === null ? '–' : `${n.rttMs.toFixed(1)} ms`}  ${n.userName}  ${n.address}`)
    output.print([`${view.nodeId}  this peer`, ...rows].join('\n'), view)
  } finally { client.close() }
}

export async function lookup({ profile, output }: Context, uri: string): Promise<undefined> {
  const client = await connectRunning(profile)
  try {
    const registrations = await client.call('overlay.lookup', { uri })
    const text = registrations.length === 0 ? `${uri} is not registered.` : registrations.map((r) => `${r.target}  by ${r.nodeId}  for ${r.lifetimeS} s`).join('\n')
    output.print(text, { uri, registrations })
  } finally { client.close() }
}

const ends = { responsible: 'responsible', silent: 'does not answer', loop: 'the path turns back here', refused: 'does not say', broken: 'nothing gets here' }

export async function trace({ profile, output }: Context, uri: string): Promise<number> {
  const client = await connectRunning(profile)
  try {
    const { resourceId, hops } = await client.call('overlay.trace', { uri })
    const rows = hops.flatMap((hop, i) => [
      `${String(i).padStart(2)}  ${hop.nodeId}  ${milliseconds(hop.rttMs).padStart(10)}  ${hop.userName ?? ''}${remarks(hop.end, hop.error)}`,
      ...figures(hop.diagnostics, hop.clockOffsetMs),
    ])
    output.print([`${resourceId}  ${uri}`, ...rows].join('\n'), { uri, resourceId, hops })
    return hops.at(-1)?.end === 'responsible' ? 0 : 1
  } finally { client.close() }
}

export async function ping({ profile, output }: Context, uri: string): Promise<undefined> {
  const client = await connectRunning(profile)
  try {
    const answer = await client.call('overlay.ping', { uri })
    const row = `${answer.nodeId}  ${milliseconds(answer.rttMs)}  ${answer.hops} ${answer.hops === 1 ? 'hop' : 'hops'}  ${answer.userName}`
    output.print([row, ...figures(answer.diagnostics, answer.clockOffsetMs)].join('\n'), { uri, ...answer })
  } finally { client.close() }
}

function remarks(end: keyof typeof ends | null, error: string | null): string {
  const all = [...(end === null ? [] : [ends[end]]), ...(error === null ? [] : [error])]
  return all.length === 0 ? '' : `  (${all.join(', ')})`
}

function milliseconds(ms: number | null): string { return ms === null ? '–' : `${ms.toFixed(1)} ms` }

/** Clocks that differ by less differ by the network's delays. */
const clockSlackMs = 2_000

/** A line for each thing that a peer told of itself. */
function figures(diagnostics: DiagnosticsView, clockOffsetMs: number | null): string[] {
  const inner = (value: number | { sent: number; received: number }): string => typeof value === 'number' ? String(value) : `${value.sent}/${value.received}`
  const rows = Object.entries(diagnostics).map(([name, value]): [string, string] => [
    name, typeof value === 'object' ? Object.entries(value).map(([key, of]) => `${key} ${inner(of)}`).join(', ') : String(value),
  ])
  if (clockOffsetMs !== null && Math.abs(clockOffsetMs) > clockSlackMs) rows.push(['its clock', `${(clockOffsetMs / 1000).toFixed(0)} s ${clockOffsetMs > 0 ? 'ahead' : 'behind'}`])
  return rows.map(([name, value]) => `      ${name.padEnd(20)} ${value}`)
}

function readers(nodes: readonly string[], own: string): string[] {
  if (nodes.length === 0) return []
  return [nodes.includes(own) ? 'this peer may read technical figures of every peer (RFC 7851)' : `technical figures of this peer may be read by ${nodes.join(', ')} (RFC 7851)`]
}
