/** baresip and linphonec in transfers through a peer, in every role; transfers.ts is what happens. */
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { requireProgram } from './elements.ts'
import { canMakeNamespace, observeInNamespace, resultFile } from './namespace.ts'
import { type Make, observe, type Outcome, type Scenario, type Seen, tones } from './transfers.ts'

const titles: Record<Scenario, string> = {
  transfers: 'transfers a user of the overlay to another', isTransferred: 'is transferred to another user', isTransferredTo: 'gets a user who was transferred to it',
  transfersWithConsultation: 'joins its two calls', isTransferredWithConsultation: 'is joined with the other call of a user', isTransferredToWithConsultation: 'is the consulted side of a transfer',
}

describe.skipIf(!canMakeNamespace)('transfers through the proxy of a peer', () => {
  let seen: Seen
  beforeAll(async () => {
    requireProgram('baresip')
    requireProgram('linphonec')
    if (resultFile === undefined) seen = await observeInNamespace('test/interop/sip/transfers.test.ts', 115_000) as Seen
    else {
      seen = await observe()
      writeFileSync(resultFile, JSON.stringify(seen))
    }
  })
  /** At each end the other's tone. */
  const bothHear = (outcome: Outcome): void => {
    expect(outcome.failed).toBeUndefined()
    const ends = (['atPhone', 'atBob', 'atCarol'] as const).filter((end) => outcome[end] !== undefined)
    expect(ends).toHaveLength(2)
    const [first, second] = ends as [keyof typeof tones, keyof typeof tones]
    expect(Math.abs((outcome[first] ?? 0) - tones[second]), `${first}: ${outcome[first]} Hz`).toBeLessThan(5)
    expect(Math.abs((outcome[second] ?? 0) - tones[first]), `${second}: ${outcome[second]} Hz`).toBeLessThan(5)
  }
  /** What baresip 1.0.0 has not: a command for it, and a decoder for the header fields of Refer-To (RFC 3261 §19.1.5). */
  const lacking: Partial<Record<Make, readonly Scenario[]>> = { baresip: ['transfersWithConsultation', 'isTransferredWithConsultation'] }

  for (const make of ['baresip', 'linphonec'] as const) {
    for (const scenario of Object.keys(titles) as Scenario[]) {
      if (lacking[make]?.includes(scenario) !== true) it(`${make} ${titles[scenario]}: both hear each other`, () => { bothHear(seen[make][scenario]) })
    }
  }
  it('baresip cannot be joined: it writes Replaces into the Request-URI, and the call goes on as before', () => {
    expect(seen.baresip.isTransferredWithConsultation.failed).toContain('INVITE sip:carol@office.example?Replaces=')
    expect(seen.baresip.isTransferredWithConsultation.failed).toContain('"state":"failed","status":400')
  })
})
