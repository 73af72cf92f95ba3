/** `ringway calls list|trace`: past and running calls, and what was said on the wire about one of them. */
import type { Context } from '../context.ts'
import { withPeer } from '../profile.ts'

const shown = 30

export async function list({ profile, output }: Context): Promise<undefined> {
  const { state } = await withPeer(profile, (client) => client.call('state.get', {}))
  const running = Object.values(state.calls).filter((call) => call.state !== 'ended')
    .map(({ id, direction, remote, startedAt, state: now }) => ({ id, direction, aor: remote.aor, startedAt, what: now as string }))
  const past = Object.values(state.history).map(({ id, direction, aor, startedAt, outcome }) => ({ id, direction, aor, startedAt, what: outcome as string }))
  const all = [...running, ...past].sort((a, b) => b.startedAt - a.startedAt).slice(0, shown)
  if (all.length === 0 && !output.json) output.print('No calls yet.', {})
  for (const call of all) {
    output.print(`${call.id}  ${new Date(call.startedAt).toISOString()}  ${call.direction === 'out' ? 'to  ' : 'from'} ${call.aor}  ${call.what}`, call)
  }
}

export async function trace({ profile, output }: Context, id: string, options: { text?: boolean; bodies?: boolean }): Promise<undefined> {
  const found = await withPeer(profile, (client) => client.call('calls.trace', { id, ...(options.bodies === true && { bodies: true }) }))
  const whole = options.text === true || options.bodies === true
  const began = found.messages[0]?.at ?? 0
  const rows = found.messages.map(({ at, direction, transport, remote, summary, text }) => {
    const row = `${new Date(at).toISOString().slice(11, 23)} ${`+${((at - began) / 1000).toFixed(3)}`.padStart(9)}  ${direction === 'out' ? '-->' : '<--'} ${transport.padEnd(4)} ${remote.padEnd(24)} ${summary}`
    // what others wrote must not steer the terminal
    return whole ? `${row}\n${text.replace(/\r\n/g, '\n').replace(/(?!\n)\p{Cc}/gu, ' ').trimEnd().replace(/^/gm, '    ')}\n` : row
  })
  output.print([`Call-ID ${found.callId}`, ...rows, ...(found.omitted > 0 ? [`and ${found.omitted} more that were not kept`] : [])].join('\n'), found)
}
