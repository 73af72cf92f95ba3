import { expect, test } from 'vitest'
import { MessageCounts } from '../../../../../src-main/reload/forwarding/messageCounts.ts'
import { MessageCode } from '../../../../../src-main/reload/wire/constants.ts'
import { toNode } from '../../../../../src-main/reload/wire/destination.ts'
import { encodeWithHeader, type HeaderFields } from '../../../../../src-main/reload/wire/forwardingHeader.ts'

const message = (code: number, more: Partial<HeaderFields> = {}): Uint8Array =>
  encodeWithHeader({ overlay: 1, configurationSequence: 0, ttl: 9, transactionId: 1n, destinationList: [toNode(new Uint8Array(16))], viaList: [toNode(new Uint8Array(16).fill(1))], ...more }, Uint8Array.of(code >> 8, code & 255, 0, 0))

test('messages are counted by their code, sent and received; later parts of one are not counted again', () => {
  const counts = new MessageCounts()
  for (const code of [MessageCode.storeReq, MessageCode.storeReq, MessageCode.pingAns, MessageCode.error, 0x1234]) counts.received(message(code))
  counts.received(message(MessageCode.fetchReq, { fragment: { offset: 0, last: false } }))
  counts.received(message(MessageCode.fetchReq, { fragment: { offset: 400, last: true } }))
  counts.received(Uint8Array.of(1, 2, 3))
  counts.sent(message(MessageCode.storeReq))
  expect(counts.all()).toEqual([
    { messageCode: MessageCode.storeReq, sent: 1, received: 2 }, { messageCode: MessageCode.fetchReq, sent: 0, received: 1 },
    { messageCode: MessageCode.pingAns, sent: 0, received: 1 }, { messageCode: 0xffff, sent: 0, received: 1 },
  ])
  expect(counts.byName()).toEqual({ 'sent.storeReq': 1, 'received.storeReq': 2, 'received.fetchReq': 1, 'received.pingAns': 1, 'received.error': 1, 'received.unknown': 1 })
})
