/** Keeping a device registered (RFC 7904 §3), on a virtual clock. */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../../src-main/base/bytes.ts'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { Registration } from '../../../../src-main/p2psip/registration.ts'
import type { Certificate } from '../../../../src-main/ports/crypto.ts'
import type { OverlayPhase } from '../../../../src-main/reload/overlay/overlay.ts'
import { certificateByNodeKind, certificateByUserKind } from '../../../../src-main/reload/usages/certificateStore.ts'
import { decodeSipRegistration, sipRegistrationKind } from '../../../../src-main/reload/usages/sipRegistration.ts'
import { nodeOf, ScriptedOverlay, type Stored } from '../../../support/scriptedOverlay.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const alice = 'alice@office.example'
const certificate = { der: Uint8Array.of(0x30, 1, 2, 3, 4) } as Certificate
const hour = 3_600_000
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet }

function world(options: { readonly phase?: OverlayPhase; readonly open?: boolean } = {}) {
  const clock = new VirtualClock()
  const overlay = new ScriptedOverlay('office.example', { ...options, nowMs: () => clock.monotonic() })
  overlay.answer.store = ({ name, value: { kind, value } }) => {
    overlay.forget(name, kind)
    if (value !== undefined) overlay.put(name, kind, value, overlay.nodeId)
    return Promise.resolve()
  }
  const told: (boolean | 'taken')[] = []
  const registration = new Registration({
    overlay, clock, log: quiet, identity: { userName: alice, nodeId: overlay.nodeId, certificate },
    user: { onRegistered: (registered) => { told.push(registered) }, onNameTaken: () => { told.push('taken') } },
  })
  const stores = (kind: number = sipRegistrationKind): Stored[] => overlay.stored.filter(({ value }) => value.kind === kind)
  const times = (): number[] => stores().map(({ atMs }) => atMs)
  return { clock, overlay, registration, told, stores, times }
}
const destinations = ({ value }: Stored): string[] => {
  const registration = decodeSipRegistration(value.value ?? new Uint8Array())
  return registration.type === 'route' ? registration.destinationList.map(({ node }) => toHex(node)) : []
}

