/** `ringway status|ring|lookup|trace` */
import type { Context } from '../context.ts'
import { connectRunning, withPeer } from '../profile.ts'

export async function status({ profile, output }: Context): Promise<undefined> {
  const { state } = await withPeer(profile, (client) => client.call('state.get', {}))
  const { account, status: now } = state
  const text = account === null ? 'This profile belongs to no overlay yet.' : [
    `${account.aor} in ${account.overlay.name}${account.overlay.organiser ? ' (organiser)' : ''}`,
    `Node-ID ${account.nodeId}, certified until ${new Date(account.certificate.notAfter).toLocaleDateString()}, key in ${account.keyProtection === 'keyring' ? 'the keyring' : 'a file'}`,
    `${now.phase}${now.step === null ? '' : ` (${now.step})`}, ${now.peers} peers, ${now.registered ? 'registered' : 'not registered'}${now.listen === null ? '' : `, listening on ${now.listen}`}`,
    ...(now.roles.length === 0 ? [] : [`serves as ${now.roles.join(', ')}${now.sip === undefined ? '' : `, phones on ${now.sip}`}`]),
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

export async function trace({ profile, output }: Context, uri: string): Promise<number> {
  const client = await connectRunning(profile)
  try {
    const { resourceId, hops } = await client.call('overlay.trace', { uri })
    const ends = { responsible: 'responsible', silent: 'does not answer', loop: 'the path turns back here', refused: 'does not say' }
    const rows = hops.map((hop, i) => `${String(i).padStart(2)}  ${hop.nodeId}  ${hop.rttMs === null ? '      –' : `${hop.rttMs.toFixed(1).padStart(7)} ms`}  ${hop.userName ?? ''}${hop.end === null ? '' : `  (${ends[hop.end]})`}`)
    output.print([`${resourceId}  ${uri}`, ...rows].join('\n'), { uri, resourceId, hops })
    return hops.at(-1)?.end === 'responsible' ? 0 : 1
  } finally { client.close() }
}
