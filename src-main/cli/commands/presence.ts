/** `ringway presence set|watch` */
import type { ContactView } from '@shared/model/index.ts'
import { ownPresence } from '@shared/model/index.ts'
import { PeerError } from '../../base/errors.ts'
import type { Context } from '../context.ts'
import { connectRunning } from '../profile.ts'

export async function set({ profile, output }: Context, state: string, note: string | undefined): Promise<undefined> {
  const checked = ownPresence.shape.state.safeParse(state)
  if (!checked.success) throw new PeerError('invalid-argument', 'states are available, busy, away and offline')
  const client = await connectRunning(profile)
  try {
    await client.call('presence.set', { state: checked.data, note: note ?? '' })
    output.print(`You are ${checked.data}${note === undefined ? '' : `: ${note}`}.`, { state: checked.data, note: note ?? '' })
  } finally { client.close() }
}

/** Adds the address to the contacts when it is not there, and prints each change of its presence. */
export async function watch({ profile, output }: Context, uri: string, options: { count?: number }): Promise<undefined> {
  const client = await connectRunning(profile)
  try {
    await new Promise<void>((done, fail) => {
      let aor: string | undefined
      let shown = 0
      let last = ''
      const show = (contact: ContactView): void => {
        const key = `${contact.presence.state} ${contact.presence.note}`
        if (contact.aor !== aor || key === last) return
        last = key
        output.print(`${contact.aor} is ${contact.presence.state}${contact.presence.note === '' ? '' : `: ${contact.presence.note}`}`, { aor: contact.aor, ...contact.presence })
        if (options.count !== undefined && ++shown >= options.count) done()
      }
      client.on('state', ({ changes }) => {
        for (const { topic, id, value } of changes) if (topic === 'contacts' && id !== undefined && value !== null) show(value as ContactView)
      })
      client.onClose = () => { fail(new PeerError('peer-unreachable', 'the peer stopped')) }
      process.once('SIGINT', done)
      client.call('contacts.add', { uri }).then((contact) => { aor = contact.aor; show(contact) }, (cause: Error) => {
        if ((cause as { code?: string }).code !== 'contact-exists') { fail(cause); return }
        client.call('state.get', {}).then(({ state }) => {
          const wanted = uri.replace(/^sips?:/i, '').toLowerCase()
          const contact = Object.values(state.contacts).find((c) => c.aor.toLowerCase() === wanted)
          if (contact === undefined) { fail(cause); return }
          aor = contact.aor
          show(contact)
        }, fail)
      })
    })
  } finally {
    client.onClose = undefined
    client.close()
  }
}
