/**
 * A whole phone of ours without an overlay, called by baresip with ICE and DTLS-SRTP and calling it, in a network of
 * its own: sound both ways, hold, keys, messages, transfer in every role. Tells what was observed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CallView } from '@shared/model/index.ts'
import { createHeadlessMedia } from '../../../src-main/media/headlessMedia.ts'
import { dominantFrequency, writeTone } from '../../../src-main/media/tone.ts'
import { readWav } from '../../../src-main/media/wav.ts'
import { createNodeClock } from '../../../src-main/node/clock.ts'
import { createNodeNetwork } from '../../../src-main/node/network.ts'
import { createNodeRandom } from '../../../src-main/node/random.ts'
import type { MediaPort } from '../../../src-main/phone/mediaPort.ts'
import { createPhone } from '../../../src-main/phone/phone.ts'
import { createSipElement, type SipElement } from '../../../src-main/sip/element/element.ts'
import type { Log } from '../../../src-main/ports/log.ts'
import { memoryStores } from '../../unit/src-main/phone/memoryStores.ts'
import { BaresipPhone, until } from './baresipPhone.ts'
import { namespaceAddress as host } from './namespace.ts'

export async function observe(): Promise<Record<string, unknown>> {
  const quiet: Log = { debug: () => {}, info: (event, fields) => { if (process.env['DEBUG_DIRECT'] !== undefined) console.error(event, fields) }, warn: (event, fields) => { console.error(event, fields) }, error: (event, fields) => { console.error(event, fields) }, child: () => quiet }
  const work = mkdtempSync(join(tmpdir(), 'direct-'))
  const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
  const clock = createNodeClock(), random = createNodeRandom()
  const desk = { port: 5082, aor: `desk@${host}:5082` }, carol = { port: 5092, aor: `carol@${host}:5092` }

  let sip: SipElement | undefined
  const element = (): SipElement => { if (sip === undefined) throw new Error('no element'); return sip }
  const phone = createPhone({
    clock, random, log: quiet, stores: memoryStores(), aor: () => `bob@${host}:5062`,
    resolver: {
      resolve: (uri) => {
        const aor = uri.replace(/^sip:/, '')
        const port = Number(aor.split(':')[1])
        return Promise.resolve([{ requestUri: `sip:${aor}`, connection: element().udpFlow({ host, port }) }])
      },
    },
    userAgent: (user) => {
      sip = createSipElement({ clock, random, log: quiet, network: createNodeNetwork(), user, local: () => ({ aor: 'bob@office.example', displayName: 'Bob' }) })
      return sip.userAgent
    },
  })
  await element().listen({ host, port: 5062 })
  phone.start()

  const secure = 'medianat=ice;mediaenc=dtls_srtp;audio_codecs=opus/48000/2'
  const make = (name: string, port: number, toneHz: number): BaresipPhone => new BaresipPhone({
    account: `<sip:${name}@${host}:${port};transport=udp>;regint=0;${secure}${name === 'carol' ? ';answermode=auto' : ''}`,
    sipPort: port, controlPort: port - 600, toneHz, codecs: ['opus', 'g711'], host, trace: process.env['DEBUG_DIRECT'] !== undefined, contacts: `"Bob" <sip:bob@${host}:5062>;presence=p2p`,
  })
  const baresip = make('desk', desk.port, 440), third = make('carol', carol.port, 660)
  const seen: Record<string, unknown> = {}
  const media = (name: string): MediaPort => createHeadlessMedia({ clock, log: quiet, play: writeTone(join(work, `${name}-play.wav`), { hz: 880, seconds: 1 }), record: join(work, `${name}.wav`) })
  const hears = (name: string): number => Math.round(dominantFrequency(readWav(join(work, name))).hz)
  const live = (): CallView[] => phone.calls.all().filter((call) => call.state !== 'ended')
  const dump = (): string => JSON.stringify([phone.calls.all(), baresip.events.slice(-6), baresip.output.slice(-6000)])
  const active = async (): Promise<CallView> => {
    await until(() => live().some((call) => call.state === 'active'), dump)
    const [call] = live()
    if (call === undefined) throw new Error('no call')
    return call
  }
  const answer = async (name: string): Promise<CallView> => {
    await until(() => live().some((call) => call.state === 'incoming'), dump)
    phone.calls.answer(live()[0]?.id ?? '', media(name))
    return active()
  }
  const over = (): Promise<void> => until(() => live().length === 0, dump)

  try {
    await baresip.start()
    await third.start()

    baresip.command('dial', `sip:bob@${host}:5062`)
    const call = await answer('called')
    seen['called'] = { security: call.security, codec: call.codec }
    await sleep(2_500)
    baresip.command('sndcode', '7')
    await until(() => live()[0]?.digits === '7', dump)
    phone.calls.sendKeys(call.id, '5#')
    await until(() => baresip.events.filter((event) => event.type === 'CALL_DTMF_START').length === 2, dump)
    seen['keys'] = { toUs: live()[0]?.digits, fromUs: baresip.events.filter((event) => event.type === 'CALL_DTMF_START').map((event) => event.param) }
    baresip.command('hold')
    await until(() => live()[0]?.heldByThem === true, dump)
    baresip.command('resume')
    await until(() => live()[0]?.heldByThem === false, dump)
    phone.calls.hold(call.id)
    await sleep(800)
    seen['held'] = phone.calls.get(call.id)?.heldByMe
    phone.calls.resume(call.id)
    await sleep(2_500)
    baresip.command('hangup')
    await over()
    await sleep(300)
    const heard = baresip.heard().at(-1)
    seen['heard'] = { byUs: hears('called.wav'), byThem: heard === undefined ? 0 : Math.round(dominantFrequency(heard).hz) }

    const { id } = phone.messages.send(`sip:${desk.aor}`, 'hello phone')
    await until(() => phone.messages.list(`sip:${desk.aor}`).find((message) => message.id === id)?.state === 'delivered', () => JSON.stringify(phone.messages.list(`sip:${desk.aor}`)))
    seen['message'] = 'delivered'

    // the phone sends us to carol
    baresip.command('dial', `sip:bob@${host}:5062`)
    await answer('transferee')
    await sleep(500)
    baresip.command('transfer', `sip:${carol.aor}`)
    await until(() => live().some((each) => each.state === 'active' && each.remote.aor === carol.aor), dump)
    await sleep(2_500)
    seen['transferee'] = { continues: live().find((each) => each.remote.aor === carol.aor)?.continues !== null, left: live().length }
    for (const each of live()) phone.calls.hangUp(each.id)
    await over()
    await sleep(300)
    seen['transfereeHears'] = hears('transferee-2.wav')

    // we send the phone to carol
    baresip.command('dial', `sip:bob@${host}:5062`)
    const second = await answer('transferor')
    await sleep(500)
    phone.calls.transfer(second.id, `sip:${carol.aor}`)
    await over()
    seen['transferor'] = phone.calls.get(second.id)?.end
    await sleep(500)
    baresip.command('hangup')
    await sleep(300)
  } finally {
    phone.stop()
    await baresip.stop()
    await third.stop()
    await element().close()
    rmSync(work, { recursive: true, force: true })
  }
  return seen
}
