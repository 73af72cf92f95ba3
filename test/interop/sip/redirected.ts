/**
 * §3.4.4: a phone that asks a redirect peer, gets 302 with a ticket to the callee's own peer, and calls there, by itself,
 * without an account. What both ends hear is measured: the phone plays 440 Hz, bob 880.
 */
import { spawnSync } from 'node:child_process'
import { dominantFrequency } from '../../../src-main/media/tone.ts'
import { readWav } from '../../../src-main/media/wav.ts'
import { BaresipPhone, until } from './baresipPhone.ts'
import { routeForLinphone } from './linphone.ts'
import { LinphonePhone } from './linphonePhone.ts'
import { namespaceAddress as host } from './namespace.ts'
import { eventually, openSite, type Site, sleep } from './site.ts'

export interface Redirected {
  /** host:port that the phone was sent to, and that of bob's peer */
  readonly sentTo: string
  readonly bobsPeer: string
  /** Hz */
  readonly byBob: number
  readonly byPhone: number
}
export type Seen = Record<'baresip' | 'linphonec', Redirected>

/** Of bob's peer, on a machine of its own. */
const otherHost = '198.51.100.2'

interface Desk { dial(uri: string): void; talk?(): void; hears(): number; log(): string; hangUp(): void; stop(): Promise<void> }

export async function observe(): Promise<Seen> {
  routeForLinphone()
  spawnSync('ip', ['addr', 'add', `${otherHost}/24`, 'dev', 'd0'])
  const [baresip, linphonec] = await Promise.all([redirected(async (site, password) => {
    const phone = new BaresipPhone({
      account: `<sip:desk@${site.server}>;auth_user=desk;auth_pass=${password};regint=60;audio_codecs=PCMU`, sipPort: 5440, controlPort: 4640, toneHz: 440, codecs: ['g711'], host, trace: true,
    })
    await phone.start()
    await eventually(async () => (await site.registrations('desk')) > 0, () => phone.output)
    return {
      dial: (uri) => { phone.command('dial', uri) }, hangUp: () => { phone.command('hangup') }, log: () => phone.output, stop: () => phone.stop(),
      hears: () => { const last = phone.heard().at(-1); return last === undefined ? 0 : Math.round(dominantFrequency(last).hz) },
    }
  }), redirected(async (site, password) => {
    const phone = new LinphonePhone({ user: 'desk', password, domain: 'office.example', proxy: site.server, transport: 'udp', sipPort: 5460, toneHz: 440, codec: 'PCMU', registers: false })
    await phone.start()
    return {
      dial: (uri) => { phone.command(`call ${uri}`) }, hangUp: () => { phone.command('terminate') }, log: () => phone.log, stop: () => phone.stop(),
      talk: () => { phone.play() }, hears: () => Math.round(dominantFrequency(readWav(phone.recording)).hz),
    }
  })])
  return { baresip, linphonec }
}

async function redirected(start: (site: Site, password: string) => Promise<Desk>): Promise<Redirected> {
  const site = await openSite({ host, roles: ['redirect', 'registrar'], bobServesAt: otherHost })
  const { bob } = site
  let desk: Desk | undefined
  try {
    const phone = desk = await start(site, await site.addPhone('desk'))
    const ringing = bob.nextCall()
    phone.dial(`sip:bob@${site.server}`)
    await until(() => ringing()?.state === 'incoming', () => phone.log().slice(-9_000))
    await bob.client.call('call.answer', { id: ringing()?.id ?? '', media: site.media('bob') })
    await until(() => ringing()?.state === 'active', () => phone.log().slice(-9_000))
    phone.talk?.()
    let byBob = 0
    for (let i = 0; i < 20 && Math.abs(byBob - 440) > 4; i++) {
      await sleep(300)
      try { byBob = site.hears('bob', 1) } catch { byBob = 0 } // nothing is recorded yet
    }
    await sleep(1_500)
    phone.hangUp()
    await until(() => ringing()?.state === 'ended', () => phone.log().slice(-9_000))
    await sleep(700) // the phone closes its recording
    const sentTo = /SIP\/2\.0 302[^]*?\nContact: <sip:[\w-]{20,}@([\d.:]+)>/.exec(phone.log())?.[1] ?? 'nowhere'
    return { sentTo, bobsPeer: (await bob.state()).status.sip ?? '', byBob, byPhone: phone.hears() }
  } finally {
    await desk?.stop()
    await site.close()
  }
}
