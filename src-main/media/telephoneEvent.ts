/**
 * Keys as RTP events (RFC 4733 §2.3, §2.5): one packet for each frame while a key lasts, all with the timestamp of its
 * start, the last one three times with the E bit; and the reading of such packets.
 */
const keys = '0123456789*#ABCD'
const volume = 10
const eventFrames = 8
const pauseFrames = 4

export interface EventPackets {
  readonly payloads: readonly Uint8Array[]
  /** of the start of the event */
  readonly timestamp: number
  /** the marker bit */
  readonly first: boolean
}

export class KeySender {
  private readonly waiting: number[] = []
  private current: { readonly event: number; readonly timestamp: number; frames: number } | undefined
  private pause = 0

  /** @param step timestamp units of a frame, by the clock of the events */
  constructor(private readonly step: number) {}

  /** @param text 0-9, *, #, A-D; others are left out */
  push(text: string): void {
    for (const key of text.toUpperCase()) if (keys.includes(key)) this.waiting.push(keys.indexOf(key))
  }

  /** What this frame carries instead of sound, if anything. @param timestamp of the frame */
  next(timestamp: number): EventPackets | undefined {
    if (this.current === undefined) {
      if (this.pause > 0) { this.pause--; return undefined }
      const event = this.waiting.shift()
      if (event === undefined) return undefined
      this.current = { event, timestamp, frames: 0 }
    }
    const { current } = this
    const first = current.frames === 0
    current.frames++
    const end = current.frames === eventFrames
    const payload = formatEvent(current.event, end, current.frames * this.step)
    if (end) { this.current = undefined; this.pause = pauseFrames }
    return { payloads: end ? [payload, payload, payload] : [payload], timestamp: current.timestamp, first }
  }
}

export class KeyReceiver {
  private last: number | undefined

  /** @returns the key that a new event stands for; undefined for what belongs to one already told, or is no key */
  receive(payload: Uint8Array, timestamp: number): string | undefined {
    if (payload.length < 4 || timestamp === this.last) return undefined
    this.last = timestamp
    return keys[payload[0] ?? 255]
  }
}

function formatEvent(event: number, end: boolean, duration: number): Uint8Array {
  return Uint8Array.of(event, (end ? 0x80 : 0) | volume, (duration >> 8) & 0xff, duration & 0xff)
}
