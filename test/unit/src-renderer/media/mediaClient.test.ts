import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Method } from '@shared/ipc/contract.ts'
import { MediaClient, type MediaDoor, type SoundState } from '../../../../src-renderer/media/mediaClient.ts'
import { FakeEnvironment, flush, opusAnswer } from './fakes.ts'

describe('media requests of the peer', () => {
  let fake: FakeEnvironment, client: MediaClient, asked: { method: Method; params: unknown }[], sound: Record<string, SoundState | undefined>
  beforeEach(() => {
    vi.useFakeTimers()
    fake = new FakeEnvironment()
    asked = []
    sound = {}
    const door: MediaDoor = { call: (method, params) => { asked.push({ method, params }); return Promise.resolve(null as never) } }
    client = new MediaClient(() => door, fake.environment, { onSound: (call, state) => { sound[call] = state }, onError: (cause) => { throw cause } })
  })
  afterEach(() => { vi.useRealTimers() })

  const connect = async (): Promise<void> => {
    const done = client.handle({ request: 'r1', call: 'c1', kind: 'offer' })
    await flush()
    fake.pc.gather()
    await done
    await client.handle({ request: 'r2', call: 'c1', kind: 'accept', sdp: opusAnswer })
    fake.pc.become('connected')
  }

  it('answers each request with its own number', async () => {
    await connect()
    expect(asked).toEqual([
      { method: 'media.result', params: { request: 'r1', sdp: 'offer with candidates' } },
      { method: 'media.result', params: { request: 'r2' } },
      { method: 'media.state', params: { id: 'c1', state: 'connected', codec: 'opus/48000' } },
    ])
  })

  it('answers a failure with its code', async () => {
    fake.microphone = () => Promise.reject(Object.assign(new Error(), { name: 'NotAllowedError' }))
    await client.handle({ request: 'r1', call: 'c1', kind: 'answer', sdp: 'their offer' })
    expect(asked).toEqual([{ method: 'media.result', params: { request: 'r1', error: 'microphone-denied' } }])
  })

  it('refuses requests for calls it has no sound of', async () => {
    await client.handle({ request: 'r9', call: 'nobody', kind: 'mute' })
    expect(asked).toEqual([{ method: 'media.result', params: { request: 'r9', error: 'call-media-failed' } }])
  })

  it('reports a failed connection', async () => {
    await connect()
    fake.pc.become('failed')
    expect(asked.at(-1)).toEqual({ method: 'media.state', params: { id: 'c1', state: 'failed' } })
  })

  it('mutes and unmutes', async () => {
    await connect()
    await client.handle({ request: 'r3', call: 'c1', kind: 'mute' })
    expect(fake.streams[0]?.track.enabled).toBe(false)
    await client.handle({ request: 'r4', call: 'c1', kind: 'unmute' })
    expect(fake.streams[0]?.track.enabled).toBe(true)
  })

  it('notices that no sound has arrived for five seconds, and that it is back', async () => {
    await connect()
    fake.pc.packets = 10
    await vi.advanceTimersByTimeAsync(2_000)
    expect(sound['c1']?.silent).toBe(false)
    await vi.advanceTimersByTimeAsync(6_000)
    expect(sound['c1']?.silent).toBe(true)
    fake.pc.packets = 20
    await vi.advanceTimersByTimeAsync(1_000)
    expect(sound['c1']?.silent).toBe(false)
  })

  it('frees everything on close, and leaves no timer', async () => {
    await connect()
    await client.handle({ request: 'r5', call: 'c1', kind: 'close' })
    expect(fake.pc.closed).toBe(true)
    expect(client.active).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
    expect(sound['c1']).toBeUndefined()
  })

  it('frees all calls when the peer is gone', async () => {
    await connect()
    client.closeAll()
    expect(fake.pc.closed).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })
})
