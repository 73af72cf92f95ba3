/**
 * How many messages came and went, by message code: our own, those for us and those that we forward (RFC 7851 §5.3,
 * MESSAGES_SENT_RCVD). Later fragments of a message carry no code and are not counted again.
 */
import { messageName } from '../wire/constants.ts'
import { FIXED_HEADER_LENGTH } from '../wire/forwardingHeader.ts'

/** Codes beyond the last known request and answer share the place of the error code, 0xffff, or of the unknown. */
const CODES = 64
const ERROR = CODES - 1
const UNKNOWN = CODES - 2

export interface MessageCount { readonly messageCode: number; readonly sent: number; readonly received: number }

export class MessageCounts {
  private readonly in = new Float64Array(CODES)
  private readonly out = new Float64Array(CODES)

  received(message: Uint8Array): void { this.count(this.in, message) }
  sent(message: Uint8Array): void { this.count(this.out, message) }

  /** Those of known codes, in their order. */
  all(): readonly MessageCount[] {
    const counts: MessageCount[] = []
    for (let place = 0; place < CODES; place++) {
      const sent = this.out[place] as number, received = this.in[place] as number
      if (sent + received > 0 && place !== UNKNOWN) counts.push({ messageCode: place === ERROR ? 0xffff : place, sent, received })
    }
    return counts
  }

  /** By name: `sent.storeReq`, `received.storeReq` …; codes without a name count as unknown. */
  byName(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const [area, of] of [['sent', this.out], ['received', this.in]] as const) {
      for (let place = 0; place < CODES; place++) {
        const count = of[place] as number
        const name = `${area}.${messageName(place === ERROR ? 0xffff : place) ?? 'unknown'}`
        if (count > 0) counts[name] = (counts[name] ?? 0) + count
      }
    }
    return counts
  }

  /** The header's fixed part is read by hand: this happens to every message twice. */
  private count(counts: Float64Array, bytes: Uint8Array): void {
    if (bytes.length < FIXED_HEADER_LENGTH || bytes[13] !== 0 || bytes[14] !== 0 || bytes[15] !== 0) return
    const at = FIXED_HEADER_LENGTH + u16(bytes, 32) + u16(bytes, 34) + u16(bytes, 36)
    if (at + 2 > bytes.length) return
    const code = u16(bytes, at)
    const place = code === 0xffff ? ERROR : code < UNKNOWN ? code : UNKNOWN
    counts[place] = (counts[place] as number) + 1
  }
}

function u16(bytes: Uint8Array, at: number): number { return ((bytes[at] as number) << 8) | (bytes[at + 1] as number) }
