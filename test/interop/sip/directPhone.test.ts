/** baresip with ICE and DTLS-SRTP straight to our phone and its headless engine; directPhone.ts is what happens. */
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { observe } from './directPhone.ts'
import { requireProgram } from './elements.ts'
import { canMakeNamespace, observeInNamespace, resultFile } from './namespace.ts'

interface Seen {
  readonly called: unknown
  readonly heard: { readonly byUs: number; readonly byThem: number }
  readonly held: boolean
  readonly keys: unknown
  readonly message: string
  readonly transferee: unknown
  readonly transfereeHears: number
  readonly transferor: string
}

describe.skipIf(!canMakeNamespace)('baresip with ICE and DTLS-SRTP', () => {
  let seen: Seen
  beforeAll(async () => {
    requireProgram('baresip')
    if (resultFile === undefined) seen = await observeInNamespace('test/interop/sip/directPhone.test.ts', 110_000) as Seen
    else {
      seen = await observe() as unknown as Seen
      writeFileSync(resultFile, JSON.stringify(seen))
    }
  })

  it('talks with the headless engine by Opus, both tones heard', () => {
    expect(seen.called).toEqual({ security: 'dtls-srtp', codec: 'opus/48000' })
    expect(Math.abs(seen.heard.byUs - 440)).toBeLessThan(5)
    expect(Math.abs(seen.heard.byThem - 880)).toBeLessThan(5)
  })
  it('holds, is held, resumes and is resumed', () => { expect(seen.held).toBe(true) })
  it('sends keys and gets them as telephone events', () => { expect(seen.keys).toEqual({ toUs: '7', fromUs: ['5', '#'] }) })
  it('gets messages', () => { expect(seen.message).toBe('delivered') })
  it('transfers us to another phone, which we then hear', () => {
    expect(seen.transferee).toEqual({ continues: true, left: 1 })
    expect(Math.abs(seen.transfereeHears - 660)).toBeLessThan(5)
  })
  it('lets itself be transferred, and reports it', () => { expect(seen.transferor).toBe('transferred') })
})
