import { expect, test } from 'vitest'
import { fromHex } from '../../../../../src-main/base/bytes.ts'
import { misroutes } from '../../../../../src-main/reload/topology/misrouting.ts'

const at = (place: string): Uint8Array => fromHex(`${place}${'0'.repeat(30)}`)
/** We are 80; 20 gives us a message, and last named its neighbours as given. */
const wrong = (id: string, successors: readonly string[], gone: readonly string[] = [], before: readonly string[] = []): boolean =>
  misroutes(at('80'), at('20'), { predecessors: [at('10')], successors: successors.map(at) }, at(id), before.map(at), (peer) => !gone.some((other) => peer[0] === at(other)[0]))

test('a message that comes nearer to its id is on the right way', () => {
  expect(wrong('90', ['30', '40'])).toBe(false)
  expect(wrong('15', ['30', '40'])).toBe(false)
})

test('past its id it may only go to the first peer behind it that its sender knows (RFC 6940 §10.3)', () => {
  expect(wrong('50', ['80', '90'])).toBe(false)
  expect(wrong('50', ['30', '80'])).toBe(true)
  expect(wrong('50', ['60', '80'])).toBe(true)
  // Who was named may be gone since.
  expect(wrong('50', ['60', '80'], ['60'])).toBe(false)
})

test('who would only send it back to where it came from sends it on past its id', () => {
  expect(wrong('50', ['30', '40', '80'], [], ['40'])).toBe(false)
  expect(wrong('50', ['30', '60', '80'], [], ['30'])).toBe(true)
})
