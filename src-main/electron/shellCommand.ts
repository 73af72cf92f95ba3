/** What the shell or the incoming window asks the main window to do. The shape the renderer's bridge declares. */
import { z } from 'zod'
import { isLink } from './launch.ts'

const text = z.string().min(1).max(4096)

export const shellCommand = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('answer'), call: text }).strict(),
  z.object({ kind: z.literal('message'), aor: text }).strict(),
  z.object({ kind: z.literal('dial'), uri: text }).strict(),
  z.object({ kind: z.literal('join'), link: text }).strict(),
  z.object({ kind: z.literal('open'), path: text }).strict(),
])
export type ShellCommand = z.infer<typeof shellCommand>

/** ringway:…: an invitation to join by; sip:…: an address for the dial field. Nothing is called or joined unasked. */
export function commandOfLink(link: string): ShellCommand | undefined {
  if (!isLink(link)) return undefined
  return /^ringway:/i.test(link) ? { kind: 'join', link } : { kind: 'dial', uri: link }
}
