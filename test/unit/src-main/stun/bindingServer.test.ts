import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../../src-main/base/bytes.ts'
import { TransportLayer } from '../../../../src-main/sip/transport/transportLayer.ts'
import { answerBinding, isStun } from '../../../../src-main/stun/bindingServer.ts'
import { fc } from '../../../support/properties.ts'
import { memoryConnectionPair } from '../../../support/memoryConnection.ts'
import { quietLog } from '../../../support/sipPeers.ts'
import { VirtualClock } from '../../../support/virtualClock.ts'

/** Transaction ID and addresses of RFC 5769 §2.2 and §2.3. */
const ID = 'b7e7a701bc34d686fa87dfae'
const binding = (attributes = ''): Uint8Array => fromHex(`0001${(attributes.length / 2).toString(16).padStart(4, '0')}2112a442${ID}${attributes}`)
const answer = (bytes: Uint8Array, host: string): string | undefined => { const out = answerBinding(bytes, { host, port: 32_853 }); return out === undefined ? undefined : toHex(out) }

describe('STUN keep-alives on a SIP port (RFC 5626 §8)', () => {
  it('the server responds to a valid Binding Request with a Binding Response that includes XOR-MAPPED-ADDRESS: the values of RFC 5769', () => {
    expect(answer(binding(), '192.0.2.1')).toBe(`0101000c2112a442${ID}002000080001a147e112a643`)
    expect(answer(binding(), '2001:db8:1234:5678:11:2233:4455:6677')).toBe(`010100182112a442${ID}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9`)
  })

  it('attributes that may be skipped are; USERNAME and MESSAGE-INTEGRITY mean nothing here', () => {
    // SOFTWARE "x", padded; USERNAME "ab", padded; FINGERPRINT
    expect(answer(binding('802200017820202000060002616220208028000400000000'), '192.0.2.1')).toMatch(/^0101000c/)
  })

  it('an unknown comprehension-required attribute is named in a 420', () => {
    expect(answer(binding('0003000400000000'), '192.0.2.1')).toBe(`011100242112a442${ID}0009001500000414${toHex(new TextEncoder().encode('Unknown Attribute'))}000000000a000200030000`)
  })

  it.each([
    ['an indication', `001100002112a442${ID}`], ['a response', `010100002112a442${ID}`], ['another cookie', `000100002112a443${ID}`], ['a wrong length', `000100042112a442${ID}`],
    ['an attribute that is cut', `000100042112a442${ID}80220008`], ['no whole words', `000100022112a442${ID}8022`],
  ])('%s is dropped', (_, hex) => { expect(answer(fromHex(hex), '192.0.2.1')).toBeUndefined() })

  it('whatever comes, nothing is thrown and the answer is at most as long as three requests', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (tail) => {
      const bytes = Uint8Array.of(...binding().subarray(0, 2), 0, tail.length, ...binding().subarray(4), ...tail)
      expect(answerBinding(bytes, { host: '192.0.2.1', port: 1 })?.length ?? 0).toBeLessThanOrEqual(3 * bytes.length)
    }))
  })

  it('is told from SIP by the first byte, and answered over the flow it came over, on UDP only', () => {
    expect([isStun(binding()), isStun(new TextEncoder().encode('OPTIONS sip:a@b SIP/2.0\r\n')), isStun(fromHex('0001'))]).toEqual([true, false, false])
    const clock = new VirtualClock(), layer = new TransportLayer({ clock, log: quietLog })
    const heard: string[] = []
    for (const reliable of [false, true]) {
      const [near, far] = memoryConnectionPair(clock, { reliable })
      layer.attach(near)
      far.user = { onData: (bytes) => { heard.push(toHex(bytes)) }, onClose: () => undefined }
      far.send(binding())
    }
    clock.advance(10)
    expect(heard).toEqual([`0101000c2112a442${ID}00200008000132d62b12a440`])
    expect([layer.counters.pings, layer.counters.malformed]).toEqual([1, 0])
    layer.close()
  })
})
