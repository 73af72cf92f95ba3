import { expect, it } from 'vitest'
import { HeaderId } from '../../../../../src-main/sip/message/headerNames.ts'
import { MAX_HEAD_BYTES, scanHead } from '../../../../../src-main/sip/message/headScan.ts'
import { fc, runs } from '../../../../support/properties.ts'

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))

/** The same bytes, `shift` behind where a buffer begins. */
function shifted(bytes: Uint8Array, shift: number): Uint8Array {
  const out = new Uint8Array(bytes.length + shift + 3).fill(13)
  out.set(bytes, shift)
  return out.subarray(shift, shift + bytes.length)
}

const value = fc.array(fc.constantFrom('a', '\t', ' ', '\x01', '\x0c', '\x0e', '\x7f', '\x80', '\x8d', '\xff'), { maxLength: 11 }).map((c) => c.join(''))

it('lines end at CR LF alone, wherever they lie in memory', () => {
  fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), fc.constantFrom('', 'a', 'ab\x80', 'abcd'), fc.nat(3), (values, start, shift) => {
    const lines = values.map((v, i) => `x${i}:${v}`)
    const scan = scanHead(shifted(latin1(`${start}\r\n${lines.join('\r\n')}\r\n\r\n`), shift), 0, 256)
    expect(scan.startLineEnd).toBe(start.length)
    expect(scan.headEnd).toBe(start.length + 2 + lines.join('\r\n').length + 4)
    let from = start.length + 2
    expect(scan.lines).toEqual(lines.flatMap((line) => {
      const at = from
      from += line.length + 2
      return [0, at, at + 2, at + line.length]
    }))
  }), runs(500))
})

it('a line break of one character is found at every place', () => {
  for (let length = 0; length < 9; length++) {
    for (let at = 0; at <= length; at++) {
      for (const lone of ['\r', '\n']) {
        for (let shift = 0; shift < 4; shift++) {
          const text = `a:${'v'.repeat(at)}${lone}${'w'.repeat(length - at)}\r\n`
          const scan = scanHead(shifted(latin1(`s\r\n${text}\r\n`), shift), 0, 256)
          expect(scan.fault).toBe('Bad Request: bare line break in a header field')
        }
      }
    }
  }
})

it('a head with a byte that is not ASCII is never taken for ASCII, and no other one is', () => {
  const line = fc.constantFrom('To: a', 'x: ', 'a b: c', ': d', 'Subject: long enough for words', 'f : e\r\n g')
  fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), fc.option(fc.nat()), fc.nat(3), (lines, place, shift) => {
    const head = latin1(`BYE sip:a SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`)
    if (place !== null) {
      const at = place % (head.length - 4)
      if (head[at] === 13 || head[at] === 10) return
      head[at] = 0xc3
    }
    const withBody = new Uint8Array([...head, 0xc3, 0xa9])
    expect(scanHead(shifted(withBody, shift), 0, 256).ascii).toBe(place === null)
  }), runs(500))
})

it('nothing of a message is seen in the next one', () => {
  const head = fc.array(fc.constantFrom('To: a', 'Content-Length: 5', 'Max-Forwards: 7', 'x:y', ' folded', 'Subject: \x80', 'no colon'), { maxLength: 6 })
    .map((lines) => latin1(`BYE sip:a SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`))
  fc.assert(fc.property(head, fc.nat(), head, (whole, end, other) => {
    const cut = whole.subarray(0, end % (whole.length + 1))
    scanHead(new Uint8Array(200), 0, 256)
    const alone = scanHead(cut, 0, 256)
    scanHead(whole, 0, 256)
    expect(scanHead(cut, 0, 256), 'after what would complete it').toEqual(alone)
    scanHead(other, 0, 256)
    expect(scanHead(cut, 0, 256)).toEqual(alone)
  }), runs(500))
})

it('a name with white space before its colon is the same one (RFC 3261 §7.3.1)', () => {
  const ids = scanHead(latin1('s\r\nVia : x\r\nl\t: 0\r\nX-Ray : y\r\n\r\n'), 0, 256).lines.filter((_, i) => i % 4 === 0)
  expect(ids).toEqual([HeaderId.via, HeaderId.contentLength, HeaderId.other])
})

it('a head that is too long has no end', () => {
  const lines = (bytes: number): Uint8Array => latin1(`BYE sip:a SIP/2.0\r\nx: ${'y'.repeat(bytes - 26)}\r\n\r\n`)
  expect(scanHead(lines(MAX_HEAD_BYTES), 0, 256).headEnd).toBe(MAX_HEAD_BYTES)
  expect(scanHead(lines(MAX_HEAD_BYTES + 1), 0, 256).headEnd).toBe(-1)
  expect(scanHead(lines(MAX_HEAD_BYTES * 3), 0, 256).headEnd).toBe(-1)
})
