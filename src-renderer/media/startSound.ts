/** Joins the sound to the stores, once for the main window: media requests, tones, devices. */
import { watch } from 'vue'
import { useCalls } from '../stores/calls.ts'
import { usePeer } from '../stores/peer.ts'
import { browserEnvironment, switchSpeaker, watchDevices } from './devices.ts'
import { MediaClient } from './mediaClient.ts'
import { Tones } from './tones.ts'

const report = (cause: unknown): void => { console.warn('sound:', cause) }

export function startSound(): void {
  const peer = usePeer()
  const calls = useCalls()
  const media = new MediaClient(() => peer.connection?.client, browserEnvironment(() => peer.state.settings, report), {
    onSound: (call, state) => {
      if (state === undefined) delete calls.sound[call]
      else calls.sound[call] = state
    },
    onError: report,
  })
  calls.media = media
  peer.onMedia((event) => { media.handle(event).catch(report) })
  peer.onLost(() => { media.closeAll() })

  const tones = new Tones(() => peer.state.settings.ringVolume, () => peer.state.settings.ringer, report)
  watch(() => (peer.link === 'connected' ? calls.tone : undefined), (tone) => { tones.play(tone) })
  watch(() => Object.values(calls.ended).length, (count, before) => { if (count > before) tones.end() })

  watch(() => peer.state.settings.microphone, () => { if (media.active) media.switchMicrophone().catch(report) })
  watch(() => peer.state.settings.speaker, (speaker) => { switchSpeaker(speaker).catch(report) })
  watchDevices(report)
}
