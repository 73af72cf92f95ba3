/** The loudness of the microphone, 0..1, for the meter in the settings. Owns the microphone while it runs. */
import { openMicrophone } from './devices.ts'

export class LevelMeter {
  private stream: MediaStream | undefined
  private context: AudioContext | undefined
  private frame = 0

  /** @throws what getUserMedia throws */
  async start(label: string, onLevel: (level: number) => void): Promise<void> {
    this.stop()
    const stream = await openMicrophone(label)
    const context = new AudioContext()
    const analyser = context.createAnalyser()
    analyser.fftSize = 1024
    context.createMediaStreamSource(stream).connect(analyser)
    this.stream = stream
    this.context = context
    const samples = new Float32Array(analyser.fftSize)
    let shown = 0
    const look = (): void => {
      analyser.getFloatTimeDomainData(samples)
      let sum = 0
      for (const sample of samples) sum += sample * sample
      const db = 10 * Math.log10(sum / samples.length + 1e-10)
      const level = Math.min(1, Math.max(0, (db + 60) / 54))
      shown = level > shown ? level : shown * 0.92 + level * 0.08
      onLevel(shown)
      this.frame = requestAnimationFrame(look)
    }
    look()
  }

  stop(): void {
    cancelAnimationFrame(this.frame)
    for (const track of this.stream?.getTracks() ?? []) track.stop()
    void this.context?.close()
    this.stream = undefined
    this.context = undefined
  }
}
