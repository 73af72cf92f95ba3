/** `ringway phones add|list|remove`: the ordinary SIP phones that may log in at this peer. */
import type { Context } from '../context.ts'
import { withPeer } from '../profile.ts'

export async function add({ profile, output }: Context, name: string, options: { displayName?: string; md5?: boolean }): Promise<undefined> {
  const made = await withPeer(profile, (client) => client.call('phones.add', {
    userName: name, md5First: options.md5 === true, ...(options.displayName !== undefined && { displayName: options.displayName }),
  }))
  output.print([
    `User name  ${made.phone.userName}`,
    `Password   ${made.password}   (shown only now)`,
    `Domain     ${made.domain}`,
    `Server     ${made.server ?? 'none yet: start the peer with --serve proxy,registrar --sip HOST:PORT'}`,
    `Its calls come from ${made.aor}, and it rings for ${made.aor}.`,
  ].join('\n'), made)
}

export async function list({ profile, output }: Context): Promise<undefined> {
  const phones = await withPeer(profile, (client) => client.call('phones.list', {}))
  if (phones.length === 0 && !output.json) output.print('No phones. Add one with `ringway phones add NAME`.', {})
  for (const phone of phones) {
    const where = phone.registrations.map(({ contact, userAgent, expiresS }) => `${contact}${userAgent === '' ? '' : ` (${userAgent})`} for ${expiresS} s`)
    output.print(`${phone.userName.padEnd(20)} ${where.length === 0 ? 'not registered' : where.join(', ')}`, phone)
  }
}

export async function remove({ profile, output }: Context, name: string): Promise<undefined> {
  await withPeer(profile, (client) => client.call('phones.remove', { userName: name }))
  output.print(`Removed ${name}.`, { removed: name })
}
