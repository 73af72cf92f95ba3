/** Messages per second of processor time in one thread: parsed for forwarding, printed, forwarded; ours and other stacks in turn. */
import { DecodeError } from '../../../src-main/base/errors.ts'
import { StreamFramer } from '../../../src-main/sip/message/framer.ts'
import type { SipMessage } from '../../../src-main/sip/message/message.ts'
import { parseDatagram } from '../../../src-main/sip/message/parser.ts'
import { figure, inTurn, median, type Figure } from '../measure.ts'
import { corpus } from './corpus.ts'
import { jssip, npmSip, sipJs, type Contestant } from './others.ts'

const VIA = 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK0123456789abcdef'

/** The same figures of a message as the others' `view`. */
function read(m: SipMessage): number {
  let sum = (m.via.params.get('branch')?.length ?? 0) + (m.fromTag?.length ?? 0) + (m.toTag?.length ?? 0) + m.callId.length + m.cseq.number + (m.maxForwards ?? 0)
  if (m.kind === 'request') sum += m.uri.kind === 'sip' ? m.uri.host.length : 0
  for (const { uri } of m.recordRoutes) sum += uri.kind === 'sip' ? uri.host.length : 0
  const { contacts } = m
  if (contacts !== '*') for (const { uri } of contacts) sum += uri.kind === 'sip' ? uri.host.length : 0
  return sum
}

/** What a proxy does to it. */
function pass(m: SipMessage): void {
  if (m.kind === 'response') { m.headers.replaceFirst('Via', undefined); return }
  m.headers.prepend('Via', VIA)
  m.headers.set('Max-Forwards', String((m.maxForwards ?? 71) - 1))
}

export const ours: Contestant = (() => {
  const parsed = corpus.map((bytes) => { const m = parseDatagram(bytes); pass(m); return m })
  return {
    name: 'Ringway',
    view: (bytes) => read(parseDatagram(bytes)),
    print(i) {
      const m = parsed[i] as SipMessage
      m.headers.revision++ // as if a line had changed: what was printed before is not to be used again
      return m.encode().length
    },
    forward(bytes) {
      const m = parseDatagram(bytes)
      let sum = (m.via.params.get('branch')?.length ?? 0) + m.cseq.number // what its transaction is found by
      if (m.kind === 'request') sum += m.uri.kind === 'sip' ? m.uri.host.length : 0
      pass(m)
      return sum + m.encode().length
    },
  }
})()

export async function messageFigures(rounds: number, sampleMs: number): Promise<readonly Figure[]> {
  const everyone = [ours, npmSip(corpus), await sipJs(), jssip()]
  const section = `messages per second of processor time, one thread (${corpus.length} messages, ${Math.round(corpus.reduce((sum, b) => sum + b.length, 0) / corpus.length)} bytes on average)`
  for (const { name, view } of everyone) for (const bytes of corpus) if (!(view(bytes) > 0)) throw new Error(`${name} reads nothing`)
  let sink = 0
  const cycle = (work: (i: number) => number) => (count: number): void => { for (let i = 0; i < count; i++) sink += work(i % corpus.length) }
  const at = (i: number): Buffer => corpus[i] as Buffer
  const stream = Buffer.concat(corpus)
  const rates = inTurn([
    { name: 'Ringway: parse, nothing read', run: cycle((i) => parseDatagram(at(i)).headers.size) },
    ...everyone.map(({ name, view }) => ({ name: `${name}: parse for forwarding`, run: cycle((i) => view(at(i))) })),
    ...everyone.flatMap(({ name, print }) => (print === undefined ? [] : [{ name: `${name}: print`, run: cycle(print) }])),
    ...everyone.flatMap(({ name, forward }) => (forward === undefined ? [] : [{ name: `${name}: forward`, run: cycle((i) => forward(at(i))) }])),
    { name: 'Ringway: from a stream, in pieces of 1460 bytes', run: (count) => {
      for (let n = 0; n < count;) {
        const framer = new StreamFramer({ onMessage: () => { n++ }, onPing: () => { throw new DecodeError('no ping') } })
        for (let from = 0; from < stream.length; from += 1460) framer.push(stream.subarray(from, from + 1460))
      }
    } },
  ], rounds, sampleMs)
  if (sink === 0) throw new Error('nothing was done')
  return [...rates].map(([name, samples]) => {
    const what = name.slice(name.indexOf(':'))
    const beside = rates.get(`npm sip 0.0.6${what}`)
    return figure(section, name, samples, 'msg/s', { us_per_msg: 1e6 / median(samples), ...(beside === undefined ? {} : { ratio_to_npm_sip: median(samples) / median(beside) }) })
  })
}
