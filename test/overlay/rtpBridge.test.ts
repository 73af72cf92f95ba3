/** The bridge between a phone with plain RTP or SDES and the headless engine's DTLS-SRTP, on real sockets; sound measured on both sides. */
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProtectionProfileAes128CmHmacSha1_80, RtpHeader, SrtpSession } from 'werift'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeG711, encodeG711 } from '../../src-main/media/g711.ts'
import { createHeadlessMedia } from '../../src-main/media/headlessMedia.ts'
import { createRtpBridges } from '../../src-main/media/rtpBridge/rtpBridge.ts'
import { dominantFrequency, toneSamples, writeTone } from '../../src-main/media/tone.ts'
import { readWav } from '../../src-main/media/wav.ts'
import { createNodeClock } from '../../src-main/node/clock.ts'
import { createNodeNetwork } from '../../src-main/node/network.ts'
import { createNodeRandom } from '../../src-main/node/random.ts'
import type { MediaSession } from '../../src-main/phone/mediaPort.ts'
import type { SdpBridge } from '../../src-main/sip/bridge/sdpBridge.ts'
import { quietLog } from '../support/sipPeers.ts'

const clock = createNodeClock()
const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms) })
const sdesKey = Buffer.alloc(30, 7)

/** A phone that speaks PCMU at 440 Hz and writes down what it hears. */
class Phone {
  readonly heard: number[] = []
  readonly events: number[] = []
  readonly rtcp: Buffer[] = []
  private readonly socket: Socket = createSocket('udp4')
  private readonly tone = toneSamples({ hz: 440, seconds: 1 })
  private timer: NodeJS.Timeout | undefined
  private srtp: SrtpSession | undefined
  private seq = 100
  port = 0

  async open(): Promise<void> {
    await new Promise<void>((done) => { this.socket.bind(0, '127.0.0.1', done) })
    this.port = this.socket.address().port
    this.socket.on('message', (raw) => {
      if ((raw[1] ?? 0) >= 192) { this.rtcp.push(raw); return }
      const packet = this.srtp === undefined ? raw : this.srtp.decrypt(raw)
      const header = RtpHeader.deSerialize(packet)
      const payload = packet.subarray(header.payloadOffset)
      if (header.payloadType === 101) this.events.push(payload[0] ?? -1)
      else if (header.payloadType === 0) this.heard.push(...decodeG711('PCMU', payload))
    })
  }

  /** Described port 1: only symmetric RTP finds the way back. */
  offer(options: { sdes?: boolean; direction?: string; version?: number } = {}): string {
    const lines = ['v=0', `o=phone 5 ${options.version ?? 1} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0',
      `m=audio 10 ${options.sdes === true ? 'RTP/SAVP' : 'RTP/AVP'} 0 101`, 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:101 telephone-event/8000', 'a=rtcp-mux',
      ...(options.sdes === true ? [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${sdesKey.toString('base64')}`] : []), `a=${options.direction ?? 'sendrecv'}`, 'm=video 4000 RTP/AVP 96', '']
    return lines.join('\r\n')
  }

  talkTo(answer: string): void {
    const port = Number(/^m=audio (\d+)/m.exec(answer)?.[1])
    const key = /inline:(\S+)/.exec(answer)?.[1]
    if (key !== undefined) {
      const theirs = Buffer.from(key, 'base64')
      const part = (b: Buffer): [Buffer, Buffer] => [b.subarray(0, 16), b.subarray(16, 30)]
      const [localMasterKey, localMasterSalt] = part(sdesKey), [remoteMasterKey, remoteMasterSalt] = part(theirs)
      this.srtp = new SrtpSession({ profile: ProtectionProfileAes128CmHmacSha1_80, keys: { localMasterKey, localMasterSalt, remoteMasterKey, remoteMasterSalt } })
    }
    let frame = 0
    this.timer = setInterval(() => {
      const start = (frame * 960) % 48_000
      const header = new RtpHeader({ payloadType: 0, sequenceNumber: this.seq++ & 0xffff, timestamp: frame * 160, ssrc: 77, marker: frame === 0 })
      const payload = Buffer.from(encodeG711('PCMU', this.tone.subarray(start, start + 960)))
      frame++
      this.socket.send(this.srtp === undefined ? Buffer.concat([header.serialize(12), payload]) : this.srtp.encrypt(payload, header), port, '127.0.0.1')
    }, 20)
  }

  hears(): number { return dominantFrequency({ sampleRate: 48_000, samples: Float32Array.from(this.heard.slice(-48_000), (x) => x / 32_768) }).hz }
  close(): void { clearInterval(this.timer); this.socket.close() }
}

