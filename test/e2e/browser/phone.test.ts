/** An ordinary phone and WebRTC in the system's Chromium, with nothing of ours between their sounds; phone.ts is what happens. */
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { requireProgram } from '../../interop/sip/elements.ts'
import { canMakeNamespace, observeInNamespace, resultFile } from '../../interop/sip/namespace.ts'
import { observe, type Seen, type Talk } from './phone.ts'

describe.skipIf(!canMakeNamespace)('baresip and Chromium, by ICE and DTLS-SRTP', () => {
  let seen: Seen
  beforeAll(async () => {
    requireProgram('baresip')
    if (resultFile === undefined) seen = await observeInNamespace('test/e2e/browser/phone.test.ts', 110_000, 'e2e') as Seen
    else {
      seen = await observe()
      writeFileSync(resultFile, JSON.stringify(seen))
    }
  })
  const bothHear = ({ codec, security, atBrowser, atPhone }: Talk): void => {
    expect([codec, security]).toEqual(['opus/48000', 'dtls-srtp'])
    expect(Math.abs(atBrowser - 440), `the browser hears ${atBrowser}`).toBeLessThan(8)
    expect(Math.abs(atPhone - 660), `the phone hears ${atPhone}`).toBeLessThan(8)
  }
  it('the phone calls the browser: both hear each other', () => { bothHear(seen.calls) })
  it('the browser calls the phone: both hear each other', () => { bothHear(seen.called) })
})