describe('registering (RFC 7904 §3)', () => {
  it('stores SIP-REGISTRATION at the address under the Node-ID, with the route to the device', async () => {
    const { clock, overlay, registration, told, stores } = world()
    registration.start()
    await clock.advanceAsync(0)
    expect(stores()).toHaveLength(1)
    expect(stores()[0]).toMatchObject({ name: alice, value: { key: overlay.nodeId, lifetimeS: 3600 } })
    expect(stores().map(destinations)).toEqual([[toHex(overlay.nodeId)]])
    expect(stores().map(({ value }) => decodeSipRegistration(value.value ?? new Uint8Array()))).toMatchObject([{ contactPrefs: '(& (sip.audio=TRUE) (sip.duplex=full) (| (sip.schemes=SIP) (sip.schemes=SIPS)))' }])
    expect([told, registration.isRegistered]).toEqual([[true], true])
  })

  it('stores the certificate by node and by user (RFC 6940 §8), for longer than the registration', async () => {
    const { clock, overlay, registration, stores } = world()
    registration.start()
    await clock.advanceAsync(0)
    expect(stores(certificateByNodeKind).map(({ name, value }) => [name, value.value])).toEqual([[toHex(overlay.nodeId), certificate.der]])
    expect(stores(certificateByUserKind).map(({ name, value }) => [name, value.value])).toEqual([[alice, certificate.der]])
    expect(stores(certificateByUserKind)[0]?.value.lifetimeS).toBeGreaterThan(24 * 3600)
  })

  it.each(['joined', 'alone'] as const)('begins when the overlay is %s, not before', async (phase) => {
    const { clock, overlay, registration, stores, told } = world({ phase: 'joining' })
    registration.start()
    await clock.advanceAsync(hour)
    expect([stores(), clock.pending]).toEqual([[], 0])
    overlay.become(phase)
    await clock.advanceAsync(0)
    expect([stores().length, told]).toEqual([1, [true]])
  })

  it('is refreshed before it expires, again and again', async () => {
    const { clock, registration, stores, times, told } = world()
    registration.start()
    await clock.advanceAsync(4 * hour)
    const gaps = times().slice(1).map((at, i) => at - (times()[i] as number))
    expect(gaps).toHaveLength(4)
    for (const gap of gaps) expect(gap).toBeLessThan((stores()[0]?.value.lifetimeS ?? 0) * 1000)
    expect(Math.min(...gaps)).toBeGreaterThan(hour / 2)
    expect(told).toEqual([true])
    expect(clock.pending).toBe(1)
  })

  it('is looked for after 20 s and every five minutes, and stored again when the overlay has lost it', async () => {
    const { clock, overlay, registration, times } = world()
    const looks = (): number => overlay.fetched.filter(({ kind }) => kind === sipRegistrationKind).length
    registration.start()
    await clock.advanceAsync(19_000)
    expect([times().length, looks()]).toEqual([1, 0])
    await clock.advanceAsync(1_000)
    expect([times().length, looks()]).toEqual([1, 1])
    overlay.forget(alice, sipRegistrationKind)
    await clock.advanceAsync(299_000)
    expect([times().length, looks()]).toEqual([1, 1])
    await clock.advanceAsync(2_000)
    expect([times().length, looks()]).toEqual([2, 2])
    overlay.answer.fetch = () => Promise.reject(new PeerError('network-timeout'))
    await clock.advanceAsync(21_000)
    expect([times().length, looks()]).toEqual([2, 3])
    expect(registration.isRegistered).toBe(true)
    await registration.stop(0)
  })

  it('is stored at once when the overlay was lost and found again', async () => {
    const { clock, overlay, registration, told, times } = world()
    registration.start()
    await clock.advanceAsync(60_000)
    overlay.become('offline')
    expect([registration.isRegistered, clock.pending]).toEqual([false, 0])
    await clock.advanceAsync(5 * hour)
    overlay.become('joining')
    overlay.become('joined')
    overlay.become('joined')
    await clock.advanceAsync(0)
    expect(times()).toEqual([0, 60_000 + 5 * hour])
    expect(told).toEqual([true, false, true])
  })

  it('is stored at once with the new way when a client is reached by another peer, and only while in the overlay', async () => {
    const { clock, overlay, registration, stores } = world()
    registration.start()
    await clock.advanceAsync(60_000)
    overlay.reroute([{ node: nodeOf(9) }, { node: overlay.nodeId }])
    await clock.advanceAsync(0)
    expect(stores().map(destinations)).toEqual([[toHex(overlay.nodeId)], [toHex(nodeOf(9)), toHex(overlay.nodeId)]])
    overlay.become('offline')
    overlay.reroute([{ node: nodeOf(8) }, { node: overlay.nodeId }])
    await clock.advanceAsync(hour)
    expect(stores()).toHaveLength(2)
  })
})

describe('a Store that fails', () => {
  it('is tried again after 1, 2, 5, 10, 30, 30 … seconds', async () => {
    const { clock, overlay, registration, told, times } = world()
    overlay.answer.store = () => Promise.reject(new PeerError('network-timeout'))
    registration.start()
    await clock.advanceAsync(100_000)
    const gaps = times().slice(1).map((at, i) => (at - (times()[i] as number)) / 1000)
    expect(gaps).toEqual([1, 2, 5, 10, 30, 30])
    expect(told).toEqual([])
  })

  it('counts anew after one that succeeded', async () => {
    const { clock, overlay, registration, times, told } = world()
    let failures = 3
    overlay.answer.store = () => (failures-- > 0 ? Promise.reject(new PeerError('network-timeout')) : Promise.resolve())
    registration.start()
    await clock.advanceAsync(10_000)
    expect([times(), told]).toEqual([[0, 1000, 3000, 8000], [true]])
    failures = 1
    await clock.advanceAsync(hour)
    const [refresh, retry] = times().slice(4)
    expect((retry as number) - (refresh as number)).toBe(1000)
    expect(told).toEqual([true])
  })

  it('by the certificate counts as failed: others could not verify us', async () => {
    const { clock, overlay, registration, told } = world()
    overlay.answer.store = ({ value }) => (value.kind === certificateByUserKind ? Promise.reject(new PeerError('network-timeout')) : Promise.resolve())
    registration.start()
    await clock.advanceAsync(500)
    expect([told, clock.pending]).toEqual([[], 1])
  })
})

