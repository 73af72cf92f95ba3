/** Damaged messages: whatever comes in, only DecodeError comes out, and a user agent stays up. */
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { parseSdp } from '../../../../../src-main/sdp/sdp.ts'
import { parseDatagram } from '../../../../../src-main/sip/message/parser.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { ANSWER, leftovers, OFFER, sipPair } from '../../../../support/sipPeers.ts'

const data = resolve(import.meta.dirname, '../../../../data/sip')
const corpus = ['rfc4475', 'rfc5118'].flatMap((dir) => readdirSync(resolve(data, dir)).map((f) => new Uint8Array(readFileSync(resolve(data, dir, f)))))
const SPICE = [...'\r\n:;,"<>@= \t\\/%?*[]{}\0'].map((c) => c.charCodeAt(0))

function damage(chance: SeededRandom, bytes: Uint8Array): Uint8Array {
  const out = [...bytes]
  const pick = (n: number) => Math.floor(chance.float() * n)
  for (let k = 1 + pick(6); k > 0; k--) {
    const at = pick(out.length)
    switch (pick(5)) {
      case 0: out[at] = pick(256); break
      case 1: out[at] = SPICE[pick(SPICE.length)] ?? 0; break
      case 2: out.splice(at, 1 + pick(8)); break
      case 3: out.splice(at, 0, ...out.slice(at, at + pick(40))); break
      default: out.splice(at, 0, ...Array.from({ length: 1 + pick(3) }, () => SPICE[pick(SPICE.length)] ?? 0))
    }
  }
  return new Uint8Array(out)
}

const FIELDS = ['via', 'vias', 'from', 'to', 'callId', 'cseq', 'maxForwards', 'contacts', 'routes', 'recordRoutes', 'expires', 'contentType', 'event', 'subscriptionState', 'startLine'] as const

describe('damaged messages', () => {
  it('throw DecodeError or nothing, field by field', () => {
    const chance = new SeededRandom(4475)
    let readable = 0, refused = 0
    for (let i = 0; i < 6000; i++) {
      const bytes = damage(chance, corpus[i % corpus.length] as Uint8Array)
      const attempt = (read: () => unknown): void => {
        try { read(); readable++ } catch (error) { if (!(error instanceof DecodeError)) throw error; refused++ }
      }
      attempt(() => {
        const message = parseDatagram(bytes)
        for (const field of FIELDS) attempt(() => message[field])
        if (message.kind === 'request') attempt(() => message.uri)
        attempt(() => parseSdp(message.text))
        message.encode()
      })
    }
    expect(readable).toBeGreaterThan(1000)
    expect(refused).toBeGreaterThan(1000)
  })

  for (const reliable of [true, false]) {
    it(`do not bring a user agent down, in a call over ${reliable ? 'a pipe' : 'UDP'}, and leave nothing behind`, async () => {
      const chance = new SeededRandom(3261)
      const pair = sipPair({ reliable })
      pair.bob.take = (call) => { call.accept(ANSWER) }
      pair.alice.ua.invite(pair.leg, { to: 'bob@office.example', offer: OFFER }, pair.alice.clientUser())
      pair.clock.advance(20)
      const real = [...pair.a.sent, ...pair.b.sent].map((text) => new TextEncoder().encode(text))
      pair.bob.take = (call) => { call.reject(486) }
      for (let i = 0; i < 1500; i++) {
        const seed = i % 2 === 0 ? real[i % real.length] : corpus[i % corpus.length]
        // a damaged stream is closed; what follows is lost in silence
        ;(chance.float() < 0.5 ? pair.a : pair.b).send(damage(chance, seed as Uint8Array))
        pair.clock.advance(2)
      }
      for (const subscription of pair.bob.subscriptions) subscription.reject(403)
      for (const message of pair.bob.messages) message.respond(200)
      expect(pair.bob.element.transport.counters.malformed + pair.alice.element.transport.counters.malformed).toBeGreaterThan(0)
      expect(await leftovers(pair)).toBe(0)
    })
  }
})
