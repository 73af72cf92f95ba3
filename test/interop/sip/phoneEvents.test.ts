/**
 * What baresip, registered at a peer, subscribes to and publishes: message waiting (RFC 3842), its own presence (RFC 3903),
 * and that of a person of the overlay (RFC 3856), seen in the SIP messages that it prints.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { BaresipPhone, until } from './baresipPhone.ts'
import { requireProgram } from './elements.ts'
import { eventually, openSite, type Site, sleep } from './site.ts'

let site: Site
let password = ''
let phone: BaresipPhone | undefined
let port = 5700

async function plugIn(parameters: string, options: Partial<ConstructorParameters<typeof BaresipPhone>[0]> = {}): Promise<BaresipPhone> {
  port += 10
  phone = new BaresipPhone({
    account: `<sip:desk@office.example>;auth_user=desk;auth_pass=${password};outbound="sip:${site.server};transport=udp";regint=60;audio_codecs=PCMU;${parameters}`,
    sipPort: port, controlPort: port - 900, toneHz: 440, codecs: ['g711'], trace: true, ...options,
  })
  await phone.start()
  await eventually(async () => (await site.registrations('desk')) > 0, () => phone?.output.slice(-3000) ?? '')
  return phone
}
const sentBy = (desk: BaresipPhone, method: string): number => desk.output.split(`${method} sip:`).length - 1

describe('a phone at a peer', () => {
  beforeAll(async () => {
    requireProgram('baresip')
    site = await openSite()
    password = await site.addPhone('desk')
  })
  afterEach(async () => {
    await phone?.stop()
    phone = undefined
    await eventually(async () => (await site.registrations('desk')) === 0, () => 'is still registered')
  })
  afterAll(async () => { await site.close() })

  it('is told that no message waits, and is content with that', async () => {
    const desk = await plugIn('mwi=yes', { apps: ['mwi'] })
    await until(() => desk.output.includes('Messages-Waiting: no'), () => desk.output.slice(-4000))
    await sleep(3_000)
    expect(sentBy(desk, 'SUBSCRIBE')).toBeLessThan(4) // with and without login
  })

  it('publishes its presence, and gets an entity-tag', async () => {
    const desk = await plugIn('pubint=60')
    await until(() => /SIP-ETag: \S+/.test(desk.output), () => desk.output.slice(-4000))
    // baresip publishes twice, as it starts and as it has registered, each with and without login; sooner or later than this
    const requests = [...desk.output.matchAll(/PUBLISH sip:[^]*?Call-ID: (\S+)\r?\nCSeq: (\d+)/g)]
    expect(requests.length).toBeGreaterThan(1)
    const publications = new Set(requests.map(([, id]) => id))
    expect(publications.size).toBeLessThanOrEqual(2)
    for (const callId of publications) {
      const numbers = new Set(requests.filter(([, id]) => id === callId).map(([, , number]) => number))
      expect(numbers.size).toBeLessThanOrEqual(2)
    }
  })

  it('sees the presence of a person of the overlay, and its change', async () => {
    await site.bob.client.call('presence.set', { state: 'available', note: '' })
    const desk = await plugIn('', { contacts: '"Bob" <sip:bob@office.example>;presence=p2p' })
    await until(() => desk.output.includes('<basic>open</basic>'), () => desk.output.slice(-4000), 20)
    await site.bob.client.call('presence.set', { state: 'busy', note: '' })
    await until(() => desk.output.includes('<rpid:busy/>'), () => desk.output.slice(-4000))
  })

  it('under its own name sees the presence of its owner', async () => {
    await site.alice.client.call('presence.set', { state: 'available', note: '' })
    const desk = await plugIn('', { contacts: '"Me" <sip:desk@office.example>;presence=p2p' })
    await until(() => /entity="pres:alice@office\.example"[^]*<basic>open<\/basic>/.test(desk.output), () => desk.output.slice(-4000), 20)
    await site.alice.client.call('presence.set', { state: 'busy', note: '' })
    await until(() => desk.output.includes('<rpid:busy/>'), () => desk.output.slice(-4000))
    expect(sentBy(desk, 'SUBSCRIBE')).toBeLessThan(4)
  })
})
