/**
 * The sounds of the phone, synthesised: ringing for incoming calls, ringback while the other side rings, the
 * waiting beep, the end. One AudioContext; patterns are scheduled a cycle at a time.
 */
import { outputId } from './devices.ts'

export type Tone = 'ring' | 'ringback' | 'waiting'

interface Note { atS: number; forS: number; hz: number[]; gain: number }
interface Pattern { cycleS: number; notes: Note[] }

const chime = (atS: number, hz: number): Note => ({ atS, forS: 0.55, hz: [hz, hz * 2.01], gain: 0.5 })
const patterns: Record<Tone, Pattern> = {
  // two rising thirds, twice: recognisable in a room and not shrill
  ring: { cycleS: 3.2, notes: [chime(0, 659.3), chime(0.18, 830.6), chime(0.36, 987.8), chime(0.9, 659.3), chime(1.08, 830.6), chime(1.26, 987.8)] },
  ringback: { cycleS: 5, notes: [{ atS: 0, forS: 1, hz: [425], gain: 0.15 }] },
  waiting: { cycleS: 8, notes: [{ atS: 0, forS: 0.15, hz: [440], gain: 0.2 }, { atS: 0.3, forS: 0.15, hz: [440], gain: 0.2 }] },
}

export class Tones {
  private context: AudioContext | undefined
  private current: { tone: Tone; timer: ReturnType<typeof setInterval>; gain: GainNode } | undefined

  constructor(private readonly volume: () => number, private readonly ringer: () => string, private readonly report: (cause: unknown) => void) {}

  /** Plays this tone until another or none is asked for; asking for the same again changes nothing. */
  play(tone: Tone | undefined): void {
    if (this.current?.tone === tone) return
    this.stop()
    if (tone === undefined) return
    const context = this.open(tone === 'ring')
    const gain = context.createGain()
    gain.gain.value = tone === 'ring' ? this.volume() : 1
    gain.connect(context.destination)
    const pattern = patterns[tone]
    const cycle = (): void => { for (const note of pattern.notes) strike(context, gain, note) }
    cycle()
    this.current = { tone, gain, timer: setInterval(cycle, pattern.cycleS * 1000) }
  }

  /** One short falling sound. */
  end(): void {
    const context = this.open(false)
    strike(context, context.destination, { atS: 0, forS: 0.18, hz: [480], gain: 0.12 })
    strike(context, context.destination, { atS: 0.2, forS: 0.22, hz: [360], gain: 0.12 })
  }

  private stop(): void {
    if (this.current === undefined) return
    clearInterval(this.current.timer)
    this.current.gain.disconnect()
    this.current = undefined
  }

  private open(ringing: boolean): AudioContext {
    this.context ??= new AudioContext()
    const context = this.context as AudioContext & { setSinkId?(id: string): Promise<void> }
    context.setSinkId?.(ringing ? outputId(this.ringer()) : '').catch(this.report)
    if (context.state === 'suspended') context.resume().catch(this.report)
    return context
  }
}

function strike(context: AudioContext, target: AudioNode, note: Note): void {
  const start = context.currentTime + note.atS + 0.02
  const envelope = context.createGain()
  envelope.gain.setValueAtTime(0, start)
  envelope.gain.linearRampToValueAtTime(note.gain, start + 0.015)
  envelope.gain.setValueAtTime(note.gain, start + note.forS * 0.5)
  envelope.gain.exponentialRampToValueAtTime(0.001, start + note.forS)
  envelope.connect(target)
  for (const hz of note.hz) {
    const oscillator = context.createOscillator()
    oscillator.frequency.value = hz
    oscillator.connect(envelope)
    oscillator.start(start)
    oscillator.stop(start + note.forS + 0.05)
  }
}