let dir: string
let phone: Phone
let bridge: SdpBridge
let app: MediaSession | undefined
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'bridge-'))
  phone = new Phone()
  await phone.open()
  bridge = await createRtpBridges({ clock, random: createNodeRandom(), log: quietLog, network: createNodeNetwork() })({ local: '127.0.0.1', phone: { host: '127.0.0.1', port: 5060 }, onIdle: () => {} })
})
afterEach(() => {
  phone.close()
  bridge.close()
  app?.close()
  rmSync(dir, { recursive: true, force: true })
})

function openApp(): { session: MediaSession; connected: Promise<string>; keys: string[] } {
  const keys: string[] = []
  let session: MediaSession | undefined
  const connected = new Promise<string>((resolve, reject) => {
    session = createHeadlessMedia({ clock, log: quietLog, play: writeTone(join(dir, 'play.wav'), { hz: 880, seconds: 1 }), record: join(dir, 'heard.wav') })
      .open({ id: 'c', direction: 'in' }, { onConnected: resolve, onFailed: (code) => { reject(new Error(code)) }, onKey: (key) => { keys.push(key) } })
  })
  if (session === undefined) throw new Error('not opened')
  app = session
  return { session, connected, keys }
}

describe('the RTP bridge', () => {
  it.each([false, true])('carries sound both ways for a phone that calls (SDES: %s), to where it really sends from', async (sdes) => {
    const { session, connected } = openApp()
    const offer = bridge.offer(phone.offer({ sdes }), 'phone')
    expect(offer).toMatch(/^m=audio \d+ UDP\/TLS\/RTP\/SAVPF 0 101\r$/m)
    expect(offer).not.toMatch(/video|crypto/)
    const answer = bridge.answer(await session.answer(offer, AbortSignal.timeout(5000)))
    expect(answer).toMatch(new RegExp(`^m=audio \\d+ ${sdes ? 'RTP/SAVP' : 'RTP/AVP'} 0 101\r$`, 'm'))
    expect(answer).toMatch(/^m=video 0 RTP\/AVP 96\r$/m)
    expect(/^a=crypto:1 AES_CM_128_HMAC_SHA1_80/m.test(answer)).toBe(sdes)
    expect(answer).not.toMatch(/ice-ufrag|fingerprint/)
    expect(await connected).toBe('PCMU/8000')
    phone.talkTo(answer)
    await sleep(2_500)
    session.sendKeys('5')
    await sleep(500)
    expect(Math.abs(phone.hears() - 880)).toBeLessThan(3)
    expect(new Set(phone.events)).toEqual(new Set([5]))
    expect(phone.rtcp.length).toBeGreaterThan(0)
    session.close()
    expect(Math.abs(dominantFrequency(readWav(join(dir, 'heard.wav'))).hz - 440)).toBeLessThan(3)
  })

  it('carries sound for a phone that is called, with the numbers of the codecs translated', async () => {
    const { session, connected } = openApp()
    const offer = bridge.offer(await session.offer(AbortSignal.timeout(5000)), 'overlay')
    expect(offer).toMatch(/^m=audio \d+ RTP\/AVP 111 0 8 110 126\r$/m)
    await session.accept(bridge.answer(phone.offer()))
    expect(await connected).toBe('PCMU/8000')
    phone.talkTo(offer)
    await sleep(2_500)
    session.sendKeys('#')
    await sleep(500)
    expect(Math.abs(phone.hears() - 880)).toBeLessThan(3)
    expect(new Set(phone.events)).toEqual(new Set([11]))
  })

  it('passes hold on, counts o= up only with changes, and lets a refused offer be forgotten', async () => {
    const { session } = openApp()
    const first = bridge.offer(phone.offer(), 'phone')
    expect(first).toMatch(/^a=x-far-leg:none\r$/m)
    bridge.answer(await session.answer(first, AbortSignal.timeout(5000)))
    const again = bridge.offer(phone.offer({ version: 1 }), 'phone')
    expect(again).toBe(first)
    const held = bridge.offer(phone.offer({ direction: 'sendonly', version: 2 }), 'phone')
    expect(held).toMatch(/^a=sendonly\r$/m)
    const version = (text: string): number => Number(/^o=\S+ \S+ (\d+)/m.exec(text)?.[1])
    expect(version(held)).toBe(version(first) + 1)
    bridge.refused()
    expect(() => bridge.answer(phone.offer())).toThrow('answer without offer')
  })

  it('finds no codec in common', () => {
    expect(() => bridge.offer(phone.offer().replace('RTP/AVP 0 101', 'RTP/AVP 18 101'), 'phone')).toThrow('no codec')
  })
})
