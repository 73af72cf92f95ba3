/**
 * What a request that left the overlay failed with, as one of the codes that are put into words. Where our own proxy
 * found no way, its reason phrase is the code itself; else the status of the server outside decides (RFC 3261 §21).
 */
import type { CallEnd } from '@shared/model/index.ts'

const ownCodes = ['domain-unknown', 'domain-unreachable', 'domain-unverified', 'call-media-failed', 'call-no-common-codec'] as const

/** @param rang the other side had rung: then silence means nobody was there */
export function endOutside(status: number, reason: string, rang: boolean): CallEnd {
  const own = ownCodes.find((code) => code === reason)
  if (own !== undefined) return own
  if (status >= 300 && status < 400) return 'call-moved'
  switch (status) {
    case 404: case 410: case 416: case 484: case 485: case 604: return 'domain-user-unknown'
    case 480: case 487: return 'call-no-answer'
    case 486: case 600: return 'call-busy'
    case 415: case 488: case 606: return 'call-no-common-codec'
    case 603: case 607: return 'call-declined'
    case 408: return rang ? 'call-no-answer' : 'domain-unreachable'
    default: return status >= 500 && status < 600 ? 'domain-unreachable' : 'domain-refused'
  }
}
