/** The switches that every Chromium under test gets, in a window of its own or inside of Electron. */
import { execFileSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { writeToneFile } from './tone.ts'

const loopbackOnly = (): boolean => Object.values(networkInterfaces()).every((each) => each?.every(({ internal }) => internal) ?? true)

/** @param dir where the microphone's file goes; @param hz what the microphone hears */
export function soundSwitches(dir: string, hz: number): string[] {
  return [
    '--no-sandbox', '--disable-gpu', '--force-device-scale-factor=1',
    '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${writeToneFile(join(dir, `microphone-${hz}.wav`), hz)}`,
    '--autoplay-policy=no-user-gesture-required', '--disable-audio-output',
    // a machine that has loopback only would have no path for sound; elsewhere it would be one more that the other side may take
    ...(loopbackOnly() ? ['--allow-loopback-in-peer-connection'] : []),
  ]
}

/** Debian's Chromium, or what else there is of its kind. */
export function systemBrowser(): string {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim()
    } catch { continue } // not that one
  }
  throw new Error('there is no Chromium on this system')
}
