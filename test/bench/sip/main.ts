/** The SIP benchmark: `npm run bench -- sip [messages|memory|proxy|servers|sustained|resident]... [--quick] [--json]`. */
import type { Figure } from '../measure.ts'
import { inMemoryFigures } from './inMemory.ts'
import { memoryFigures } from './memory.ts'
import { messageFigures } from './messages.ts'
import { residentFigures, serverFigures, sustainedFigures } from './servers.ts'

export interface SipOptions { readonly quick: boolean }

export const sipSections: Readonly<Record<string, (options: SipOptions) => Promise<readonly Figure[]>>> = {
  messages: ({ quick }) => messageFigures(quick ? 3 : 9, quick ? 100 : 300),
  memory: ({ quick }) => Promise.resolve(memoryFigures(quick ? 2 : 5)),
  proxy: ({ quick }) => inMemoryFigures(quick ? 3 : 9, quick ? 500 : 2000),
  servers: ({ quick }) => serverFigures(quick ? 2 : 5, quick ? 1 : 3),
  sustained: ({ quick }) => sustainedFigures(quick ? 3 : 20),
  resident: ({ quick }) => residentFigures(quick ? 3 : 20, 9),
}
