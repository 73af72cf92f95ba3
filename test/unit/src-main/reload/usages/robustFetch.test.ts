/** What a robust look-up makes of the answers; `test/sim/robustFetch.test.ts` has it in a whole ring. */
import { expect, test } from 'vitest'
import { fromHex } from '../../../../../src-main/base/bytes.ts'
import { RequestTimeout } from '../../../../../src-main/reload/transaction/exchange.ts'
import type { FetchResult } from '../../../../../src-main/reload/usages/fetchClient.ts'
import { RobustFetch } from '../../../../../src-main/reload/usages/robustFetch.ts'
import { Kind } from '../../../../../src-main/reload/wire/kinds.ts'
import { silentLog } from '../../../../support/overlayKit.ts'
import { settle, VirtualClock } from '../../../../support/virtualClock.ts'

const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)
const never = new AbortController().signal
const nothing = (responder: Uint8Array): FetchResult => ({ generation: 0n, stored: [], discarded: 0, rolledBack: 0, responder })

/** The responsible peer answers, or fails, after 10 ms; whoever else is asked has nothing. */
function lookUp(responsible: () => Promise<FetchResult>): { result: Promise<number>; run(): Promise<void> } {
  const clock = new VirtualClock()
  const fetch = new RobustFetch({
    clock, log: silentLog, count: () => undefined, size: () => 100, detours: () => [], behind: () => [at('90'), at('a0')],
    sender: { request: () => Promise.reject(new RequestTimeout('no answer')) },
    fetchClient: {
      fetchStored: async (_id, _kind, _specifier, _signal, from) => {
        if (from?.node !== undefined) return nothing(from.node)
        await new Promise<void>((resolve) => { clock.setTimer(10, resolve) })
        return responsible()
      },
    },
  })
  const result = fetch.fetch(at('80'), Kind.sipRegistration, { model: 'dictionary', keys: [] }, never).then((values) => values.length)
  result.catch(() => undefined)
  return { result, run: async () => { await clock.advanceAsync(30_000); await settle() } }
}

test('that those who were only guessed to hold a copy have nothing does not mean that there is nothing', async () => {
  const { result, run } = lookUp(() => Promise.reject(new RequestTimeout('no answer')))
  await run()
  await expect(result).rejects.toBeInstanceOf(RequestTimeout)
})

test('that the responsible peer has nothing, and no other peer either, does', async () => {
  const { result, run } = lookUp(() => Promise.resolve(nothing(at('85'))))
  await run()
  await expect(result).resolves.toBe(0)
})
