import { z } from 'zod'

/** An ordinary SIP phone that may log in at this peer. Its calls come from, and its bell rings for, the owner's address. */
export const phoneView = z.object({
  /** what it logs in with */
  userName: z.string(),
  displayName: z.string(),
  /** milliseconds since 1970 */
  createdAt: z.number(),
  /** where it is registered now */
  registrations: z.array(z.object({ contact: z.string(), userAgent: z.string(), expiresS: z.number() })),
})
export type PhoneView = z.infer<typeof phoneView>

/** What to type into a new phone. The password is told once: only its digest is kept. */
export const newPhone = z.object({
  phone: phoneView,
  password: z.string(),
  /** the SIP domain or realm */
  domain: z.string(),
  /** the address others see */
  aor: z.string(),
  /** host:port of this peer for phones; null while it serves none */
  server: z.string().nullable(),
})
export type NewPhone = z.infer<typeof newPhone>
