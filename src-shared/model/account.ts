import { z } from 'zod'

/** Who this installation is, in which overlay. */
export const accountView = z.object({
  overlay: z.object({
    name: z.string(),
    /** true: anyone may join with a self-signed certificate; false: the organiser invites */
    open: z.boolean(),
    /** this installation holds the overlay's authority key */
    organiser: z.boolean(),
    /** SHA-256 of the root's public key, lower-case hexadecimal; of the own key's in an open overlay */
    rootFingerprint: z.string(),
    /** Node-IDs that may read technical figures of every peer (RFC 7851) */
    diagnosticsReaders: z.array(z.string()).optional(),
  }),
  /** address of record without scheme: user@overlay */
  aor: z.string(),
  userName: z.string(),
  displayName: z.string(),
  /** 32 hexadecimal digits */
  nodeId: z.string(),
  certificate: z.object({
    fingerprint: z.string(),
    /** milliseconds since 1970 */
    notBefore: z.number(),
    notAfter: z.number(),
    selfSigned: z.boolean(),
  }),
  keyProtection: z.enum(['keyring', 'file']),
})
export type AccountView = z.infer<typeof accountView>

/** An overlay seen on the local network, or read from a link or file: a hint until its certificate is checked. */
export const overlayHint = z.object({
  /** stable while it is seen */
  id: z.string(),
  name: z.string(),
  open: z.boolean(),
  /** SHA-256 of the root's public key, as advertised */
  rootFingerprint: z.string(),
  /** peers of it seen on this network */
  peers: z.number(),
  /** where its document and enrolment are offered; empty when nobody on this network offers them */
  configurationUrl: z.string(),
})
export type OverlayHint = z.infer<typeof overlayHint>

/** What an invitation link or an overlay file says, before anything is contacted. */
export const invitationView = z.object({
  overlayName: z.string(),
  open: z.boolean(),
  rootFingerprint: z.string(),
  userName: z.string().optional(),
  /** the organiser's one-time code is still wanted from the user */
  needsCode: z.boolean(),
})
export type InvitationView = z.infer<typeof invitationView>

/** An invitation the organiser has given out. */
export const issuedInvitation = z.object({
  id: z.string(),
  /** without the overlay */
  userName: z.string(),
  /** ringway://join?… with a one-time code; present only in the answer that made it */
  link: z.string().optional(),
  /** the code alone, for somebody who sees the overlay on the LAN */
  code: z.string().optional(),
  expiresAt: z.number(),
  /** for one more device of somebody who is in the overlay already */
  anotherDevice: z.boolean(),
  state: z.enum(['open', 'used', 'expired', 'revoked']),
})
export type IssuedInvitation = z.infer<typeof issuedInvitation>
