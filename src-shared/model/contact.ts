import { z } from 'zod'
import { presenceView } from './presence.ts'

export const contactView = z.object({
  /** address of record without scheme, the key */
  aor: z.string(),
  displayName: z.string(),
  favourite: z.boolean(),
  presence: presenceView,
})
export type ContactView = z.infer<typeof contactView>
