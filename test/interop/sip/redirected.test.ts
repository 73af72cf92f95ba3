/** baresip and linphonec at a redirect peer; redirected.ts is what happens. */
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { requireProgram } from './elements.ts'
import { canMakeNamespace, observeInNamespace, resultFile } from './namespace.ts'
import { observe, type Seen } from './redirected.ts'

describe.skipIf(!canMakeNamespace)('a phone at a redirect peer (§3.4.4)', () => {
  let seen: Seen
  beforeAll(async () => {
    requireProgram('baresip')
    requireProgram('linphonec')
    if (resultFile === undefined) seen = await observeInNamespace('test/interop/sip/redirected.test.ts', 60_000) as Seen
    else {
      seen = await observe()
      writeFileSync(resultFile, JSON.stringify(seen))
    }
  })
  for (const make of ['baresip', 'linphonec'] as const) {
    it(`${make} goes where the 302 sends it, and both hear each other`, () => {
      const { sentTo, bobsPeer, byBob, byPhone } = seen[make]
      expect(sentTo).toBe(bobsPeer)
      expect(Math.abs(byBob - 440), `bob hears ${byBob}`).toBeLessThan(5)
      expect(Math.abs(byPhone - 880), `the phone hears ${byPhone}`).toBeLessThan(5)
    })
  }
})
