/**
 * linphonec, knowing nothing of the overlay, registered at a peer over UDP, TCP and TLS, talks with a user of the overlay
 * by plain RTP, and writes, in a network of its own. Tells what was observed; linphone.test.ts says what that must be.
 */
import { spawnSync } from 'node:child_process'
import { getServers } from 'node:dns'
import type { CallView, MessageView } from '../../../src-shared/model/index.ts'
import { dominantFrequency } from '../../../src-main/media/tone.ts'
import { readWav } from '../../../src-main/media/wav.ts'
import { until } from './baresipPhone.ts'
import { LinphonePhone, type LinphoneOptions } from './linphonePhone.ts'
import { namespaceAddress as host } from './namespace.ts'
import { eventually, openSite, overlayName, sleep } from './site.ts'

export interface Talk {
  /** of the overlay user's call */
  readonly codec: string | null
  readonly remote: string
  /** Hz */
  readonly byUser: number
  readonly byPhone: number
}
export interface Seen {
  readonly talks: Record<'udp' | 'tcp' | 'tls', { readonly calls: Talk; readonly called: Talk }>
  /** the phone holds: as the user of the overlay sees it, and what he hears afterwards, in Hz */
  readonly holds: { readonly atUser: readonly boolean[]; readonly heardAfter: number }
  /** the user of the overlay holds: the states of the phone's call, and what he hears afterwards */
  readonly held: { readonly atPhone: readonly string[]; readonly heardAfter: number }
  readonly keys: { readonly toUser: string; readonly toPhone: string }
  readonly messageFrom: { readonly text: string; readonly direction: string; readonly from: string }
  /** the line on the phone's console */
  readonly messageTo: string
  readonly presence: { readonly watched: string; readonly watches: readonly string[] }
  readonly registered: { readonly userAgent: string | undefined; readonly afterQuit: number }
}

/** What linphone needs of a namespace: a default route, without which it takes the network for none, and no name server that lets it wait. */
export function routeForLinphone(): void {
  spawnSync('ip', ['route', 'add', 'default', 'dev', 'd0'])
  for (const server of getServers()) spawnSync('ip', ['route', 'add', 'unreachable', server.replace(/^\[|\](:\d+)?$|^([\d.]+):\d+$/g, '$2')])
}

