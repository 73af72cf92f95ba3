/** `ringway overlay create|show|invite|revoke|diagnostics` */
import { userInfo } from 'node:os'
import type { Context } from '../context.ts'
import { withPeer } from '../profile.ts'

export async function create(
  { profile, output }: Context, name: string, options: { user?: string; displayName?: string; open?: boolean; domain: string[]; diagnostics?: boolean; rsa?: boolean; topology: 'reload' | 'self-tuning' },
): Promise<undefined> {
  const userName = options.user ?? userInfo().username
  const account = await withPeer(profile, (client) => client.call('overlay.create', {
    name, userName, open: options.open ?? false, domains: options.domain, diagnostics: options.diagnostics ?? false,
    ...(options.displayName !== undefined && { displayName: options.displayName }),
    ...(options.rsa === true && { keyType: 'rsa' as const }),
    ...(options.topology !== 'reload' && { topology: options.topology }),
  }))
  output.print(`The overlay ${account.overlay.name} is made. You are ${account.aor}.\nNext: ringway run, and ringway overlay invite NAME for each person.`, account)
}

export async function show({ profile, output }: Context): Promise<undefined> {
  const { xml } = await withPeer(profile, (client) => client.call('overlay.document', {}))
  output.print(xml, { xml })
}

export async function invite({ profile, output }: Context, user: string, options: { expires?: number; device?: boolean }): Promise<undefined> {
  const invitation = await withPeer(profile, (client) => client.call('overlay.invite', {
    userName: user, ...(options.expires !== undefined && { expiresHours: options.expires }), ...(options.device === true && { anotherDevice: true }),
  }))
  output.print(
    `${invitation.link ?? ''}\n\nFor ${invitation.anotherDevice ? `another device of ${invitation.userName}` : invitation.userName}, once, until ${new Date(invitation.expiresAt).toLocaleString()}. Code: ${invitation.code ?? ''}\nYour peer must be running when it is used.`,
    invitation,
  )
}

export async function revoke({ profile, output }: Context, user: string, options: { device?: string }): Promise<undefined> {
  const excluded = await withPeer(profile, (client) => client.call('overlay.revoke', { userName: user, ...(options.device !== undefined && { nodeId: options.device.toLowerCase() }) }))
  const devices = excluded.nodeIds.length === 0 ? 'The invitation is taken back.' : 'Every peer that is connected knows within seconds; others learn it when they come back.'
  output.print(`${options.device === undefined ? excluded.userName : `A device of ${excluded.userName}`} is excluded from the overlay. ${devices}`, excluded)
}

export async function diagnostics({ profile, output }: Context, state: 'on' | 'off'): Promise<undefined> {
  await withPeer(profile, (client) => client.call('overlay.diagnostics', { on: state === 'on' }))
  output.print(state === 'on' ? 'Your peer may read technical figures of every peer. The peers that are connected know within seconds.' : 'Nobody may read technical figures of other peers.', { diagnostics: state })
}
