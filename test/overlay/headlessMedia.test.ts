import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createHeadlessMedia, type HeadlessOptions } from '../../src-main/media/headlessMedia.ts'
import { dominantFrequency } from '../../src-main/media/tone.ts'
import { readWav } from '../../src-main/media/wav.ts'
import { createNodeClock } from '../../src-main/node/clock.ts'
import type { MediaSession } from '../../src-main/phone/mediaPort.ts'
import type { Log } from '../../src-main/ports/log.ts'
import { levelOf, toneShare, writeToneWav } from '../support/tone.ts'

const clock = createNodeClock()
const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => log }
const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms) })
let dir: string
const open: MediaSession[] = []

beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'ringway-media-')) })
afterEach(() => {
  for (const session of open.splice(0)) session.close()
  rmSync(dir, { recursive: true, force: true })
})

type Files = Pick<HeadlessOptions, 'play' | 'record' | 'echo'>

/** Two engines in a call with each other; resolves when both have sound. `mangle` changes the offer on its way. */
async function connect(a: Files, b: Files, mangle = (sdp: string): string => sdp): Promise<{ a: MediaSession; b: MediaSession; codecs: string[] }> {
  const codecs: string[] = []
  const connected: Promise<void>[] = []
  const make = (files: Files, direction: 'out' | 'in'): MediaSession => {
    let session: MediaSession | undefined
    connected.push(new Promise((resolve, reject) => {
      session = createHeadlessMedia({ clock, log, ...files }).open({ id: direction, direction }, {
        onConnected: (codec) => { codecs.push(codec); resolve() },
        onFailed: (code) => { reject(new Error(code)) },
      })
    }))
    if (session === undefined) throw new Error('not opened')
    open.push(session)
    return session
  }
  const sides = { a: make(a, 'out'), b: make(b, 'in') }
  const { signal } = new AbortController()
  await sides.a.accept(await sides.b.answer(mangle(await sides.a.offer(signal)), signal))
  await Promise.all(connected)
  return { ...sides, codecs }
}

it('lets each side hear the tone of the other by Opus over DTLS-SRTP', async () => {
  writeToneWav(join(dir, 'a.wav'), 440, 1)
  writeToneWav(join(dir, 'b.wav'), 700, 1, 16_000)
  const call = await connect({ play: join(dir, 'a.wav'), record: join(dir, 'a-heard.wav') }, { play: join(dir, 'b.wav'), record: join(dir, 'b-heard.wav') })
  await sleep(1_500)
  call.a.close()
  call.b.close()
  expect(call.codecs).toEqual(['opus/48000', 'opus/48000'])
  for (const [file, hz] of [['a-heard.wav', 700], ['b-heard.wav', 440]] as const) {
    const heard = readWav(join(dir, file))
    const dominant = dominantFrequency(heard)
    expect(heard.samples.length).toBeGreaterThan(48_000)
    expect(Math.abs(dominant.hz - hz)).toBeLessThan(2)
    expect(dominant.share).toBeGreaterThan(0.9)
    expect(toneShare(heard.samples.subarray(24_000), 48_000, hz)).toBeGreaterThan(0.5)
  }
})

it('asks no server for an address of its own', async () => {
  const lookup = vi.spyOn(dns, 'lookup').mockRejectedValue(new Error('nobody is asked'))
  syncBuiltinESMExports()
  try {
    const call = await connect({ echo: true }, { echo: true })
    call.a.close()
    call.b.close()
    expect(lookup).not.toHaveBeenCalled()
  } finally {
    lookup.mockRestore()
    syncBuiltinESMExports()
  }
})

it('sends back what it hears when it is asked to echo', async () => {
  writeToneWav(join(dir, 'a.wav'), 520, 1)
  const call = await connect({ play: join(dir, 'a.wav'), record: join(dir, 'heard.wav') }, { echo: true })
  await sleep(1_500)
  call.a.close()
  expect(Math.abs(dominantFrequency(readWav(join(dir, 'heard.wav'))).hz - 520)).toBeLessThan(2)
})

it('is silent while muted and heard again afterwards', async () => {
  writeToneWav(join(dir, 'a.wav'), 440, 1)
  const call = await connect({ play: join(dir, 'a.wav') }, { record: join(dir, 'heard.wav') })
  call.a.setMuted(true)
  await sleep(1_200)
  call.a.setMuted(false)
  await sleep(1_000)
  call.b.close()
  const { samples } = readWav(join(dir, 'heard.wav'))
  // the first half second may hold what was said before the mute
  expect(levelOf(samples.subarray(24_000, 48_000))).toBeLessThan(0.005)
  expect(levelOf(samples.subarray(-19_200))).toBeGreaterThan(0.2)
})

it('falls back to G.711 with a side that has no Opus', async () => {
  writeToneWav(join(dir, 'a.wav'), 440, 1)
  const withoutOpus = (sdp: string): string => sdp.replace(/^(m=audio \d+ \S+) 111 0 8/m, '$1 0 8').replace(/^a=(rtpmap|fmtp|rtcp-fb):111 .*\r\n/gm, '')
  const call = await connect({ play: join(dir, 'a.wav') }, { record: join(dir, 'heard.wav') }, withoutOpus)
  await sleep(1_200)
  call.b.close()
  expect(call.codecs).toContain('PCMU/8000')
  expect(Math.abs(dominantFrequency(readWav(join(dir, 'heard.wav'))).hz - 440)).toBeLessThan(2)
})

it('says that there is no codec in common', async () => {
  const session = createHeadlessMedia({ clock, log }).open({ id: 'x', direction: 'in' }, { onConnected: () => {}, onFailed: () => {} })
  open.push(session)
  const offer = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 9\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:9 G722/8000\r\n'
  await expect(session.answer(offer, new AbortController().signal)).rejects.toMatchObject({ code: 'call-no-common-codec' })
})

it('says which file cannot be played before anything else happens', () => {
  expect(() => createHeadlessMedia({ clock, log, play: join(dir, 'none.wav') })).toThrow(expect.objectContaining({ code: 'media-file-unreadable' }))
  expect(() => createHeadlessMedia({ clock, log, record: join(dir, 'no', 'such', 'folder.wav') })).toThrow(expect.objectContaining({ code: 'media-file-unreadable' }))
})