export async function observe(): Promise<Seen> {
  routeForLinphone()
  const site = await openSite({ host, roles: ['proxy', 'registrar'] })
  const { alice, bob } = site
  let phone: LinphonePhone | undefined
  try {
    const password = await site.addPhone('desk')
    let sipPort = 5090
    const plugIn = async (codec: LinphoneOptions['codec'], transport: LinphoneOptions['transport'], more: Partial<LinphoneOptions> = {}): Promise<LinphonePhone> => {
      await phone?.stop()
      await eventually(async () => (await site.registrations('desk')) === 0, () => 'the last phone has not unregistered')
      const proxy = transport === 'tls' ? site.tlsServer : site.server
      phone = new LinphonePhone({ user: 'desk', password, domain: overlayName, proxy, transport, sipPort: sipPort += 2, toneHz: 440, codec, ...(transport === 'tls' && { caFile: site.rootFile }), ...more })
      await phone.start()
      await eventually(async () => (await site.registrations('desk')) === 1, said)
      return phone
    }
    const said = (): string => phone?.tail() ?? 'no phone'
    const dump = (): string => JSON.stringify([...bob.calls.values()]) + said()
    const dial = async (desk: LinphonePhone, name: string): Promise<string> => {
      const placed = bob.nextCall()
      desk.command(`call sip:bob@${overlayName}`)
      await until(() => placed()?.state === 'incoming', dump, 20)
      await bob.client.call('call.answer', { id: placed()?.id ?? '', media: site.media(name) })
      await until(() => placed()?.state === 'active', dump, 20)
      return placed()?.id ?? ''
    }
    const ring = async (desk: LinphonePhone, name: string): Promise<string> => {
      const { id } = await bob.client.call('call.place', { uri: `sip:alice@${overlayName}`, media: site.media(name) })
      await until(() => bob.calls.get(id)?.state === 'active', dump, 20)
      desk.play()
      return id
    }
    /** From its own side, or else from bob's. */
    const finish = async (id: string, byPhone: boolean, name: string): Promise<Talk> => {
      await sleep(2_500)
      if (byPhone) phone?.command('terminate')
      else await bob.client.call('call.hangup', { id })
      await until(() => bob.calls.get(id)?.state === 'ended', dump, 20)
      await sleep(700) // the phone closes its recording
      const call: CallView | undefined = bob.calls.get(id)
      const byPhoneHz = phone === undefined ? 0 : Math.round(dominantFrequency(readWav(phone.recording)).hz)
      phone?.record()
      return { codec: call?.codec ?? null, remote: call?.remote.aor ?? '', byUser: site.hears(name), byPhone: byPhoneHz }
    }

    // PCMU over UDP: messages, and the user of the overlay holds and sends keys
    let desk = await plugIn('PCMU', 'udp')
    const userAgent = (await alice.client.call('phones.list', {}))[0]?.registrations[0]?.userAgent
    const callsUdp = await finish(await dial(desk, 'callsUdp'), true, 'callsUdp')

    desk.command(`chat sip:bob@${overlayName} hello-from-linphone`)
    const conversation = (): Promise<readonly MessageView[]> => bob.client.call('messages.list', { aor: `alice@${overlayName}` })
    await eventually(async () => (await conversation()).length > 0, said)
    const [message] = await conversation()
    const messageFrom = { text: message?.text ?? '', direction: message?.direction ?? '', from: message?.aor ?? '' }
    const sent = await bob.client.call('messages.send', { uri: `sip:alice@${overlayName}`, text: 'hello-from-bob' })
    await until(() => desk.output.includes('hello-from-bob'), said, 20)
    await eventually(async () => (await conversation()).find(({ id }) => id === sent.id)?.state === 'delivered', said)
    const messageTo = /^.*hello-from-bob.*$/m.exec(desk.output)?.[0] ?? ''

    desk.command('autoanswer enable')
    const first = await ring(desk, 'calledUdp')
    await sleep(1_500)
    const before = desk.log.length
    await bob.client.call('call.hold', { id: first })
    await until(() => desk.callStates(before).includes('PausedByRemote'), dump)
    await sleep(500)
    await bob.client.call('call.resume', { id: first })
    await until(() => desk.callStates(before).at(-1) === 'StreamsRunning', dump)
    const atPhone = desk.callStates(before)
    desk.play()
    await bob.client.call('call.dtmf', { id: first, digits: '7' })
    await until(() => desk.output.includes('Receiving tone'), dump)
    const toPhone = /Receiving tone (\S)/.exec(desk.output)?.[1] ?? ''
    const calledUdp = await finish(first, false, 'calledUdp')
    const held = { atPhone, heardAfter: site.hears('calledUdp', 1.5) }

    // Opus over TCP: the phone holds and sends keys
    desk = await plugIn('opus', 'tcp')
    const second = await dial(desk, 'callsTcp')
    desk.command('5')
    await until(() => bob.calls.get(second)?.digits === '5', dump, 20)
    const toUser = bob.calls.get(second)?.digits ?? ''
    const callsTcp = await finish(second, true, 'callsTcp')
    desk.command('autoanswer enable')
    const atUser: boolean[] = []
    const third = await ring(desk, 'calledTcp')
    await sleep(1_500)
    for (const [command, paused] of [['pause', true], ['resume', false]] as const) {
      desk.command(command)
      await until(() => bob.calls.get(third)?.heldByThem === paused, dump, 20)
      atUser.push(paused)
      await sleep(1_000)
    }
    const calledTcp = await finish(third, false, 'calledTcp')
    const holds = { atUser, heardAfter: site.hears('calledTcp', 2) }

    // PCMU over TLS: presence
    await bob.client.call('presence.set', { state: 'available', note: '' })
    await alice.client.call('contacts.add', { uri: `sip:desk@${overlayName}` })
    desk = await plugIn('PCMU', 'tls', { watches: `sip:bob@${overlayName}`, watchedBy: `sip:alice@${overlayName}` })
    const tells = (): string[] => [...desk.output.matchAll(/Friend .*bob.* is (.*)/g)].map((line) => line[1] ?? '')
    await until(() => tells().length > 0, said)
    await bob.client.call('presence.set', { state: 'busy', note: '' })
    await until(() => tells().length > 1, said)
    const callsTls = await finish(await dial(desk, 'callsTls'), true, 'callsTls')
    desk.command('autoanswer enable')
    const calledTls = await finish(await ring(desk, 'calledTls'), false, 'calledTls')
    const watched = (await alice.state()).contacts[`desk@${overlayName}`]?.presence.state ?? ''
    const watches = tells()

    await desk.stop()
    phone = undefined
    return {
      talks: { udp: { calls: callsUdp, called: calledUdp }, tcp: { calls: callsTcp, called: calledTcp }, tls: { calls: callsTls, called: calledTls } },
      holds, held, keys: { toUser, toPhone }, messageFrom, messageTo, presence: { watched, watches }, registered: { userAgent, afterQuit: await site.registrations('desk') },
    }
  } finally {
    await phone?.stop()
    await site.close()
  }
}
