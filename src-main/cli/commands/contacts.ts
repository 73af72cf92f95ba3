/** `ringway contacts list|add|remove` */
import type { Context } from '../context.ts'
import { withPeer } from '../profile.ts'

export async function list({ profile, output }: Context): Promise<undefined> {
  const { state } = await withPeer(profile, (client) => client.call('state.get', {}))
  for (const contact of Object.values(state.contacts)) {
    output.print(`${contact.aor.padEnd(32)} ${contact.presence.state.padEnd(10)} ${contact.displayName}`, contact)
  }
}

export async function add({ profile, output }: Context, uri: string, options: { name?: string }): Promise<undefined> {
  const contact = await withPeer(profile, (client) => client.call('contacts.add', { uri, ...(options.name !== undefined && { displayName: options.name }) }))
  output.print(`Added ${contact.aor}.`, contact)
}

export async function remove({ profile, output }: Context, uri: string): Promise<undefined> {
  await withPeer(profile, (client) => client.call('contacts.remove', { aor: uri }))
  output.print(`Removed ${uri}.`, { removed: uri })
}
