/**
 * A ticket: leave to call one person for a moment without logging in, sealed into the user part of a SIP URI. A peer
 * gives it to a redirect peer, which gives it to a phone (concepts draft §3.4.4); no door is left open behind it.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Seal } from './seal.ts'

const PURPOSE = 'ticket'
const LIFETIME_MS = 60_000

export function writeTicket(seal: Seal, clock: Clock, aor: string): string {
  return seal.close(PURPOSE, `${Math.floor(clock.monotonic() + LIFETIME_MS).toString(36)} ${aor}`)
}

/** @returns the address of record it leads to; undefined when it is none of ours or has expired */
export function readTicket(seal: Seal, clock: Clock, text: string): string | undefined {
  const opened = seal.open(PURPOSE, text)
  if (opened === undefined) return undefined
  const space = opened.indexOf(' ')
  return Number.parseInt(opened.slice(0, space), 36) >= clock.monotonic() ? opened.slice(space + 1) : undefined
}
