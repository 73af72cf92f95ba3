/**
 * Transfers (RFC 3515, RFC 5589) with a phone at alice's peer, through its proxy: the phone transfers, is transferred, and
 * is transferred to, without and with consultation (RFC 3891). bob and carol are people of the overlay. What both ends
 * of the new call hear is measured.
 */
import { readFileSync } from 'node:fs'
import type { CallView } from '../../../src-shared/model/index.ts'
import { dominantFrequency } from '../../../src-main/media/tone.ts'
import { BaresipPhone, readRecording, until } from './baresipPhone.ts'
import { routeForLinphone } from './linphone.ts'
import { LinphonePhone } from './linphonePhone.ts'
import { namespaceAddress as host } from './namespace.ts'
import { eventually, openSite, overlayName, type RunningPeer, type Site, sleep } from './site.ts'

/** What a phone of either make does here; it answers by itself. */
interface Desk {
  /** its sound from now on, where it has to be told */
  talk(): void
  /** Strongest frequency of its last recording's end, in Hz. */
  hears(): number
  dial(user: string): void
  transfer(user: string): void
  /** the first of its two calls to the second one's other side */
  join?(): void
  hangUp(): void
  tail(): string
  stop(): Promise<void>
}

export interface Outcome {
  /** why it did not come about; nothing else then holds */
  readonly failed?: string
  /** Hz: at the two ends of the call that the transfer made */
  readonly atPhone?: number
  readonly atBob?: number
  readonly atCarol?: number
}
export type Scenario = 'transfers' | 'isTransferred' | 'isTransferredTo' | 'transfersWithConsultation' | 'isTransferredWithConsultation' | 'isTransferredToWithConsultation'
export type Make = 'baresip' | 'linphonec'
export type Seen = Record<Make, Record<Scenario, Outcome>>

/** Hz of what is played there. */
export const tones = { atPhone: 440, atBob: 880, atCarol: 660 }

const endOf = ({ samples, sampleRate }: { samples: Float32Array; sampleRate: number }): number => Math.round(dominantFrequency({ samples: samples.slice(-sampleRate), sampleRate }).hz)

async function baresip(site: Site, password: string): Promise<Desk> {
  const phone = new BaresipPhone({
    account: `<sip:desk@${overlayName}>;auth_user=desk;auth_pass=${password};outbound="sip:${site.server}";regint=60;answermode=auto;audio_codecs=PCMU`,
    sipPort: 5400, controlPort: 4600, toneHz: 440, codecs: ['g711'], host, trace: true,
  })
  await phone.start()
  return {
    talk: () => {}, hears: () => { const last = phone.heard().at(-1); return last === undefined ? 0 : endOf(last) },
    dial: (user) => { phone.command('dial', `sip:${user}@${overlayName}`) }, transfer: (user) => { phone.command('transfer', `sip:${user}@${overlayName}`) },
    hangUp: () => { phone.command('hangup') }, tail: () => phone.output.slice(-12_000), stop: () => phone.stop(),
  }
}

async function linphonec(site: Site, password: string): Promise<Desk> {
  const phone = new LinphonePhone({ user: 'desk', password, domain: overlayName, proxy: site.server, transport: 'udp', sipPort: 5420, toneHz: 440, codec: 'PCMU', autoAnswer: true })
  await phone.start()
  return {
    talk: () => { phone.play() }, hears: () => endOf(readRecording(readFileSync(phone.recording))),
    dial: (user) => { phone.command('pause'); setTimeout(() => { phone.command(`call sip:${user}@${overlayName}`) }, 1_000) }, transfer: (user) => { phone.command(`transfer sip:${user}@${overlayName}`) },
    join: () => { const [first, second] = phone.callIds(); phone.command(`transfer ${first} --to-call ${second}`) },
    hangUp: () => { phone.command('terminate all') }, tail: () => phone.tail(), stop: () => phone.stop(),
  }
}

/** Both makes at the same time, each in an overlay of its own. */
export async function observe(): Promise<Seen> {
  routeForLinphone()
  const [ofBaresip, ofLinphonec] = await Promise.all([withPhone('baresip', baresip), withPhone('linphonec', linphonec)])
  return { baresip: ofBaresip, linphonec: ofLinphonec }
}

async function withPhone(make: Make, start: (site: Site, password: string) => Promise<Desk>): Promise<Seen[Make]> {
  const site = await openSite({ host, roles: ['proxy', 'registrar'], withCarol: 'peer' })
  let desk: Desk | undefined
  try {
    desk = await start(site, await site.addPhone('desk'))
    await eventually(async () => (await site.registrations('desk')) > 0, () => desk?.tail() ?? '')
    return await scenarios(site, desk, make)
  } finally {
    await desk?.stop()
    await site.close()
  }
}

