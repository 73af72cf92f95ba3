import { describe, expect, it } from 'vitest'
import { KeyReceiver, KeySender } from '../../../../src-main/media/telephoneEvent.ts'

describe('telephone events (RFC 4733)', () => {
  const all = (sender: KeySender, frames: number) => Array.from({ length: frames }, (_, i) => sender.next(1000 + i * 160)).map((each) => each)

  it('keep the timestamp of their start, grow in duration, and send the end three times (§2.5.1)', () => {
    const sender = new KeySender(160)
    sender.push('5')
    const sent = all(sender, 9)
    expect(sent[8]).toBeUndefined()
    const events = sent.slice(0, 8)
    expect(events.every((each) => each?.timestamp === 1000)).toBe(true)
    expect(events.map((each) => each?.first)).toEqual([true, false, false, false, false, false, false, false])
    const durations = events.map((each) => { const p = each?.payloads[0] ?? new Uint8Array(4); return ((p[2] ?? 0) << 8) | (p[3] ?? 0) })
    expect(durations).toEqual([160, 320, 480, 640, 800, 960, 1120, 1280])
    expect(events.map((each) => each?.payloads.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 3])
    expect(events.map((each) => (each?.payloads[0]?.[1] ?? 0) >> 7)).toEqual([0, 0, 0, 0, 0, 0, 0, 1])
  })

  it('come one after the other with sound between them; what is no key is left out', () => {
    const sender = new KeySender(160), receiver = new KeyReceiver()
    sender.push('1x#d')
    const heard: string[] = []
    const frames = all(sender, 60)
    for (const event of frames) for (const payload of event?.payloads ?? []) {
      const key = receiver.receive(payload, event?.timestamp ?? 0)
      if (key !== undefined) heard.push(key)
    }
    expect(heard).toEqual(['1', '#', 'D'])
    expect(frames.slice(8, 12).every((each) => each === undefined)).toBe(true)
  })

  it('that are too short or name no key say nothing', () => {
    const receiver = new KeyReceiver()
    expect(receiver.receive(Uint8Array.of(1, 2), 1)).toBeUndefined()
    expect(receiver.receive(Uint8Array.of(200, 0, 0, 1), 2)).toBeUndefined()
  })
})
