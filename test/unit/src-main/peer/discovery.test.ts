import { describe, expect, it } from 'vitest'
import { LanDiscovery, type Advertisement } from '../../../../src-main/connectivity/lanDiscovery.ts'
import { Discovery } from '../../../../src-main/peer/discovery.ts'
import { MulticastLink } from '../../../support/multicastLink.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

const id = `office.example ${'ab'.repeat(8)}`
const organiser: Advertisement = {
  overlayName: 'office.example', overlayHash: 0x0a0b0c0d, rootFingerprint: 'ab'.repeat(32), open: false,
  listen: { host: '0.0.0.0', port: 6084 }, configurationPort: 6085,
}
const member: Advertisement = { ...organiser, configurationPort: undefined }

interface Network { readonly clock: VirtualClock; readonly link: MulticastLink; readonly discovery: Discovery; advertise(host: string, what: Advertisement): Promise<LanDiscovery> }

/** A newcomer who looks, on a link where others advertise. */
function network(failures: unknown[] = []): Network {
  const clock = new VirtualClock(), link = new MulticastLink()
  let seed = 1
  const lan = (host: string): LanDiscovery => new LanDiscovery(clock, new SeededRandom(seed++), link.open(host))
  const discovery = new Discovery(clock, lan('192.0.2.9'), (cause) => { failures.push(cause) })
  return {
    clock, link, discovery,
    async advertise(host, what) {
      const peer = lan(host)
      await peer.advertise(what)
      return peer
    },
  }
}

describe('an overlay seen on the network', () => {
  it('is found with its document though the organiser, who has just announced itself, is heard only after a member', async () => {
    const { clock, discovery, advertise } = network()
    await advertise('192.0.2.2', member)
    await clock.advanceAsync(2_500)
    await advertise('192.0.2.1', organiser) // and is quiet for a second
    await clock.advanceAsync(500)
    discovery.start({})
    await clock.advanceAsync(10)
    const found = discovery.find(id)
    await clock.advanceAsync(1_000)
    expect(await found).toMatchObject({ peers: 2, configurationUrl: 'https://192.0.2.1:6085/.well-known/reload-config' })
  })
  it('is asked for again when the answer is lost', async () => {
    const { clock, link, discovery, advertise } = network()
    await advertise('192.0.2.2', member)
    discovery.start({})
    link.muted = '192.0.2.1'
    await advertise('192.0.2.1', organiser)
    await clock.advanceAsync(20_000)
    const found = discovery.find(id)
    await clock.advanceAsync(500)
    link.muted = ''
    await clock.advanceAsync(1_500)
    expect(await found).toMatchObject({ configurationUrl: 'https://192.0.2.1:6085/.well-known/reload-config' })
  })
  it('is taken as it is known after four seconds, and nothing goes on', async () => {
    const { clock, discovery, advertise } = network()
    await advertise('192.0.2.2', member)
    const looker = {}
    discovery.start(looker)
    await clock.advanceAsync(1_500)
    discovery.stop(looker)
    await clock.advanceAsync(0)
    const before = clock.pending
    let hint: unknown
    const found = discovery.find(id).then((value) => { hint = value })
    await clock.advanceAsync(3_900)
    expect(hint).toBeUndefined()
    await clock.advanceAsync(100)
    await found
    expect(hint).toMatchObject({ peers: 1, configurationUrl: '' })
    expect(clock.pending).toBe(before)
  })
  it('is not waited for when nobody is seen, nor when the last one leaves', async () => {
    const { clock, discovery, advertise } = network()
    expect(await discovery.find(id)).toBeUndefined()
    const bob = await advertise('192.0.2.2', member)
    discovery.start({})
    await clock.advanceAsync(100)
    const found = discovery.find(id)
    await clock.advanceAsync(100)
    await bob.stop()
    expect(await found).toBeUndefined()
  })
})