describe('a name taken in an open overlay (RFC 6940 §11.3.1)', () => {
  it('is told, not registered, and tried again until the other’s certificate has run out', async () => {
    const { clock, overlay, registration, told, stores, times } = world({ open: true })
    overlay.putCertificate(alice, nodeOf(66))
    registration.start()
    await clock.advanceAsync(0)
    expect([told, stores(), registration.isRegistered]).toEqual([['taken'], [], false])
    await clock.advanceAsync(60_000)
    expect(told).toEqual(['taken', 'taken'])
    overlay.forget(alice, certificateByUserKind)
    await clock.advanceAsync(60_000)
    expect([told, times()]).toEqual([['taken', 'taken', true], [120_000]])
  })

  it('where an authority hands out names, another device of ours has the same one', async () => {
    const { clock, overlay, registration, told } = world()
    overlay.putCertificate(alice, nodeOf(66))
    registration.start()
    await clock.advanceAsync(0)
    expect(told).toEqual([true])
  })

  it('our own certificate from before does not count', async () => {
    const { clock, overlay, registration, told } = world({ open: true })
    overlay.putCertificate(alice, overlay.nodeId)
    registration.start()
    await clock.advanceAsync(0)
    expect(told).toEqual([true])
  })

  it('is not taken on the word of nobody: a look-up that fails is tried again', async () => {
    const { clock, overlay, registration, told, stores } = world({ open: true })
    let failures = 1
    overlay.answer.fetch = () => (failures-- > 0 ? Promise.reject(new PeerError('network-timeout')) : Promise.resolve())
    registration.start()
    await clock.advanceAsync(0)
    expect([told, stores()]).toEqual([[], []])
    await clock.advanceAsync(1000)
    expect(told).toEqual([true])
  })
})

describe('stopping', () => {
  it('removes the registration, leaves the certificates, and leaves no timer', async () => {
    const { clock, overlay, registration, told, stores } = world()
    registration.start()
    await clock.advanceAsync(1000)
    const certificates = overlay.stored.length
    await registration.stop(2000)
    expect(overlay.stored.length).toBe(certificates + 1)
    expect(stores().at(-1)).toMatchObject({ name: alice, value: { key: overlay.nodeId, value: undefined } })
    expect([told, clock.pending]).toEqual([[true, false], 0])
    await clock.advanceAsync(5 * hour)
    overlay.become('joined')
    overlay.reroute([{ node: nodeOf(9) }, { node: overlay.nodeId }])
    await clock.advanceAsync(hour)
    expect([overlay.stored.length, clock.pending]).toEqual([certificates + 1, 0])
  })

  it('waits no longer than it is given', async () => {
    const { clock, overlay, registration, stores } = world()
    registration.start()
    await clock.advanceAsync(0)
    let asked: AbortSignal | undefined
    overlay.answer.store = (_stored, signal) => { asked = signal; return new Promise(() => { /* never */ }) }
    let stopped = false
    const stopping = registration.stop(2000).then(() => { stopped = true })
    await clock.advanceAsync(1999)
    expect(stopped).toBe(false)
    await clock.advanceAsync(1)
    await stopping
    expect([asked?.aborted, stores().length, clock.pending]).toEqual([true, 2, 0])
  })

  it('a removal that fails is no failure', async () => {
    const { clock, overlay, registration } = world()
    registration.start()
    await clock.advanceAsync(0)
    overlay.answer.store = () => Promise.reject(new PeerError('not-joined'))
    await registration.stop(2000)
    expect(clock.pending).toBe(0)
  })

  it('gives up a Store under way, or a retry, and removes nothing that is not there', async () => {
    const slow = world({ open: true })
    let signal: AbortSignal | undefined
    slow.overlay.answer.fetch = (_fetched, of) => { signal = of; return new Promise((_resolve, reject) => { of.addEventListener('abort', () => { reject(of.reason as Error) }) }) }
    slow.registration.start()
    await slow.clock.advanceAsync(0)
    await slow.registration.stop(2000)
    await slow.clock.advanceAsync(hour)
    expect([signal?.aborted, slow.overlay.stored, slow.told, slow.clock.pending]).toEqual([true, [], [], 0])
    const failing = world()
    failing.overlay.answer.store = () => Promise.reject(new PeerError('network-timeout'))
    failing.registration.start()
    await failing.clock.advanceAsync(100)
    expect(failing.clock.pending).toBe(1)
    await failing.registration.stop(2000)
    await failing.clock.advanceAsync(hour)
    expect([failing.stores().length, failing.clock.pending]).toEqual([1, 0])
  })
})
