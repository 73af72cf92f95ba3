/** linphonec as an ordinary phone at a registrar peer; linphone.ts is what happens. */
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { requireProgram } from './elements.ts'
import { observe, type Seen, type Talk } from './linphone.ts'
import { canMakeNamespace, observeInNamespace, resultFile } from './namespace.ts'

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
  const bothHear = (talk: Talk): void => {
    expect(Math.abs(talk.byUser - 440), `the user of the overlay hears ${talk.byUser}`).toBeLessThan(5)
    expect(Math.abs(talk.byPhone - 880), `the phone hears ${talk.byPhone}`).toBeLessThan(5)
  }

  it('registers with digest, and unregisters when it quits', () => {
    expect(seen.registered.userAgent).toMatch(/^Linphonec\//)
    expect(seen.registered.afterQuit).toBe(0)
  })
  it('calls a user of the overlay by PCMU over UDP: both hear each other', () => {
    expect(seen.calls).toMatchObject({ codec: 'PCMU/8000', remote: 'alice@office.example' })
    bothHear(seen.calls)
  })
  it('is called under its owner’s address by PCMU over UDP: both hear each other', () => {
    expect(seen.called.codec).toBe('PCMU/8000')
    bothHear(seen.called)
  })
  it('calls a user of the overlay by Opus over TCP: both hear each other', () => {
    expect(seen.callsOpus).toMatchObject({ codec: 'opus/48000', remote: 'alice@office.example' })
    bothHear(seen.callsOpus)
  })
  it('is called by Opus over TCP: both hear each other', () => {
    expect(seen.calledOpus.codec).toBe('opus/48000')
    bothHear(seen.calledOpus)
  })
  it('holds the call and resumes it, and is heard again', () => {
    expect(seen.held.atOverlay).toEqual([true, false])
    expect(Math.abs(seen.held.talksAgain - 440)).toBeLessThan(5)
  })
  it('sends a key', () => { expect(seen.keys).toBe('5') })
  it('writes to a user of the overlay, under its owner’s name', () => {
    expect(seen.messageFrom).toEqual({ text: 'hello-from-linphone', direction: 'in', from: 'alice@office.example' })
  })
  it('shows a message that a user of the overlay has written', () => {
    expect(seen.messageTo).toMatch(/^Message received from .*: .*hello-from-bob/)
  })
})
