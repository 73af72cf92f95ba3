/** What a page hears of the other side: measured on the stream that its loudspeaker gets. */
import type { Page } from 'playwright-core'

export interface Heard { hz: number; level: number }

/** The browser's own processing would take a steady tone for noise and fade it: off for tests. */
export async function rawMicrophone(page: Page): Promise<void> {
  await page.evaluate(() => { localStorage.setItem('ringway.rawAudio', '1') })
}

/** Strongest frequency over about a second of the call's sound; level is the strongest bin in dB. */
export async function hear(page: Page): Promise<Heard> {
  await page.waitForFunction(() => {
    const element = document.querySelector<HTMLAudioElement>('[data-testid=remote-audio]')
    return element?.srcObject instanceof MediaStream && element.srcObject.getAudioTracks().length > 0
  })
  return page.evaluate(async () => {
    const element = document.querySelector<HTMLAudioElement>('[data-testid=remote-audio]')
    const context = new AudioContext({ sampleRate: 48_000 })
    try {
      await context.resume()
      const analyser = context.createAnalyser()
      analyser.fftSize = 16_384
      analyser.smoothingTimeConstant = 0
      context.createMediaStreamSource(element?.srcObject as MediaStream).connect(analyser)
      const bins = new Float32Array(analyser.frequencyBinCount)
      const width = context.sampleRate / analyser.fftSize
      let best = { hz: 0, level: -Infinity }
      for (let look = 0; look < 6; look++) {
        await new Promise((done) => { setTimeout(done, 200) })
        analyser.getFloatFrequencyData(bins)
        let peak = Math.ceil(100 / width)
        for (let i = peak; i < bins.length; i++) if ((bins[i] ?? -Infinity) > (bins[peak] ?? -Infinity)) peak = i
        const level = bins[peak] ?? -Infinity
        // the true peak lies between two bins
        const left = bins[peak - 1] ?? level, right = bins[peak + 1] ?? level
        const shift = left === right ? 0 : (0.5 * (left - right)) / (left - 2 * level + right)
        if (level > best.level) best = { hz: (peak + shift) * width, level }
      }
      return best
    } finally { await context.close() }
  })
}

/** Waits until the other side's tone is heard. @throws with what was heard instead */
export async function hearTone(page: Page, hz: number, timeoutMs = 15_000): Promise<Heard> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const heard = await hear(page)
    if (heard.level > -60 && Math.abs(heard.hz - hz) < 8) return heard
    if (Date.now() > until) throw new Error(`${hz} Hz is not heard, but ${heard.hz.toFixed(1)} Hz at ${heard.level.toFixed(0)} dB`)
  }
}