async function scenarios(site: Site, desk: Desk, make: Make): Promise<Record<Scenario, Outcome>> {
  const { alice, bob, carol } = site
  if (carol === undefined) throw new Error('no carol')
  const people = [alice, bob, carol]
  const live = (peer: RunningPeer): CallView[] => [...peer.calls.values()].filter((call) => call.state !== 'ended')
  const dump = (): string => JSON.stringify([live(bob), live(carol), live(alice)]) + desk.tail()
  const active = async (call: () => CallView | undefined): Promise<string> => {
    const refused = (): boolean => live(bob).some((each) => each.transfer?.state === 'failed')
    await until(() => call()?.state === 'active' || refused(), dump)
    if (call()?.state !== 'active') throw new Error(`refused: ${dump()}`)
    return call()?.id ?? ''
  }
  const place = async (peer: RunningPeer, user: string, name: string, hz: number): Promise<string> => {
    const { id } = await peer.client.call('call.place', { uri: `sip:${user}@${overlayName}`, media: site.media(name, hz) })
    return active(() => peer.calls.get(id))
  }
  /** The next call that comes to a person is answered. */
  const answers = async (peer: RunningPeer, next: () => CallView | undefined, name: string, hz: number): Promise<string> => {
    await until(() => next()?.state === 'incoming', dump)
    await peer.client.call('call.answer', { id: next()?.id ?? '', media: site.media(name, hz) })
    return active(next)
  }
  const over = (peer: RunningPeer, id: string): Promise<void> => until(() => peer.calls.get(id)?.state === 'ended', dump)
  const clear = async (): Promise<void> => {
    desk.hangUp()
    for (const peer of people) for (const { id } of live(peer)) await peer.client.call('call.hangup', { id })
    await until(() => people.every((peer) => live(peer).length === 0), dump)
    await sleep(700)
  }
  /** bob talks with the phone. */
  const talking = async (name: string): Promise<string> => {
    const id = await place(bob, 'alice', name, 880)
    desk.talk()
    await sleep(600)
    return id
  }
  /** What is heard at each end of the new call, as soon as it is what it should be. */
  const listen = async (ends: Partial<Record<keyof typeof tones, () => number>>): Promise<Outcome> => {
    if (ends.atPhone !== undefined) desk.talk()
    const [first, second] = Object.keys(ends) as (keyof typeof tones)[]
    const measured = async (at: keyof typeof tones | undefined, other: keyof typeof tones | undefined): Promise<[string, number]> => {
      let hz = 0
      for (let i = 0; i < 40 && Math.abs(hz - tones[other ?? 'atBob']) > 4; i++) {
        await sleep(200)
        try { hz = ends[at ?? 'atBob']?.() ?? 0 } catch { hz = 0 } // nothing is recorded yet
      }
      return [at ?? '', hz]
    }
    return Object.fromEntries(await Promise.all([measured(first, second), measured(second, first)]))
  }

  const all: Record<Scenario, (name: string) => Promise<Outcome>> = {
    transfers: async (name) => {
      const first = await talking(name), atCarol = carol.nextCall()
      desk.transfer('carol')
      await answers(carol, atCarol, `${name}-carol`, 660)
      await over(bob, first)
      return listen({ atBob: () => site.hears(`${name}-2`, 1), atCarol: () => site.hears(`${name}-carol`, 1) })
    },
    isTransferred: async (name) => {
      const first = await talking(name), atCarol = carol.nextCall()
      await bob.client.call('call.transfer', { id: first, uri: `sip:carol@${overlayName}` })
      await answers(carol, atCarol, `${name}-carol`, 660)
      await over(bob, first)
      return listen({ atPhone: () => desk.hears(), atCarol: () => site.hears(`${name}-carol`, 1) })
    },
    isTransferredTo: async (name) => {
      const atCarol = carol.nextCall()
      const [first, second] = await Promise.all([place(bob, 'carol', name, 880), answers(carol, atCarol, `${name}-carol`, 660)])
      const next = bob.nextCall()
      await carol.client.call('call.transfer', { id: second, uri: `sip:alice@${overlayName}` })
      await active(next)
      await over(bob, first)
      return listen({ atPhone: () => desk.hears(), atBob: () => site.hears(`${name}-2`, 1) })
    },
    transfersWithConsultation: async (name) => {
      if (desk.join === undefined) throw new Error('it has no command for that')
      const first = await talking(name), atCarol = carol.nextCall()
      desk.dial('carol')
      const second = await answers(carol, atCarol, `${name}-carol`, 660)
      await sleep(600)
      const atBob = bob.nextCall(), again = carol.nextCall()
      desk.join()
      await active(atBob)
      await active(again)
      await over(bob, first)
      await over(carol, second)
      return listen({ atBob: () => site.hears(`${name}-2`, 1), atCarol: () => site.hears(`${name}-carol-2`, 1) })
    },
    isTransferredWithConsultation: async (name) => {
      const first = await talking(name), atCarol = carol.nextCall()
      const [second, third] = await Promise.all([place(bob, 'carol', `${name}-other`, 880), answers(carol, atCarol, `${name}-carol`, 660)])
      const again = carol.nextCall()
      await bob.client.call('call.transfer', { id: first, withCall: second })
      await active(again)
      await over(bob, first)
      await over(carol, third)
      return listen({ atPhone: () => desk.hears(), atCarol: () => site.hears(`${name}-carol-2`, 1) })
    },
    isTransferredToWithConsultation: async (name) => {
      const atCarol = carol.nextCall()
      const [first, second] = await Promise.all([place(bob, 'carol', name, 880), answers(carol, atCarol, `${name}-carol`, 660)])
      const third = await talking(`${name}-other`), again = carol.nextCall()
      await bob.client.call('call.transfer', { id: first, withCall: third })
      await active(again)
      await over(carol, second)
      await over(bob, third)
      return listen({ atPhone: () => desk.hears(), atCarol: () => site.hears(`${name}-carol-2`, 1) })
    },
  }
  const out: Partial<Record<Scenario, Outcome>> = {}
  for (const [scenario, run] of Object.entries(all) as [Scenario, (name: string) => Promise<Outcome>][]) {
    out[scenario] = await run(`${make}-${scenario}`).catch((cause: unknown) => ({ failed: String(cause) }))
    await clear()
  }
  return out as Record<Scenario, Outcome>
}
