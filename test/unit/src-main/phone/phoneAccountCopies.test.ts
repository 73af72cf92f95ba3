import { beforeEach, describe, expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { createNodeCrypto } from '../../../../src-main/node/crypto.ts'
import { accountsType, PhoneAccountCopies } from '../../../../src-main/phone/phoneAccountCopies.ts'
import { PhoneAccounts, type PhoneAccountRecord } from '../../../../src-main/phone/phoneAccounts.ts'
import type { PeerIdentity } from '../../../../src-main/sip/ua/userAgent.ts'
import { memoryConnectionPair } from '../../../support/memoryConnection.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { quietLog } from '../../../support/sipPeers.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const alice = 'alice@office.example'
class Store {
  private readonly records = new Map<string, PhoneAccountRecord>()
  all(): PhoneAccountRecord[] { return [...this.records.values()] }
  get(name: string): PhoneAccountRecord | undefined { return this.records.get(name) }
  put(record: PhoneAccountRecord): void { this.records.set(record.userName, record) }
  remove(name: string): void { this.records.delete(name) }
}
interface Device { readonly accounts: PhoneAccounts; readonly copies: PhoneAccountCopies; readonly identity: PeerIdentity; up: boolean }

let clock: VirtualClock
let devices: Device[]
let published: number
let proven: boolean
const [pipe] = memoryConnectionPair(new VirtualClock())

function add(seed: number, aor = alice): Device {
  const accounts = new PhoneAccounts({ random: new SeededRandom(seed), hashes: createNodeCrypto(), store: new Store(), realm: 'office.example', now: () => clock.now(), owner: () => alice })
  const identity = { aor, nodeId: `n${seed}` }
  const device: Device = {
    accounts, identity, up: true,
    copies: new PhoneAccountCopies({
      clock, log: quietLog, accounts, aor: () => alice, namesAreProven: () => proven,
      resolver: {
        resolve: () => {
          const others = devices.filter((each) => each !== device && each.up)
          return others.length === 0 ? Promise.reject(new PeerError('user-offline')) : Promise.resolve(others.map((each) => ({ requestUri: each.identity.nodeId, connection: pipe, identity: each.identity })))
        },
      },
      userAgent: {
        request: (leg, method, options) => new Promise((done) => {
          published++
          expect(method).toBe('PUBLISH')
          const other = devices.find((each) => each.identity.nodeId === leg.requestUri)
          other?.copies.receive({ event: 'ringway-phones', identity, contentType: options.contentType ?? '', body: options.body ?? new Uint8Array(), respond: (status) => { done({ status, reason: '', headers: [], contentType: '', body: new Uint8Array() }) } })
        }),
      },
    }),
  }
  devices.push(device)
  return device
}
const names = (device: Device): string[] => device.accounts.list().map(({ userName }) => userName).sort()

beforeEach(() => { clock = new VirtualClock(); devices = []; published = 0; proven = true })

describe('accounts of phones on the owner’s devices', () => {
  it('are copied when they change, with what was removed, and then there is silence', async () => {
    const a = add(1), b = add(2)
    const { password } = a.accounts.add('desk')
    b.accounts.add('kitchen')
    await clock.advanceAsync(30_000)
    expect([names(a), names(b)]).toEqual([['desk', 'kitchen'], ['desk', 'kitchen']])
    expect(b.accounts.secret('desk', 'SHA-256')).toBe(a.accounts.secret('desk', 'SHA-256'))
    expect(password).not.toBe('')
    b.accounts.remove('desk')
    await clock.advanceAsync(30_000)
    expect([names(a), names(b)]).toEqual([['kitchen'], ['kitchen']])
    const before = published
    await clock.advanceAsync(600_000)
    expect(published).toBe(before)
  })

  it('come to a device that was away, when it is back', async () => {
    const a = add(1), b = add(2)
    b.up = false
    a.accounts.add('desk')
    await clock.advanceAsync(60_000)
    b.up = true
    a.copies.wake()
    await clock.advanceAsync(20_000)
    expect(names(b)).toEqual(['desk'])
  })

  it('are for the owner’s devices alone: others are not told, and not believed', async () => {
    const a = add(1), mallory = add(2, 'mallory@office.example')
    a.accounts.add('desk')
    mallory.accounts.add('trap')
    await clock.advanceAsync(60_000)
    expect([names(a), names(mallory)]).toEqual([['desk'], ['trap']])
    const statuses: number[] = []
    a.copies.receive({ event: 'ringway-phones', identity: mallory.identity, contentType: accountsType, body: new TextEncoder().encode(JSON.stringify(mallory.accounts.table())), respond: (status) => { statuses.push(status) } })
    a.copies.receive({ event: 'ringway-phones', contentType: accountsType, body: new Uint8Array(), respond: (status) => { statuses.push(status) } })
    expect([statuses, names(a)]).toEqual([[403, 403], ['desk']])
  })

  it('stay where they are in an overlay that anyone may join under any name', async () => {
    proven = false
    const a = add(1), b = add(2)
    a.accounts.add('desk')
    await clock.advanceAsync(60_000)
    expect([names(b), published]).toEqual([[], 0])
  })

  it.each(['', 'null', '[1]', '[{"userName":"desk"}]', '[{"userName":"a b"}]', 'x'.repeat(100)])('a table that cannot be read is refused: %j', (text) => {
    const a = add(1)
    const statuses: number[] = []
    a.copies.receive({ event: 'ringway-phones', identity: a.identity, contentType: accountsType, body: new TextEncoder().encode(text), respond: (status) => { statuses.push(status) } })
    expect([statuses, names(a)]).toEqual([[400], []])
  })

  it('stop with the peer: no timer is left', async () => {
    const a = add(1), b = add(2)
    a.accounts.add('desk')
    await clock.advanceAsync(5_000)
    for (const each of [a, b]) each.copies.stop()
    expect(clock.pending).toBe(0)
  })
})
