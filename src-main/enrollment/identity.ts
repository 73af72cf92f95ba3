/** What enrolment ends with and everything else starts from (RFC 6940 §11.3). */
import type { Certificate, PrivateKey } from '../ports/crypto.ts'

export interface Identity {
  /** Overlay instance name, such as office.example. */
  readonly overlayName: string
  /** The rfc822Name of the certificate: user@overlay, which is the address of record without scheme. */
  readonly userName: string
  readonly displayName: string
  /** The Node-ID we act under, 16 bytes: the first of the certificate. */
  readonly nodeId: Uint8Array
  readonly certificate: Certificate
  /** Issuing certificates between `certificate` and the root, nearest first. */
  readonly chain: readonly Certificate[]
  readonly privateKey: PrivateKey
  /** The overlay document's exact bytes (configuration elements with signatures). */
  readonly document: Uint8Array
}
