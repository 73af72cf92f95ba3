import { z } from 'zod'

/** How a call ended, for the words shown: an error code for failures. */
export const callEnd = z.enum([
  'hung-up', 'remote-hung-up', 'transferred', 'cancelled', 'missed', 'rejected', 'answered-elsewhere',
  'user-unknown', 'user-offline', 'call-declined', 'call-busy', 'call-no-answer', 'call-media-failed',
  'call-no-common-codec', 'call-moved', 'not-secure', 'outside-off', 'domain-unknown', 'domain-unreachable', 'domain-unverified', 'domain-refused', 'domain-user-unknown', 'peer-unverified', 'microphone-missing', 'microphone-denied', 'not-joined', 'network-timeout', 'call-failed',
])
export type CallEnd = z.infer<typeof callEnd>

export const callView = z.object({
  id: z.string(),
  direction: z.enum(['out', 'in']),
  remote: z.object({
    aor: z.string(),
    displayName: z.string(),
    /** the pipe's certificate proves this address */
    verified: z.boolean(),
  }),
  /** finding: look-up runs; calling: INVITE sent; ringing: 180; incoming: rings here; connecting: answered, sound is being set up */
  state: z.enum(['finding', 'calling', 'ringing', 'incoming', 'connecting', 'active', 'ended']),
  muted: z.boolean(),
  /** we have put the other side on hold */
  heldByMe: z.boolean(),
  /** the other side has put us on hold */
  heldByThem: z.boolean(),
  /** keys that the other side has pressed, the latest 32 */
  digits: z.string(),
  /** a transfer of this call that was asked for, by whom, to where, and how far it has come */
  transfer: z.object({
    by: z.enum(['me', 'them']),
    target: z.string(),
    state: z.enum(['asking', 'calling', 'ringing', 'done', 'failed']),
    /** SIP status of the end */
    status: z.number().nullable(),
  }).nullable(),
  /** the call whose place this one takes, after a transfer */
  continues: z.string().nullable(),
  /** while it rings: they are in another call */
  callWaiting: z.boolean().optional(),
  /** address that the one called has forwarded this call to; absent when it was not */
  forwardedTo: z.string().optional(),
  /** where the one called sends his calls, where only the user himself may follow: another domain, or a way that is not secure */
  movedTo: z.string().optional(),
  /** what was dialled, where it is more than sip: and the address: sips:, or a transport */
  uri: z.string().optional(),
  /** address of who transferred, as the other side says */
  referredBy: z.string().nullable(),
  /** who makes the sound of this call */
  engine: z.enum(['client', 'headless', 'none']),
  /** what protects the sound between us and the next end of it */
  security: z.enum(['dtls-srtp', 'sdes', 'none', 'unknown']),
  /** what protects it from there to an ordinary phone, where a bridge stands between; absent without one */
  farLeg: z.enum(['sdes', 'none']).optional(),
  codec: z.string(),
  startedAt: z.number(),
  answeredAt: z.number().nullable(),
  endedAt: z.number().nullable(),
  end: callEnd.nullable(),
})
export type CallView = z.infer<typeof callView>

export const historyEntry = z.object({
  id: z.string(),
  aor: z.string(),
  displayName: z.string(),
  direction: z.enum(['out', 'in']),
  startedAt: z.number(),
  /** seconds of conversation; 0 when not answered */
  durationS: z.number(),
  outcome: z.enum(['answered', 'missed', 'declined', 'cancelled', 'failed', 'answered-elsewhere']),
  end: callEnd,
  seen: z.boolean(),
  /** what to dial to repeat it, where that is more than sip: and the address */
  uri: z.string().optional(),
})
export type HistoryEntry = z.infer<typeof historyEntry>
