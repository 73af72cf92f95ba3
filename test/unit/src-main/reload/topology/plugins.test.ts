import { expect, test } from 'vitest'
import { newConfiguration, topologyChoice, type OverlayConfiguration } from '../../../../../src-main/reload/config/configuration.ts'
import { configuredPolicy } from '../../../../../src-main/reload/topology/plugins.ts'
import { ReloadPolicy } from '../../../../../src-main/reload/topology/reloadPolicy.ts'
import { SelfTuningPolicy } from '../../../../../src-main/reload/topology/selfTuning/selfTuningPolicy.ts'
import type { RequestSender } from '../../../../../src-main/reload/transaction/exchange.ts'
import { silentLog } from '../../../../support/overlayKit.ts'
import { SeededRandom } from '../../../../support/seededRandom.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

test('topology-plugin of the configuration in force names the algorithm, also when a new one takes its place', () => {
  const tuned = newConfiguration({ instanceName: 'office.example', ...topologyChoice('CHORD-SELF-TUNING') })
  let current: OverlayConfiguration = newConfiguration({ instanceName: 'office.example', chordUpdateIntervalS: 77 })
  const policy = configuredPolicy({
    clock: new VirtualClock(), random: new SeededRandom(1), log: silentLog, nodeId: new Uint8Array(16), sender: {} as RequestSender, configuration: () => current,
  })
  expect(policy()).toBeInstanceOf(ReloadPolicy)
  expect(policy().stabilizeMs).toBe(77_000)
  current = tuned
  const chosen = policy()
  expect(chosen).toBeInstanceOf(SelfTuningPolicy)
  // What it has learnt stays.
  expect(policy()).toBe(chosen)
  current = { ...tuned, topologyPlugin: 'PASTRY' }
  expect(() => policy()).toThrow('PASTRY')
})
