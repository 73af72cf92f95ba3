import { describe, expect, test } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../../../src-main/base/bytes.ts'
import { DecodeError } from '../../../../../src-main/base/errors.ts'
import { encodeAck, encodeData, encodeDataHead, FrameDecoder, FrameTooLarge, ReceivedSequences } from '../../../../../src-main/reload/link/framing.ts'
import { fc } from '../../../../support/properties.ts'

describe('Framing Header (RFC 6940 §6.6.2)', () => {
  test('data is type 128, a 32-bit sequence number and a 24-bit length; ack is type 129', () => {
    expect(toHex(encodeData(0x01020304, fromHex('aabb')))).toBe('8001020304000002aabb')
    expect(toHex(encodeDataHead(0x01020304, 2))).toBe('8001020304000002')
    expect(toHex(encodeAck(5, 0x8000_0001))).toBe('810000000580000001')
  })

  test('frames come out whole and in order however the stream is cut', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 }), (messages, cuts) => {
      const stream = concatBytes(...messages.flatMap((m, i) => [encodeData(i, m), encodeAck(i, i)]))
      const decoder = new FrameDecoder({ maxMessageBytes: 100 })
      const out: string[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = at + cuts[i % cuts.length]!
        for (const frame of decoder.push(stream.subarray(at, end))) out.push(frame.type === 'data' ? `${frame.sequence}:${toHex(frame.message)}` : `ack ${frame.ackSequence}/${frame.received}`)
        at = end
      }
      expect(out).toEqual(messages.flatMap((m, i) => [`${i}:${toHex(m)}`, `ack ${i}/${i}`]))
    }))
  })

  test('a message that comes by itself behind its head is handed on as it is', () => {
    const decoder = new FrameDecoder({ maxMessageBytes: 100 })
    const message = fromHex('aabbcc')
    expect([...decoder.push(encodeDataHead(7, 3))]).toEqual([])
    const [frame] = [...decoder.push(message)]
    expect(frame).toEqual({ type: 'data', sequence: 7, message })
    expect(frame?.type === 'data' && frame.message === message).toBe(true)
    expect([...decoder.push(concatBytes(encodeDataHead(8, 3), message, encodeDataHead(9, 3)))]).toHaveLength(1)
    expect([...decoder.push(message)]).toEqual([{ type: 'data', sequence: 9, message }])
    expect([...decoder.push(encodeDataHead(10, 101))].length).toBe(0)
    expect(() => [...decoder.push(new Uint8Array(100))]).toThrow(FrameTooLarge)
  })

  test('an ack cut where the head of a message would end stays an ack', () => {
    const decoder = new FrameDecoder({ maxMessageBytes: 100 })
    const ack = encodeAck(5, 3)
    expect([...decoder.push(ack.subarray(0, 8))]).toEqual([])
    expect([...decoder.push(ack.subarray(8))]).toEqual([{ type: 'ack', ackSequence: 5, received: 3 }])
  })

  test('an unknown type ends the stream, an oversized message is announced with its beginning', () => {
    expect(() => [...new FrameDecoder({ maxMessageBytes: 100 }).push(Uint8Array.of(7))]).toThrow(DecodeError)
    const big = encodeData(0, new Uint8Array(101).fill(9))
    try {
      expect([...new FrameDecoder({ maxMessageBytes: 100 }).push(big)]).toBe('thrown')
    } catch (error) {
      expect(error).toBeInstanceOf(FrameTooLarge)
      expect((error as FrameTooLarge).length).toBe(101)
      expect((error as FrameTooLarge).head).toHaveLength(100)
    }
  })

  test('garbage throws nothing but DecodeError', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (pieces) => {
      const decoder = new FrameDecoder({ maxMessageBytes: 1000 })
      try {
        for (const piece of pieces) for (const frame of decoder.push(piece)) expect(frame.type).toMatch(/data|ack/)
      } catch (error) { expect(error).toBeInstanceOf(DecodeError) }
    }))
  })
})

describe('the received field of an ack', () => {
  test('has bit N−1 lowest, and covers the 32 numbers before the acknowledged one', () => {
    const received = new ReceivedSequences()
    expect(received.note(0)).toBe(0)
    expect(received.note(1)).toBe(0b1)
    expect(received.note(3)).toBe(0b110)
    expect(received.note(2)).toBe(0b11)
    expect(received.note(4)).toBe(0b1111)
    expect(received.note(100)).toBe(0)
  })

  test('goes round at 2^32', () => {
    const received = new ReceivedSequences()
    received.note(0xffff_ffff)
    expect(received.note(0)).toBe(1)
  })
})
