import { expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { Renewal } from '../../../../src-main/peer/renewal.ts'
import { silentLog } from '../../../support/overlayKit.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const dayMs = 86_400_000

function setUp(answers: (Error | undefined | 'new')[]): { clock: VirtualClock; renewal: Renewal<string>; log: string[]; state: { quiet: boolean; certificate: { notBefore: number; notAfter: number } | undefined }; day: () => number } {
  const clock = new VirtualClock()
  const begin = clock.now()
  const log: string[] = []
  const state: { quiet: boolean; certificate: { notBefore: number; notAfter: number } | undefined } = { quiet: true, certificate: { notBefore: begin, notAfter: begin + 360 * dayMs } }
  const day = (): number => Math.floor((clock.now() - begin) / dayMs)
  const renewal = new Renewal<string>(clock, silentLog, {
    current: () => state.certificate,
    renew: () => {
      const answer = answers.shift()
      log.push(`asked on day ${day()}`)
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
    },
    isQuiet: () => state.quiet,
    use: (renewed) => {
      log.push(`${renewed} used on day ${day()}`)
      state.certificate = { notBefore: clock.now(), notAfter: clock.now() + 360 * dayMs }
      return Promise.resolve()
    },
  })
  return { clock, renewal, log, state, day }
}

it('asks when a sixth of the certificate’s life is left, and is done', async () => {
  const { clock, renewal, log } = setUp(['new'])
  renewal.start()
  await clock.advanceAsync(290 * dayMs)
  expect(log).toEqual([])
  await clock.advanceAsync(60 * dayMs)
  expect(log).toEqual(['asked on day 300', 'new used on day 300'])
  renewal.stop()
  expect(clock.pending).toBe(0)
})

it('asks again as long as nobody answers', async () => {
  const { clock, renewal, log } = setUp([new PeerError('enrolment-unreachable'), undefined, 'new'])
  renewal.start()
  await clock.advanceAsync(302 * dayMs)
  expect(log).toEqual(['asked on day 300', 'asked on day 300', 'asked on day 300', 'new used on day 300'])
  renewal.stop()
})

it('waits with the change until nobody is talking', async () => {
  const { clock, renewal, log, state } = setUp(['new'])
  state.quiet = false
  renewal.start()
  await clock.advanceAsync(303 * dayMs)
  expect(log).toEqual(['asked on day 300'])
  state.quiet = true
  await clock.advanceAsync(dayMs)
  expect(log.at(-1)).toBe('new used on day 303')
  renewal.stop()
  expect(clock.pending).toBe(0)
})

it('leaves alone who has no certificate that others renew', async () => {
  const { clock, renewal, log, state } = setUp([])
  state.certificate = undefined
  renewal.start()
  await clock.advanceAsync(400 * dayMs)
  expect(log).toEqual([])
  renewal.stop()
  expect(clock.pending).toBe(0)
})
