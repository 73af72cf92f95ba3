/**
 * What enrolment keeps between runs, implemented by `store/` on SQLite and in memory. All members are synchronous
 * and durable when they return. Private keys are not here but in the key chain, under `keyName`. Byte fields are
 * DER or the document's exact bytes; times are milliseconds since 1970; hashes and ids are lower-case hexadecimal.
 */

/** The one identity of a profile: an Identity without its private key. */
export interface IdentityRecord {
  readonly overlayName: string
  /** user@overlay */
  readonly userName: string
  readonly displayName: string
  readonly certificate: Uint8Array
  readonly chain: readonly Uint8Array[]
  readonly document: Uint8Array
  /** name of the private key in the key chain */
  readonly keyName: string
  /** where the certificate can be renewed; '' when unknown or self-signed */
  readonly enrolmentUrl: string
}

export interface IdentityStore {
  load(): IdentityRecord | undefined
  /** Replaces the one there is, as a whole. */
  save(identity: IdentityRecord): void
  remove(): void
}

/** The overlay that this profile is the authority of. */
export interface AuthorityRecord {
  readonly overlayName: string
  readonly rootCertificate: Uint8Array
  /** name of the root's private key in the key chain */
  readonly keyName: string
  readonly document: Uint8Array
  /** https URL of the document and of enrolment as written into the last document; '' before the first run */
  readonly enrolmentUrl: string
}

/** A device of a user, which the authority has given a certificate; a user may have several. */
export interface EnrolledDevice {
  /** user@overlay */
  readonly userName: string
  /** At least one Node-ID, 32 hexadecimal digits each; the same ones at re-enrolment (RFC 6940 §11.3). The first names the device. */
  readonly nodeIds: readonly string[]
  /** the latest certificate */
  readonly certificate: Uint8Array
  readonly enrolledAt: number
}

export interface InvitationRecord {
  readonly id: string
  /** user@overlay */
  readonly userName: string
  /** SHA-256 of the code's secret half */
  readonly codeHash: string
  readonly createdAt: number
  readonly expiresAt: number
  readonly usedAt: number | undefined
  readonly revokedAt: number | undefined
  /** for one more device of the user, with a Node-ID of its own; else for a newcomer or one who returns */
  readonly anotherDevice: boolean
}

export interface AuthorityStore {
  load(): AuthorityRecord | undefined
  save(authority: AuthorityRecord): void
  /** Those of a user, or all; the one enrolled first comes first. */
  devices(userName?: string): readonly EnrolledDevice[]
  /** Newest first. */
  invitations(): readonly InvitationRecord[]
  invitationByHash(codeHash: string): InvitationRecord | undefined
  addInvitation(invitation: InvitationRecord): void
  /** False when there is none of that id that is still unused and unrevoked. */
  revokeInvitation(id: string, at: number): boolean
  /**
   * Marks the invitation used and writes the device (new, or replacing the one of that first Node-ID), both or neither.
   * `invitationId` undefined: the organiser's own certificate. False, with nothing written, when the invitation is
   * gone, used or revoked meanwhile.
   */
  enrol(invitationId: string | undefined, device: EnrolledDevice): boolean
}
