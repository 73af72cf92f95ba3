import { z } from 'zod'

/** What a user chooses to show. 'in-call' is added by the phone while a call is up. */
export const ownPresence = z.object({ state: z.enum(['available', 'busy', 'away', 'offline']), note: z.string().max(200) })
export type OwnPresence = z.infer<typeof ownPresence>

export const presenceView = z.object({
  /** unknown: not asked yet */
  state: z.enum(['available', 'busy', 'away', 'in-call', 'offline', 'unknown']),
  note: z.string(),
  /** milliseconds since 1970 of the last change seen */
  since: z.number(),
})
export type PresenceView = z.infer<typeof presenceView>
