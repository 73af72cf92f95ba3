/** The SIP benchmark: `npm run bench -- sip [messages]... [--quick] [--json]`. */
import type { Figure } from '../measure.ts'
import { messageFigures } from './messages.ts'

export interface SipOptions { readonly quick: boolean }

export const sipSections: Readonly<Record<string, (options: SipOptions) => Promise<readonly Figure[]>>> = {
  messages: ({ quick }) => messageFigures(quick ? 3 : 9, quick ? 100 : 300),
}
