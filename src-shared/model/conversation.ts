import { z } from 'zod'

export const messageView = z.object({
  id: z.string(),
  /** the other side's address of record */
  aor: z.string(),
  direction: z.enum(['out', 'in']),
  text: z.string(),
  /** milliseconds since 1970: sent or received here */
  at: z.number(),
  /** queued: waits for the other side to be reachable; delivered: a device of theirs has it */
  state: z.enum(['queued', 'sending', 'delivered', 'failed', 'received']),
  /** for 'failed' (final) and 'queued' (why it waits): an error code */
  error: z.string().nullable(),
})
export type MessageView = z.infer<typeof messageView>

export const conversationView = z.object({
  aor: z.string(),
  displayName: z.string(),
  unread: z.number(),
  last: messageView.nullable(),
})
export type ConversationView = z.infer<typeof conversationView>
