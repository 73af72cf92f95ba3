import { describe, expect, it } from 'vitest'
import { DecodeError, InvariantError } from '../../../../../src-main/base/errors.ts'
import { toNode, toResource, type Destination } from '../../../../../src-main/reload/wire/destination.ts'
import { HeaderView, decodeHeader, encodeWithHeader, rewriteHeader } from '../../../../../src-main/reload/wire/forwardingHeader.ts'

const node = (n: number): Uint8Array => new Uint8Array(16).fill(n)
const body = Uint8Array.from({ length: 40 }, (_, i) => i)
const base = { overlay: 0x9aa32b8d, configurationSequence: 22, ttl: 100, transactionId: 0x0123456789abcdefn, destinationList: [toNode(node(2))] }
const message = encodeWithHeader({ ...base, viaList: [toNode(node(1))], options: [{ type: 2, flags: 8, value: Uint8Array.of(1, 2, 3) }] }, body)

describe('forwarding header (RFC 6940 §6.3.2)', () => {
  it('is read in place without its lists', () => {
    const view = new HeaderView(message)
    expect([view.overlay, view.configurationSequence, view.version, view.ttl, view.transactionId, view.isWhole, view.maxResponseLength])
      .toEqual([0x9aa32b8d, 22, 10, 100, 0x0123456789abcdefn, true, 0])
    expect(view.firstDestination()).toEqual(toNode(node(2)))
    expect([...view.body]).toEqual([...body])
  })

  it('changes TTL and lists on the way without touching the body, and corrects length', () => {
    const viaList: Destination[] = [toNode(node(1)), { type: 'compact', id: 0x8001 }]
    const next = decodeHeader(rewriteHeader(message, { ttl: 99, viaList, destinationList: [toNode(node(3)), toResource(node(9))] }))
    expect(next.ttl).toBe(99)
    expect(next.viaList).toEqual(viaList)
    expect(next.destinationList).toEqual([toNode(node(3)), toResource(node(9))])
    expect(next.options).toEqual([{ type: 2, flags: 8, value: Uint8Array.of(1, 2, 3) }])
    expect(next.length).toBe(message.length + 2 + 19)
    expect([...new HeaderView(rewriteHeader(message, { ttl: 99, viaList })).body]).toEqual([...body])
    expect(decodeHeader(rewriteHeader(message, { options: [] })).options).toEqual([])
  })

  it('leaves what is not changed byte for byte, and the original alone', () => {
    const before = message.slice()
    const copy = rewriteHeader(message, { ttl: 7 })
    expect(message).toEqual(before)
    copy[11] = 100
    expect(copy).toEqual(message)
  })

  it('does not let a resource stand in a Via List or before the end of a Destination List', () => {
    expect(() => decodeHeader(encodeWithHeader({ ...base, viaList: [toResource(node(1))] }, body))).toThrow(DecodeError)
    expect(() => decodeHeader(encodeWithHeader({ ...base, destinationList: [toResource(node(1)), toNode(node(2))] }, body))).toThrow(DecodeError)
  })

  it.each([
    ['a length that is not that of the bytes', (m: Uint8Array) => { m[19] = (m[19] as number) + 1 }],
    ['lists longer than the message', (m: Uint8Array) => { m[32] = 0xff }],
    ['a destination of type 0', (m: Uint8Array) => { m[38 + 18] = 0 }],
    ['a Node-ID of another length', (m: Uint8Array) => { m[38 + 19] = 15 }],
  ])('does not parse with %s', (_what, damage) => {
    const m = message.slice()
    damage(m)
    expect(() => decodeHeader(m)).toThrow(DecodeError)
  })

  it('refuses to write a compact destination without its top bit', () => {
    expect(() => encodeWithHeader({ ...base, destinationList: [{ type: 'compact', id: 1 }] }, body)).toThrow(InvariantError)
  })
})
