import { Emitter } from '../../src-main/base/event.ts'
import type { MdnsMessage, MulticastDns } from '../../src-main/ports/multicastDns.ts'

/** A link on which everybody hears everybody, himself too, as the real one. */
export class MulticastLink {
  readonly ends: { emit(message: MdnsMessage, host: string): void }[] = []
  readonly sent: MdnsMessage[] = []
  /** whose cable is pulled */
  muted = ''
  open(host: string): () => Promise<MulticastDns> {
    return () => {
      const emitter = new Emitter<{ message: MdnsMessage; from: { host: string; port: number } }>()
      const end = { emit: (message: MdnsMessage, from: string) => { emitter.emit({ message, from: { host: from, port: 5353 } }) } }
      this.ends.push(end)
      return Promise.resolve({
        onMessage: emitter.event,
        send: (message: MdnsMessage) => { if (host === this.muted) return; this.sent.push(message); for (const other of [...this.ends]) other.emit(message, host) },
        close: () => { this.ends.splice(this.ends.indexOf(end), 1); return Promise.resolve() },
      })
    }
  }
}
