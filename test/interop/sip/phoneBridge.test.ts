/**
 * §3.4.3 with sound: baresip, knowing nothing of the overlay, registered at a peer, talks with users of the overlay by
 * plain RTP and SDES; the tone of each side is measured at the other.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dominantFrequency } from '../../../src-main/media/tone.ts'
import { type BaresipOptions, BaresipPhone, until } from './baresipPhone.ts'
import { requireProgram } from './elements.ts'
import { eventually, openSite, type RunningPeer, type Site, sleep } from './site.ts'

let site: Site
let alice: RunningPeer, bob: RunningPeer
let password = ''
let phone: BaresipPhone | undefined

const near = (hz: number, wanted: number): boolean => Math.abs(hz - wanted) < 5

describe('an ordinary phone at a peer', () => {
  beforeAll(async () => {
    requireProgram('baresip')
    site = await openSite({ roles: ['proxy', 'registrar'] })
    ;({ alice, bob } = site)
    password = await site.addPhone('desk')
  })
  afterEach(async () => {
    await phone?.stop()
    phone = undefined
    await eventually(async () => (await site.registrations('desk')) === 0, () => 'does not unregister', 5)
  })
  afterAll(async () => { await site.close() })

  let port = 5300
  async function plugIn(parameters: string, codecs: readonly string[], transport = 'udp', more: Partial<BaresipOptions> = {}): Promise<BaresipPhone> {
    port += 10
    const made = phone = new BaresipPhone({
      account: `<sip:desk@office.example>;auth_user=desk;auth_pass=${password};outbound="sip:${transport === 'tls' ? site.tlsServer : site.server};transport=${transport}";regint=60;answermode=auto;${parameters}`,
      sipPort: port, controlPort: port - 800, toneHz: 440, codecs, ...(transport === 'tls' && { caFile: site.rootFile }), ...more,
    })
    await made.start()
    await eventually(async () => (await site.registrations('desk')) > 0, () => `does not register: ${made.output.slice(-3000)}`)
    return made
  }
  const told = (id: string | undefined, desk: BaresipPhone): string => JSON.stringify([id === undefined ? 'no call' : bob.calls.get(id), desk.events, desk.output.slice(-3000)])
  /** After the call. */
  function bothHear(name: string, desk: BaresipPhone): void {
    expect(site.hears(name), 'bob hears').toSatisfy((hz: number) => near(hz, 440))
    const heard = desk.heard().at(-1)
    expect(heard === undefined ? 0 : dominantFrequency(heard).hz, 'the phone hears').toSatisfy((hz: number) => near(hz, 880))
  }

  it.each([
    ['PCMU over UDP', 'audio_codecs=PCMU', ['g711'], 'udp'], ['Opus over TCP', 'audio_codecs=opus', ['opus'], 'tcp'], ['PCMU over TLS', 'audio_codecs=PCMU', ['g711'], 'tls'],
    ['PCMA with SDES over UDP', 'audio_codecs=PCMA;mediaenc=srtp-mand', ['g711'], 'udp'], ['Opus with SDES over TLS', 'audio_codecs=opus;mediaenc=srtp-mand', ['opus'], 'tls'],
  ] as const)('calls a user of the overlay, then is called by him: both times both hear each other (%s)', async (name, parameters, codecs, transport) => {
    const desk = await plugIn(parameters, codecs, transport)
    const key = name.replaceAll(' ', '-')
    const ringing = bob.nextCall()
    desk.command('dial', 'sip:bob@office.example')
    await until(() => ringing()?.state === 'incoming', () => told(ringing()?.id, desk))
    await bob.client.call('call.answer', { id: ringing()?.id ?? '', media: site.media(key) })
    await until(() => ringing()?.state === 'active' && desk.saw('CALL_ESTABLISHED'), () => told(ringing()?.id, desk))
    expect(ringing()?.remote).toMatchObject({ aor: 'alice@office.example', verified: true })
    await sleep(2_000)
    desk.command('hangup')
    await until(() => ringing()?.state === 'ended', () => told(ringing()?.id, desk))
    bothHear(key, desk)

    const recordings = desk.heard().length
    const { id } = await bob.client.call('call.place', { uri: 'sip:alice@office.example', media: site.media(`${key}-called`) })
    await until(() => bob.calls.get(id)?.state === 'active', () => told(id, desk))
    await sleep(2_000)
    await bob.client.call('call.hangup', { id })
    await until(() => desk.events.filter((event) => event.type === 'CALL_CLOSED').length === 2, () => told(id, desk))
    expect(desk.heard().length).toBe(recordings + 1)
    bothHear(`${key}-called`, desk)
  })

  it('over TLS is called by sips:; one over UDP is not, and that is told', async () => {
    const call = async (): Promise<string | null | undefined> => {
      const { id } = await alice.client.call('call.place', { uri: 'sips:desk@office.example', media: site.media('sips') })
      await until(() => ['active', 'ended'].includes(alice.calls.get(id)?.state ?? ''), () => JSON.stringify(alice.calls.get(id)))
      const seen = alice.calls.get(id)
      if (seen?.state === 'active') await alice.client.call('call.hangup', { id })
      await until(() => alice.calls.get(id)?.state === 'ended', () => JSON.stringify(alice.calls.get(id)))
      return seen?.state === 'active' ? 'active' : seen?.end
    }
    const secure = await plugIn('audio_codecs=PCMU', ['g711'], 'tls')
    expect(await call()).toBe('active')
    await secure.stop()
    await eventually(async () => (await site.registrations('desk')) === 0, () => 'does not unregister', 5)
    await plugIn('audio_codecs=PCMU', ['g711'])
    expect(await call()).toBe('not-secure')
  })

  it('that takes only SDES, of which we know nothing yet, refuses plain RTP and is called again with keys', async () => {
    const desk = await plugIn('audio_codecs=PCMU;mediaenc=srtp-mand', ['g711'])
    const { id } = await bob.client.call('call.place', { uri: 'sip:alice@office.example', media: site.media('keyed') })
    await until(() => bob.calls.get(id)?.state === 'active', () => told(id, desk))
    expect(bob.calls.get(id)?.farLeg).toBe('sdes')
    await sleep(1_500)
    await bob.client.call('call.hangup', { id })
    await until(() => desk.saw('CALL_CLOSED'), () => told(id, desk))
    bothHear('keyed', desk)
  })

  it('is called under its owner’s address, is put on hold and resumed, and gets keys', async () => {
    const desk = await plugIn('audio_codecs=PCMU', ['g711'])
    const { id } = await bob.client.call('call.place', { uri: 'sip:alice@office.example', media: site.media('called') })
    await until(() => bob.calls.get(id)?.state === 'active', () => JSON.stringify([bob.calls.get(id), desk.events, desk.output.slice(-30000)]))
    await sleep(1_500)
    await bob.client.call('call.dtmf', { id, digits: '57' })
    await until(() => desk.events.filter((event) => event.type === 'CALL_DTMF_START').length >= 2, () => JSON.stringify(desk.events))
    const offers = (): number => desk.events.filter((event) => event.type === 'CALL_REMOTE_SDP' && event.param === 'offer').length
    /** packets the phone has sent, as its reports say */
    const sent = (): number => desk.events.filter((event) => event.rtcp_stats !== undefined).at(-1)?.rtcp_stats?.tx.sent ?? 0
    await bob.client.call('call.hold', { id })
    await until(() => offers() === 2, () => JSON.stringify(desk.events))
    expect(bob.calls.get(id)).toMatchObject({ heldByMe: true, state: 'active' })
    await sleep(1_500)
    const before = sent()
    await sleep(1_500)
    expect(sent(), 'the phone is silent while it is held').toBe(before)
    await bob.client.call('call.resume', { id })
    await until(() => offers() === 3, () => JSON.stringify(desk.events))
    await sleep(2_500)
    expect(bob.calls.get(id)).toMatchObject({ heldByMe: false, state: 'active' })
    expect(sent()).toBeGreaterThan(before)
    await bob.client.call('call.hangup', { id })
    await until(() => desk.saw('CALL_CLOSED'), () => JSON.stringify(desk.events))
    expect(desk.events.filter((event) => event.type === 'CALL_DTMF_START').map((event) => event.param)).toEqual(['5', '7'])
    expect(site.hears('called'), 'bob hears').toSatisfy((hz: number) => near(hz, 440))
  })

  it('writes and is written to, watches a user, publishes, and is watched by its owner', async () => {
    await bob.client.call('presence.set', { state: 'available', note: '' })
    await alice.client.call('contacts.add', { uri: 'sip:desk@office.example' })
    const desk = await plugIn('audio_codecs=PCMU;pubint=60', ['g711'], 'udp', { trace: true, contacts: '"Bob" <sip:bob@office.example>;presence=p2p' })
    const said = (): string => desk.output.slice(-9_000)
    desk.command('contact_next')
    desk.command('message', 'hello-from-baresip')
    const conversation = () => bob.client.call('messages.list', { aor: 'alice@office.example' })
    await eventually(async () => (await conversation()).some(({ text, direction }) => text === 'hello-from-baresip' && direction === 'in'), said)
    const { id } = await bob.client.call('messages.send', { uri: 'sip:alice@office.example', text: 'hello-from-bob' })
    await until(() => desk.output.includes('hello-from-bob'), said)
    await eventually(async () => (await conversation()).find((message) => message.id === id)?.state === 'delivered', said)
    await until(() => /NOTIFY [^]*Event: presence[^]*<basic>open/.test(desk.output), said)
    desk.command('presence_online')
    await eventually(async () => (await alice.state()).contacts['desk@office.example']?.presence.state === 'available', said)
    await until(() => /SIP\/2\.0 200 OK[^#]*CSeq: \d+ PUBLISH/.test(desk.output), said)
    await alice.client.call('contacts.remove', { aor: 'desk@office.example' })
  })

  it('is called by its own peer through the same bridge, and holds from its side', async () => {
    const desk = await plugIn('audio_codecs=PCMU', ['g711'])
    const { id } = await alice.client.call('call.place', { uri: 'sip:desk@office.example', media: site.media('own') })
    await until(() => alice.calls.get(id)?.state === 'active', () => JSON.stringify([alice.calls.get(id), desk.events, desk.output.slice(-30000)]))
    await sleep(1_500)
    desk.command('hold')
    await until(() => alice.calls.get(id)?.heldByThem === true, () => JSON.stringify(alice.calls.get(id)))
    desk.command('resume')
    await until(() => alice.calls.get(id)?.heldByThem === false, () => JSON.stringify(alice.calls.get(id)))
    await sleep(1_500)
    await alice.client.call('call.hangup', { id })
    expect(site.hears('own'), 'alice hears').toSatisfy((hz: number) => near(hz, 440))
  })
})
