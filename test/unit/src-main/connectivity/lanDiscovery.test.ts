import { describe, expect, it } from 'vitest'
import { LanDiscovery, readAdvertisement, service, writeAdvertisement, type Advertisement } from '../../../../src-main/connectivity/lanDiscovery.ts'
import { MulticastLink } from '../../../support/multicastLink.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const office: Advertisement = {
  overlayName: 'office.example', overlayHash: 0x0a0b0c0d, rootFingerprint: 'ab'.repeat(32), open: false,
  listen: { host: '0.0.0.0', port: 6084 }, configurationPort: 6085,
}

function setup(): { clock: VirtualClock; link: MulticastLink; make(host: string, seed: number): LanDiscovery } {
  const clock = new VirtualClock(), link = new MulticastLink()
  return { clock, link, make: (host, seed) => new LanDiscovery(clock, new SeededRandom(seed), link.open(host)) }
}

describe('LAN discovery', () => {
  it('shows a browsing peer the overlays of those who advertise, with the address they are heard from', async () => {
    const { clock, make } = setup()
    const organiser = make('192.0.2.1', 1), guest = make('192.0.2.2', 2)
    await organiser.advertise(office)
    await guest.browse()
    clock.advance(1_500)
    expect(guest.hints()).toEqual([{
      id: 'office.example abababababababab', name: 'office.example', open: false, rootFingerprint: 'ab'.repeat(32), peers: 1,
      configurationUrl: 'https://192.0.2.1:6085/.well-known/reload-config',
    }])
    expect(guest.peers()[0]?.addresses).toEqual([{ host: '192.0.2.1', port: 6084 }])
    await Promise.all([organiser.stop(), guest.stop()])
  })
  it('counts several peers of an overlay as one hint and keeps the address that offers the document', async () => {
    const { clock, make } = setup()
    const organiser = make('192.0.2.1', 1), bob = make('192.0.2.3', 3), guest = make('192.0.2.2', 2)
    await guest.browse()
    await organiser.advertise(office)
    await bob.advertise({ ...office, configurationPort: undefined })
    clock.advance(3_000)
    expect(guest.hints()).toMatchObject([{ peers: 2, configurationUrl: 'https://192.0.2.1:6085/.well-known/reload-config' }])
    await Promise.all([organiser.stop(), bob.stop(), guest.stop()])
  })
  it('does not hear itself', async () => {
    const { make } = setup()
    const organiser = make('192.0.2.1', 1)
    await organiser.browse()
    await organiser.advertise(office)
    expect(organiser.peers()).toEqual([])
    await organiser.stop()
  })
  it('forgets an overlay at once when it says goodbye, and at its time to live when it falls silent', async () => {
    const { clock, link, make } = setup()
    const organiser = make('192.0.2.1', 1), bob = make('192.0.2.3', 3), guest = make('192.0.2.2', 2)
    await guest.browse()
    await organiser.advertise(office)
    await bob.advertise({ ...office, overlayName: 'home.example' })
    expect(guest.hints().map(({ name }) => name).sort()).toEqual(['home.example', 'office.example'])
    await organiser.stop()
    expect(guest.hints().map(({ name }) => name)).toEqual(['home.example'])
    link.muted = '192.0.2.3'
    clock.advance(119_000)
    expect(guest.hints()).toHaveLength(1)
    clock.advance(2_000)
    expect(guest.hints()).toEqual([])
    await Promise.all([bob.stop(), guest.stop()])
  })
  it('stays heard for as long as it advertises', async () => {
    const { clock, make } = setup()
    const organiser = make('192.0.2.1', 1), guest = make('192.0.2.2', 2)
    const stopBrowsing = await guest.browse()
    await organiser.advertise(office)
    stopBrowsing()
    clock.advance(600_000)
    expect(guest.hints()).toHaveLength(1)
    await Promise.all([organiser.stop(), guest.stop()])
  })
  it('answers at most once a second however often it is asked (RFC 6762 §6)', async () => {
    const { clock, link, make } = setup()
    const organiser = make('192.0.2.1', 1)
    await organiser.advertise(office)
    link.sent.length = 0
    for (let i = 0; i < 500; i++) link.ends[0]?.emit({ kind: 'query', questions: [{ name: service, type: 'PTR' }], records: [] }, '192.0.2.9')
    clock.advance(1_500)
    expect(link.sent.filter(({ kind }) => kind === 'response').length).toBeLessThanOrEqual(2)
    await organiser.stop()
  })
  it('ignores garbage and keeps at most 64 peers', async () => {
    const { link, make } = setup()
    const guest = make('192.0.2.2', 2)
    await guest.browse()
    const bad = (change: Partial<Advertisement>): void => { link.ends[0]?.emit(writeAdvertisement({ ...office, ...change }, 'bad'), '192.0.2.9') }
    bad({ overlayName: '<script>' })
    bad({ rootFingerprint: 'zz' })
    bad({ listen: { host: '0.0.0.0', port: 0 } })
    bad({ listen: { host: '224.0.0.1', port: 6084 } })
    link.ends[0]?.emit({ kind: 'response', questions: [], records: [{ type: 'PTR', name: service, ttlS: 100, target: 'x' }] }, '192.0.2.9')
    expect(guest.peers()).toEqual([])
    expect(guest.ignored).toBe(5)
    for (let i = 0; i < 200; i++) link.ends[0]?.emit(writeAdvertisement(office, `peer-${i}`), '192.0.2.9')
    expect(guest.peers()).toHaveLength(64)
    await guest.stop()
  })
  it('takes a loopback address only from who is heard over loopback', () => {
    const { records } = writeAdvertisement({ ...office, listen: { host: '127.0.0.1', port: 7000 } }, 'a')
    expect(readAdvertisement(records, `a.${service}`, { host: '192.0.2.1', port: 5353 })).toBeUndefined()
    expect(readAdvertisement(records, `a.${service}`, { host: '127.0.0.1', port: 5353 })?.peer.addresses).toEqual([{ host: '127.0.0.1', port: 7000 }])
  })
  it('leaves no timer behind', async () => {
    const { clock, make } = setup()
    const organiser = make('192.0.2.1', 1), guest = make('192.0.2.2', 2)
    await guest.browse()
    await organiser.advertise(office)
    await Promise.all([organiser.stop(), guest.stop()])
    expect(clock.pending).toBe(0)
  })
  it('can be asked again after there was no multicast', async () => {
    const link = new MulticastLink()
    let tries = 0
    const lan = new LanDiscovery(new VirtualClock(), new SeededRandom(1), () => (tries++ === 0 ? Promise.reject(new Error('no network')) : link.open('192.0.2.1')()))
    await expect(lan.browse()).rejects.toThrow('no network')
    await lan.browse()
    expect(link.sent).toHaveLength(1)
    await lan.stop()
  })
})
