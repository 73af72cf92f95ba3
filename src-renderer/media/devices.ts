/**
 * Sound devices of this machine by label, and the browser side of MediaEnvironment. Settings keep labels, not
 * identifiers: those change with the browser's origin and after a driver update.
 */
import { shallowRef } from 'vue'
import type { MediaEnvironment } from './callMedia.ts'

export interface DeviceChoice { microphone: string; speaker: string; ringer: string }
export interface SoundDevices { inputs: string[]; outputs: string[] }

export const soundDevices = shallowRef<SoundDevices>({ inputs: [], outputs: [] })

const known = new Map<string, string>()
const pseudo = new Set(['default', 'communications'])

/** Reads the list again. Labels are empty until the microphone was allowed once; such devices are left out. */
export async function readDevices(): Promise<void> {
  if (!('mediaDevices' in navigator)) return
  const found: SoundDevices = { inputs: [], outputs: [] }
  for (const device of await navigator.mediaDevices.enumerateDevices()) {
    if (device.label === '' || pseudo.has(device.deviceId)) continue
    const list = device.kind === 'audioinput' ? found.inputs : device.kind === 'audiooutput' ? found.outputs : undefined
    if (list === undefined) continue
    known.set(`${device.kind} ${device.label}`, device.deviceId)
    if (!list.includes(device.label)) list.push(device.label)
  }
  soundDevices.value = found
}

export function watchDevices(report: (cause: unknown) => void): void {
  if (!('mediaDevices' in navigator)) return
  const read = (): void => { readDevices().catch(report) }
  navigator.mediaDevices.addEventListener('devicechange', read)
  read()
}

/** The output's identifier for setSinkId; '' is the system's choice. */
export const outputId = (label: string): string => known.get(`audiooutput ${label}`) ?? ''

/** Switches the browser's processing off, for tests that measure steady tones. */
export function rawAudio(location: Location, storage: Storage): boolean {
  return storage.getItem('ringway.rawAudio') === '1' || new URL(location.href).searchParams.has('ringway.rawAudio')
}

/** Opens the chosen microphone, or the system's when that one is not there. */
export async function openMicrophone(label: string): Promise<MediaStream> {
  if (!('mediaDevices' in navigator)) throw new DOMException('no media devices in this page', 'NotFoundError')
  const processing = !rawAudio(location, localStorage)
  const id = known.get(`audioinput ${label}`)
  const audio: MediaTrackConstraints = {
    echoCancellation: processing, noiseSuppression: processing, autoGainControl: processing,
    ...(id === undefined ? {} : { deviceId: { ideal: id } }),
  }
  const stream = await navigator.mediaDevices.getUserMedia({ audio })
  await readDevices()
  return stream
}

const playing = new Set<HTMLAudioElement>()

/** Sends what is being played to another output. */
export async function switchSpeaker(label: string): Promise<void> {
  await Promise.all([...playing].map((element) => element.setSinkId(outputId(label))))
}

/** `onBlocked`: the browser refused to play before the user touched the page. */
export function browserEnvironment(choice: () => DeviceChoice, report: (cause: unknown) => void): MediaEnvironment {
  return {
    createPeerConnection: () => new RTCPeerConnection({ rtcpMuxPolicy: 'require' }),
    audioCapabilities: () => RTCRtpReceiver.getCapabilities('audio')?.codecs ?? [],
    openMicrophone: () => openMicrophone(choice().microphone),
    play(stream) {
      const element = document.createElement('audio')
      element.autoplay = true
      element.dataset.testid = 'remote-audio'
      element.srcObject = stream
      document.body.append(element)
      playing.add(element)
      const sink = outputId(choice().speaker)
      if (sink !== '') element.setSinkId(sink).catch(report)
      element.play().catch(report)
      return {
        stop: () => {
          playing.delete(element)
          element.srcObject = null
          element.remove()
        },
        setSilent: (silent) => { element.muted = silent },
      }
    },
  }
}
