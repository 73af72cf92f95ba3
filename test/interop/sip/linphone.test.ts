/** linphonec as an ordinary phone at a registrar peer; linphone.ts is what happens. */
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { requireProgram } from './elements.ts'
import { observe, type Seen } from './linphone.ts'
import { canMakeNamespace, observeInNamespace, resultFile } from './namespace.ts'

const codecs = { udp: 'PCMU/8000', tcp: 'opus/48000', tls: 'PCMU/8000' } as const

describe.skipIf(!canMakeNamespace)('linphonec at a registrar peer', () => {
  let seen: Seen
  beforeAll(async () => {
    requireProgram('linphonec')
    if (resultFile === undefined) seen = await observeInNamespace('test/interop/sip/linphone.test.ts', 110_000) as Seen
    else {
      seen = await observe()
      writeFileSync(resultFile, JSON.stringify(seen))
    }
  })

  it('registers with digest, and unregisters when it quits', () => {
    expect(seen.registered.userAgent).toMatch(/^Linphonec\//)
    expect(seen.registered.afterQuit).toBe(0)
  })
  for (const transport of ['udp', 'tcp', 'tls'] as const) {
    for (const direction of ['calls', 'called'] as const) {
      it(`${direction === 'calls' ? 'calls a user of the overlay' : 'is called under its owner’s address'} over ${transport.toUpperCase()} (${codecs[transport]}): both hear each other`, () => {
        const talk = seen.talks[transport][direction]
        expect(talk.codec).toBe(codecs[transport])
        if (direction === 'calls') expect(talk.remote).toBe('alice@office.example')
        expect(Math.abs(talk.byUser - 440), `the user of the overlay hears ${talk.byUser}`).toBeLessThan(5)
        expect(Math.abs(talk.byPhone - 880), `the phone hears ${talk.byPhone}`).toBeLessThan(5)
      })
    }
  }
  it('holds the call and resumes it, and is heard again', () => {
    expect(seen.holds.atUser).toEqual([true, false])
    expect(Math.abs(seen.holds.heardAfter - 440)).toBeLessThan(5)
  })
  it('is held and resumed, and is heard again', () => {
    expect(seen.held.atPhone).toEqual(['PausedByRemote', 'StreamsRunning'])
    expect(Math.abs(seen.held.heardAfter - 440)).toBeLessThan(5)
  })
  it('sends a key, and gets one', () => { expect(seen.keys).toEqual({ toUser: '5', toPhone: '7' }) })
  it('writes to a user of the overlay, under its owner’s name', () => {
    expect(seen.messageFrom).toEqual({ text: 'hello-from-linphone', direction: 'in', from: 'alice@office.example' })
  })
  it('shows a message that a user of the overlay has written', () => {
    expect(seen.messageTo).toMatch(/Message received from .*: .*hello-from-bob/)
  })
  it('watches the presence of a user of the overlay, and sees him talk', () => {
    expect(seen.presence.watches.slice(0, 2)).toEqual(['Online', 'Busy'])
    expect(seen.presence.watches).toContain('On the phone')
  })
  it('lets its owner watch its own', () => { expect(seen.presence.watched).toBe('available') })
})
