/**
 * Whole conversations with an element: its user agent and proxy as a peer of the overlay reaches them, its proxy and
 * registrar as phones do. An input is a sequence of packets, each with who sends it and when; a first byte of 1 lets the
 * user agent call and ask by itself. Whatever they say, nothing is thrown, who asked is told how it ended, and when
 * everybody has been silent long enough no call, subscription, registration, bridge, transaction or timer is left.
 */
import { utf8Bytes } from '../../src-main/base/bytes.ts'
import { DecodeError } from '../../src-main/base/errors.ts'
import { conversations, packet } from './sipConversations.ts'
import { act, PACKET, packetsOf, Promises, world } from './sipWorld.ts'
import { must, type FuzzTarget } from './target.ts'

/** Longer than any timer: subscriptions and registrations are granted an hour. */
const SILENCE_MS = 2 * 3_600_000

async function run(input: Uint8Array): Promise<number> {
  const packets = packetsOf(input)
  if (packets.length === 0) throw new DecodeError('no packet')
  const made = world(), promises = new Promises()
  const { clock, element, bindings, publications, bridges, user, ends } = made
  const finish = input[0] === 1 ? act(made, promises) : () => undefined
  for (const { channel, waitMs, bytes } of packets) {
    await clock.advanceInTurns(waitMs)
    ends[channel]?.send(bytes)
    await clock.advanceInTurns(2)
  }
  await clock.advanceInTurns(SILENCE_MS, 1_000)
  const { rejected, malformed, received } = element.transport.counters
  // who called and was answered is still in the call: calls have no end of their own, and bridges end when nothing is heard
  for (const call of user.calls) call.end()
  finish()
  for (const bridge of [...bridges]) bridge.onIdle()
  await clock.advanceInTurns(SILENCE_MS, 1_000)
  must(promises.broken.length === 0, promises.broken.join(', '))
  must(element.userAgent.size === 0, `${element.userAgent.size} calls or subscriptions are left`)
  must(element.transactions.size === 0, `${element.transactions.size} transactions are left`)
  must(element.server?.proxy.size === 0, 'requests are left in the proxy')
  must(bindings.size === 0, `${bindings.size} registrations are left`)
  must([...publications.all()].length === 0, 'what phones published is left')
  must(bridges.size === 0 && element.server?.gateway?.size === 0, `${bridges.size} bridges are left`)
  const sent = ends.reduce((sum, end) => sum + (end.other?.sent.join('').length ?? 0), 0)
  await Promise.all([element.close(), user.element.close()])
  bindings.close()
  publications.close()
  await clock.advanceInTurns(10)
  must(clock.pending === 0, `${clock.pending} timers are left`)
  if (received === rejected || (received === 0 && malformed > 0)) throw new DecodeError('nothing served')
  return sent
}

/** @param messages single ones, valid and less valid */
export function sipElementTarget(messages: () => readonly Uint8Array[], dictionary: readonly Uint8Array[]): FuzzTarget {
  return {
    name: 'sip-element', run,
    maxMs: 5_000, // hours of a conversation, in turns of the event loop
    dictionary: [...dictionary, ...Array.from({ length: 32 }, (_, i) => Uint8Array.of(PACKET, i)), ...['To: <sip:alice@office.example>;tag=', 'Require: 100rel\r\n', 'Replaces: ', 'RAck: 1 1 INVITE\r\n', 'Expires: 0\r\n', 'Session-Expires: 90\r\n', 'Min-SE: 90\r\n', 'Subscription-State: terminated\r\n', 'Contact: *\r\n', 'BYE', 'ACK', 'CANCEL', 'PRACK', 'UPDATE', 'REFER', 'SUBSCRIBE', 'REGISTER', 'reg-id=1'].map(utf8Bytes)],
    seeds: () => [...conversations, ...messages().map((bytes, i) => packet(i & 3, i & 7, bytes))],
  }
}
