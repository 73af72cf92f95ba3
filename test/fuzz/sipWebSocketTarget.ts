/**
 * Frames of a WebSocket as a phone in a browser sends them (RFC 7118 §5): through the connection and the transport
 * layer. A frame is one message or one keep-alive; nothing of it may be carried over to the next.
 */
import { concatBytes, equalBytes, fromHex } from '../../src-main/base/bytes.ts'
import { DecodeError } from '../../src-main/base/errors.ts'
import type { MessageSocket } from '../../src-main/ports/webSocket.ts'
import { makeResponse } from '../../src-main/sip/message/message.ts'
import { parseDatagram } from '../../src-main/sip/message/parser.ts'
import { TransportLayer } from '../../src-main/sip/transport/transportLayer.ts'
import { WebSocketConnection } from '../../src-main/sip/transport/webSocket.ts'
import { quietLog } from '../support/sipPeers.ts'
import { VirtualClock } from '../support/virtualClock.ts'
import { must, mustEqual, type FuzzTarget } from './target.ts'

/** Between two frames of an input: bytes that no UTF-8 text has. */
const SEPARATOR = fromHex('fffe')
const PONG = '\r\n'
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** One for all inputs: making one takes longer than an input. */
const clock = new VirtualClock()

interface Heard { readonly messages: readonly string[]; readonly sent: readonly string[]; readonly closed: boolean }

function hear(frames: readonly Uint8Array[]): Heard {
  const messages: string[] = [], sent: string[] = []
  let closed = false
  const layer = new TransportLayer({ clock, log: quietLog })
  layer.user = {
    onRequest: (request, connection) => {
      messages.push(text(request.encode()))
      if (request.method !== 'ACK') layer.sendResponse(connection, makeResponse(request, 200, undefined, 'tag'))
    },
    onResponse: (response) => { messages.push(text(response.encode())) },
    onClosed: () => undefined,
  }
  const socket: MessageSocket = {
    local: { host: '192.0.2.1', port: 80 }, remote: { host: '192.0.2.2', port: 50_000 }, secure: false, user: undefined,
    send: (bytes) => { sent.push(text(bytes)) },
    close: () => { closed = true },
  }
  layer.attach(new WebSocketConnection(socket, 1), true)
  for (const frame of frames) {
    const before = messages.length
    socket.user?.onMessage(frame)
    must(messages.length - before <= 1, 'a frame was heard as several messages')
    must(messages.length === before || !closed, 'a message was heard after the connection closed')
  }
  const heard = { messages, sent, closed }
  layer.close()
  must(clock.pending === 0, 'a timer is left')
  return heard
}

function framesOf(input: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  let from = 0
  for (let at = 0; at + 1 < input.length; at++) {
    if (!equalBytes(input.subarray(at, at + 2), SEPARATOR)) continue
    frames.push(input.slice(from, at))
    from = at + 2
    at++
  }
  frames.push(input.slice(from))
  return frames
}

/** @param messages valid and less valid ones */
export function sipWebSocketTarget(messages: () => readonly Uint8Array[], dictionary: readonly Uint8Array[]): FuzzTarget {
  return {
    name: 'sip-websocket',
    dictionary: [...dictionary, SEPARATOR, concatBytes(SEPARATOR, SEPARATOR), fromHex('fffe0d0a0d0afffe'), fromHex('fffe0d0afffe'), fromHex('fffe00')],
    seeds: () => {
      const all = messages()
      return all.map((bytes, i) => concatBytes(bytes, fromHex('fffe0d0a0d0afffe'), all[(i + 1) % all.length] as Uint8Array))
    },
    run(input) {
      const frames = framesOf(input)
      const together = hear(frames)
      let alone: Heard = { messages: [], sent: [], closed: false }
      for (const frame of frames) {
        if (alone.closed) break
        const one = hear([frame])
        alone = { messages: [...alone.messages, ...one.messages], sent: [...alone.sent, ...one.sent], closed: one.closed }
      }
      mustEqual(together, alone, 'a frame is heard differently beside others')
      for (const answer of together.sent) must(answer === PONG || parseDatagram(new Uint8Array(Buffer.from(answer, 'latin1'))).kind === 'response', 'what was sent is neither a response nor a keep-alive')
      if (together.closed && together.messages.length === 0) throw new DecodeError('closed')
      return [...together.messages, ...together.sent].join('').length
    },
  }
}
