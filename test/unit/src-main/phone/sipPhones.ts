/** Whole phones over real SIP user agents, joined by pipes in memory, on virtual time. */
import { PeerError } from '../../../../src-main/base/errors.ts'
import { createPhone, type Phone } from '../../../../src-main/phone/phone.ts'
import type { TargetResolver } from '../../../../src-main/phone/targetResolver.ts'
import { createSipElement, type SipElement } from '../../../../src-main/sip/element/element.ts'
import { CallTrace } from '../../../../src-main/sip/transport/callTrace.ts'
import { memoryConnectionPair, type MemoryConnection } from '../../../support/memoryConnection.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'
import { fakeMedia, quiet, type FakeMedia } from './fakeNet.ts'
import { memoryStores } from './memoryStores.ts'

export interface Side { readonly aor: string; readonly phone: Phone; readonly sip: SipElement; readonly trace: CallTrace; pipes: MemoryConnection[] }

export class SipPhones {
  readonly clock = new VirtualClock()
  private readonly sides = new Map<string, Side>()

  pass(ms: number): Promise<void> { return this.clock.advanceAsync(ms) }

  add(name: string): Side {
    const aor = `${name}@office.example`
    let sip: SipElement | undefined
    const random = new SeededRandom(this.sides.size + 1)
    const trace = new CallTrace(this.clock)
    const phone = createPhone({
      noteDialog: (id, callId) => { trace.claim(id, callId) },
      clock: this.clock, random, log: quiet, stores: memoryStores(), resolver: this.resolverOf(aor), aor: () => aor,
      userAgent: (user) => {
        sip = createSipElement({ clock: this.clock, random, log: quiet, user, local: () => ({ aor, displayName: name }) })
        return sip.userAgent
      },
    })
    if (sip === undefined) throw new Error('no user agent')
    sip.transport.tap = trace
    const made = { aor, phone, sip, trace, pipes: [] }
    this.sides.set(aor, made)
    phone.start()
    return made
  }

  /** Places a call and answers it; the sound of both, and the ids each side knows it by. */
  async talk(from: Side, to: Side): Promise<{ out: string; in: string; media: FakeMedia; theirs: FakeMedia }> {
    const media = fakeMedia(), theirs = fakeMedia()
    const out = from.phone.calls.place(to.aor, media)
    await this.pass(500)
    const ringing = to.phone.calls.all().find((call) => call.state === 'incoming')
    if (ringing === undefined) throw new Error('it does not ring')
    to.phone.calls.answer(ringing.id, theirs)
    await this.pass(500)
    return { out, in: ringing.id, media, theirs }
  }

  /** Timers that are left after everything was stopped. */
  async leftovers(): Promise<number> {
    for (const { phone } of this.sides.values()) phone.stop()
    await this.pass(1_000)
    for (const { sip } of this.sides.values()) await sip.close()
    await this.pass(100)
    return this.clock.pending
  }

  /** Opens a pipe at the first look-up and keeps it, as the overlay's transport does. */
  private resolverOf(own: string): TargetResolver {
    const open = new Map<string, MemoryConnection>()
    return {
      resolve: (uri) => {
        const aor = uri.replace(/^sip:/, '')
        const from = this.sides.get(own), to = this.sides.get(aor)
        if (from === undefined || to === undefined) return Promise.reject(new PeerError('user-offline'))
        let connection = open.get(aor)
        if (connection === undefined) {
          const [a, b] = memoryConnectionPair(this.clock, { transport: 'TLS', first: { aor: own, nodeId: own }, second: { aor, nodeId: aor } })
          from.sip.attach(a)
          to.sip.attach(b)
          from.pipes.push(a)
          to.pipes.push(b)
          open.set(aor, a)
          connection = a
        }
        return Promise.resolve([{ requestUri: `sip:${aor}`, connection, identity: { aor, nodeId: aor } }])
      },
    }
  }
}
