/** One entry of the Connection Table (RFC 6940 §6.5.1): a node and the link to it. */
import type { Certificate } from '../../ports/crypto.ts'
import type { Link } from '../link/link.ts'

export interface Connection {
  readonly nodeId: Uint8Array
  readonly userName: string
  readonly certificate: Certificate
  readonly link: Link
}
