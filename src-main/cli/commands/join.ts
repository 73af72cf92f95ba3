/** `ringway join LINK|FILE|URL` */
import { existsSync, readFileSync } from 'node:fs'
import { text as readAll } from 'node:stream/consumers'
import type { Context } from '../context.ts'
import { withPeer } from '../profile.ts'

export async function join(
  { profile, output }: Context, link: string, options: { user?: string; displayName?: string; password?: string; rsa?: boolean },
): Promise<undefined> {
  const text = existsSync(link) ? readFileSync(link, 'utf8') : link
  const code = options.password === '-' ? (await readAll(process.stdin)).trim() : options.password
  const account = await withPeer(profile, (client) => client.call('overlay.join', {
    text,
    ...(options.user !== undefined && { userName: options.user }),
    ...(options.displayName !== undefined && { displayName: options.displayName }),
    ...(code !== undefined && { code }),
    ...(options.rsa === true && { keyType: 'rsa' as const }),
  }))
  const read = (account.overlay.diagnosticsReaders ?? []).length === 0 ? '' : '\nIn this overlay the organiser may read technical figures of every peer: its load, uptime, software, and how much it stores and sends.'
  output.print(`You are ${account.aor}, certified until ${new Date(account.certificate.notAfter).toLocaleDateString()}. Next: ringway run${read}`, account)
}
