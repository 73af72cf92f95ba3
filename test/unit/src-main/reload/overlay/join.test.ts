/** The join procedure alone (RFC 6940 §10.5), against a ring of ids that only answers; whole joins: test/sim/ring.test.ts. */
import { expect, test } from 'vitest'
import { untilAborted } from '../../../../../src-main/base/abort.ts'
import { fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { Notifier } from '../../../../../src-main/base/notifier.ts'
import { joinThrough } from '../../../../../src-main/reload/overlay/join.ts'
import type { NeighbourLists } from '../../../../../src-main/reload/topology/chord.ts'
import type { Membership } from '../../../../../src-main/reload/topology/membership.ts'
import { messageName } from '../../../../../src-main/reload/wire/constants.ts'
import type { Answer, RequestDestination, RequestSender } from '../../../../../src-main/reload/transaction/exchange.ts'
import { silentLog } from '../../../../support/overlayKit.ts'
import { VirtualClock } from '../../../../support/virtualClock.ts'

const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)
const name = (id: Uint8Array): string => toHex(id).slice(0, 2)
const never = new AbortController().signal

/** We are 80; the ring has `peers`, in ascending order, of which the first behind us admits us. Updates come for the test to give. */
function setUp(peers: readonly string[], table: (from: string) => NeighbourLists | undefined): { join: () => Promise<void>; clock: VirtualClock; done: string[]; drop: (peer: string) => void } {
  const clock = new VirtualClock()
  const done: string[] = []
  const owner = (id: Uint8Array): Uint8Array => at(peers.find((peer) => toHex(at(peer)) >= toHex(id)) ?? peers[0]!)
  const text = (destination: RequestDestination): string => destination.map((d) => 'node' in d ? name(d.node) : `${name(d.resource)}+1`).join('>')
  let admitted = false
  const membership = {
    forget: () => undefined, wanted: () => undefined, enter: () => { done.push('enter') },
    updateFrom: (from: Uint8Array, test: (lists: NeighbourLists) => boolean, signal: AbortSignal) => new Promise<NeighbourLists>((resolve, reject) => {
      const lists = admitted ? { predecessors: [at('80')], successors: [] } : table(name(from))
      if (lists !== undefined && test(lists)) resolve(lists)
      else signal.addEventListener('abort', () => { reject(signal.reason as Error) })
    }),
  } as unknown as Membership
  const sender: RequestSender = {
    request: (destination, code, _, __, options) => {
      const [last] = destination
      const signer = 'resource' in last! ? owner(last.resource) : last!.node
      done.push(`${messageName(code)} ${text(destination)}${options?.through === undefined ? '' : ` through ${name(options.through)}`}`)
      if (messageName(code) === 'joinReq') admitted = true
      return Promise.resolve({ signer: { nodeId: signer } } as unknown as Answer)
    },
  }
  const links = new Set(peers)
  const changed = new Notifier()
  const connections = { all: () => [...links].map((peer) => ({ nodeId: at(peer) })), whenChanged: (signal: AbortSignal) => untilAborted(changed.wait(), signal) }
  const attach = (destination: RequestDestination): Promise<{ nodeId: Uint8Array }> => {
    done.push(`attach ${text(destination)}`)
    const last = destination.at(-1)!
    return Promise.resolve({ nodeId: 'resource' in last ? owner(last.resource) : last.node })
  }
  return {
    clock, done, drop: (peer) => { links.delete(peer); changed.notify() },
    join: () => joinThrough({ clock, log: silentLog, nodeId: at('80'), table: connections as never, attach: { attach } as never, membership, sender, onStep: () => undefined }, at('10'), never),
  }
}

test('neighbours are those that the admitting peer names', async () => {
  const { join, done } = setUp(['10', '40', 'a0', 'b0'], () => ({ predecessors: [at('40')], successors: [at('b0'), at('10')] }))
  await join()
  expect(done).toEqual(['attach 80+1', 'attach a0>40', 'attach a0>b0', 'attach a0>10', 'joinReq a0', 'enter'])
})

test('without a table from the admitting peer, a Ping behind each successor finds the next (RFC 6940 §10.5)', async () => {
  const { join, clock, done } = setUp(['10', '40', 'a0', 'b0', 'c0'], () => undefined)
  const joined = join()
  await clock.advanceAsync(30_000)
  await joined
  expect(done).toEqual(['attach 80+1', 'pingReq a0+1 through a0', 'pingReq b0+1 through a0', 'attach a0>b0', 'attach a0>c0', 'joinReq a0', 'enter'])
})

test('in a ring that is shorter, the Pings come round', async () => {
  const { join, clock, done } = setUp(['a0', 'b0'], () => undefined)
  const joined = join()
  await clock.advanceAsync(30_000)
  await joined
  expect(done).toEqual(['attach 80+1', 'pingReq a0+1 through a0', 'pingReq b0+1 through a0', 'attach a0>b0', 'joinReq a0', 'enter'])
})

test('nothing is waited for when the link to the admitting peer goes', async () => {
  const { join, clock, done, drop } = setUp(['10', 'a0', 'b0'], () => undefined)
  const joined = join()
  const failed = expect(joined).rejects.toMatchObject({ code: 'overlay-unreachable', message: 'the link to the admitting peer has gone' })
  await clock.advanceAsync(1_000)
  drop('b0')
  await clock.advanceAsync(1_000)
  drop('a0')
  await failed
  expect(clock.now() - Date.UTC(2026, 0, 1)).toBe(2_000)
  expect(done).toEqual(['attach 80+1'])
})
