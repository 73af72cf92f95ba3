import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CallMedia } from '../../../../src-renderer/media/callMedia.ts'
import { FakeEnvironment, FakeStream, flush, opusAnswer, rejectedAnswer } from './fakes.ts'

describe('the sound of a call', () => {
  let fake: FakeEnvironment, media: CallMedia, events: string[]
  beforeEach(() => {
    vi.useFakeTimers()
    fake = new FakeEnvironment()
    events = []
    media = new CallMedia(fake.environment, {
      onConnected: (codec) => { events.push(`connected ${codec}`) },
      onFailed: () => { events.push('failed') },
      onInterrupted: (on) => { events.push(on ? 'interrupted' : 'back') },
    })
  })
  afterEach(() => { vi.useRealTimers() })

  it('opens no microphone before an offer or an answer is wanted', () => {
    expect(fake.streams).toHaveLength(0)
  })

  it('offers complete SDP, after gathering, with Opus preferred', async () => {
    const offer = media.offer()
    await flush()
    fake.pc.gather()
    await expect(offer).resolves.toBe('offer with candidates')
    expect(fake.pc.preferred).toEqual(['audio/opus', 'audio/PCMU'])
  })

  it('sends what is gathered after five seconds', async () => {
    const offer = media.offer()
    await flush()
    await vi.advanceTimersByTimeAsync(5_000)
    await expect(offer).resolves.toBe('offer without candidates')
  })

  it('answers, and reports the codec of its answer once connected', async () => {
    const answer = media.answer('their offer')
    await flush()
    fake.pc.gather()
    await expect(answer).resolves.toBe(opusAnswer)
    fake.pc.become('connected')
    fake.pc.become('connected')
    expect(events.filter((e) => e.startsWith('connected'))).toEqual(['connected opus/48000'])
  })

  it('reports the codec of the answer it accepted', async () => {
    await media.accept('v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 9\r\n')
    fake.pc.become('connected')
    expect(events).toContain('connected G722/8000')
  })

  it.each([
    ['NotAllowedError', 'microphone-denied'], ['SecurityError', 'microphone-denied'],
    ['NotFoundError', 'microphone-missing'], ['NotReadableError', 'microphone-missing'],
  ])('fails with %s as %s', async (name, code) => {
    fake.microphone = () => Promise.reject(Object.assign(new Error(name), { name }))
    await expect(media.offer()).rejects.toMatchObject({ code })
  })

  it('fails when the stream is rejected, or the SDP cannot be read', async () => {
    await expect(media.accept(rejectedAnswer)).rejects.toMatchObject({ code: 'call-no-common-codec' })
    await expect(media.answer('broken')).rejects.toMatchObject({ code: 'call-media-failed' })
    const other = new FakeEnvironment()
    const second = new CallMedia(other.environment, { onConnected: () => undefined, onFailed: () => undefined, onInterrupted: () => undefined })
    other.pc.answerSdp = rejectedAnswer
    const answer = second.answer('their offer')
    const expected = expect(answer).rejects.toMatchObject({ code: 'call-no-common-codec' })
    await flush()
    other.pc.gather()
    await expected
  })

  it('frees a microphone that opens after the call is over', async () => {
    let give: (stream: FakeStream) => void = () => undefined
    fake.microphone = () => new Promise((resolve) => { give = resolve })
    const offer = media.offer()
    const expected = expect(offer).rejects.toMatchObject({ code: 'call-media-failed' })
    media.close()
    const stream = new FakeStream()
    give(stream)
    await expected
    expect(stream.track.stopped).toBe(true)
  })

  it('mutes the track, before the microphone is open and after it was changed too', async () => {
    media.setMuted(true)
    const offer = media.offer()
    await flush()
    fake.pc.gather()
    await offer
    expect(fake.streams[0]?.track.enabled).toBe(false)
    await media.switchMicrophone()
    expect(fake.streams[0]?.track.stopped).toBe(true)
    expect(fake.pc.sender.track).toBe(fake.streams[1]?.track)
    expect(fake.streams[1]?.track.enabled).toBe(false)
    media.setMuted(false)
    expect(fake.streams[1]?.track.enabled).toBe(true)
  })

  it('tells of an interruption and of failure', () => {
    fake.pc.become('connected')
    fake.pc.become('disconnected')
    fake.pc.become('failed')
    fake.pc.become('failed')
    expect(events.slice(-2)).toEqual(['interrupted', 'failed'])
  })

  it('frees microphone, connection and loudspeaker on close, once', async () => {
    const offer = media.offer()
    await flush()
    fake.pc.gather()
    await offer
    fake.pc.ontrack?.({ streams: [{}], track: {} })
    expect(fake.playing).toBe(1)
    media.close()
    media.close()
    expect(fake.playing).toBe(0)
    expect(fake.pc.closed).toBe(true)
    expect(fake.streams[0]?.track.stopped).toBe(true)
  })
})
