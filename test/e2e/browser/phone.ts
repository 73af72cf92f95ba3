/**
 * baresip, registered at the peer of a user interface in Chromium, with ICE and DTLS-SRTP straight to the browser's
 * RTCPeerConnection, in a network of its own. Tells what was observed: both tones in a call of each direction.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dominantFrequency } from '../../../src-main/media/tone.ts'
import { BaresipPhone, until } from '../../interop/sip/baresipPhone.ts'
import { namespaceAddress as host } from '../../interop/sip/namespace.ts'
import { ringway } from '../../support/ringwayProcess.ts'
import { openInBrowser } from '../support/headless.ts'
import { hearTone } from '../support/sound.ts'
import { addContact, answer, call, callIs, createOverlay, registered } from '../support/steps.ts'

export interface Talk { readonly codec: string; readonly security: string; readonly atBrowser: number; readonly atPhone: number }
export interface Seen { readonly calls: Talk; readonly called: Talk }

export async function observe(): Promise<Seen> {
  const profile = mkdtempSync(join(tmpdir(), 'ringway-phone-'))
  const alice = await openInBrowser(profile, 660, ['--listen', '127.0.0.1:0', '--no-multicast', '--serve', 'proxy,registrar', '--sip', `${host}:5070`])
  const { page } = alice
  page.setDefaultTimeout(20_000)
  let phone: BaresipPhone | undefined
  try {
    await createOverlay(page, 'home.example', 'alice')
    const sheet = page.getByTestId('invite-sheet') // opens by itself, later than the app on a busy machine
    await sheet.waitFor()
    await page.keyboard.press('Escape')
    await sheet.waitFor({ state: 'hidden' })
    await registered(page, 'alone')
    const password = String((await ringway(profile, ['phones', 'add', 'desk', '--md5'])).at(-1)?.['password'])
    const desk = phone = new BaresipPhone({
      account: `<sip:desk@home.example>;auth_user=desk;auth_pass=${password};outbound="sip:${host}:5070";regint=60;answermode=auto;medianat=ice;mediaenc=dtls_srtp;audio_codecs=opus/48000/2`,
      sipPort: 5480, controlPort: 4680, toneHz: 440, codecs: ['opus'], host,
    })
    await desk.start()
    await until(() => desk.saw('REGISTER_OK') || desk.output.includes('200 OK'), () => desk.output.slice(-4_000))
    const talk = async (): Promise<Talk> => {
      await callIs(page, 'active')
      const { hz } = await hearTone(page, 440)
      const stage = page.getByTestId('call-stage')
      const [codec, security] = [await stage.getAttribute('data-codec'), await stage.getAttribute('data-security')]
      await page.getByTestId('hangup').click()
      await callIs(page, 'ended')
      const heard = desk.heard().at(-1)
      return { codec: codec ?? '', security: security ?? '', atBrowser: Math.round(hz), atPhone: heard === undefined ? 0 : Math.round(dominantFrequency(heard).hz) }
    }
    desk.command('dial', 'sip:alice@home.example')
    await answer(page)
    const calls = await talk()
    await addContact(page, 'desk@home.example', 'Desk')
    await call(page, 'desk@home.example')
    const called = await talk()
    return { calls, called }
  } finally {
    await phone?.stop()
    await alice.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
  }
}
