/** The ports that enrolment works through; the peer's ports have them all. */
import type { Clock } from '../ports/clock.ts'
import type { Crypto } from '../ports/crypto.ts'
import type { Dns } from '../ports/dns.ts'
import type { HttpClient } from '../ports/http.ts'
import type { Keychain } from '../ports/keychain.ts'
import type { Random } from '../ports/random.ts'

export interface EnrolmentPorts {
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto
  readonly keychain: Keychain
  readonly http: HttpClient
  /** Absent: servers are found by their addresses only. */
  readonly dns?: Dns
}

export const dayMs = 86_400_000
/** Clocks differ: what is issued is valid from this long ago. */
export const backdateMs = dayMs
/** Life of a user's certificate (RFC 6940 §13.3). */
export const certificateLifeMs = 365 * dayMs
/** Life of the root, and of the organiser's certificate, whose signature every newcomer must be able to verify. */
export const rootLifeMs = 3650 * dayMs

export const documentPath = '/.well-known/reload-config'
export const enrolmentPath = '/enroll'
export const documentType = 'application/p2p-overlay+xml'
/** Says on a 403 which of our error codes the RFC's token stands for. */
export const errorHeader = 'x-ringway-error'
