/**
 * Texts that only this element can have written: HMAC-SHA-256 (RFC 2104) under a key made at start. Nonces, flow
 * tokens (RFC 5626 §5.2) and tickets are sealed, so that none of them needs a table.
 */
import type { Random } from '../../ports/random.ts'
import { base64Url, fromBase64Url } from './base64Url.ts'

const BLOCK = 64
const MAC_BYTES = 12
const encoder = new TextEncoder(), decoder = new TextDecoder()

export type Sha256 = (data: Uint8Array) => Uint8Array

export class Seal {
  private readonly inner = new Uint8Array(BLOCK).fill(0x36)
  private readonly outer = new Uint8Array(BLOCK).fill(0x5c)

  constructor(random: Random, private readonly sha256: Sha256) {
    random.bytes(32).forEach((byte, i) => {
      this.inner[i] = byte ^ 0x36
      this.outer[i] = byte ^ 0x5c
    })
  }

  /** Letters, digits, '-' and '_' only: fits into the user part of a URI and into a quoted string. */
  close(purpose: string, text: string): string {
    const body = encoder.encode(text)
    return base64Url(concat(this.mac(purpose, body), body))
  }

  /**
   * A short name of a text that nobody else can work out: 16 letters of a SHA-256 that begins with the key. What is
   * left out of the hash keeps it from being continued, so one round does.
   */
  mark(purpose: string, text: string): string {
    return base64Url(this.sha256(concat(this.inner, encoder.encode(`mark ${purpose} ${text}`))).subarray(0, MAC_BYTES))
  }

  /** @returns the text; undefined when we have not sealed it for this purpose */
  open(purpose: string, sealed: string): string | undefined {
    const bytes = fromBase64Url(sealed)
    if (bytes === undefined || bytes.length < MAC_BYTES) return undefined
    const body = bytes.subarray(MAC_BYTES)
    const mac = this.mac(purpose, body)
    let difference = 0
    for (let i = 0; i < MAC_BYTES; i++) difference |= (mac[i] ?? 0) ^ (bytes[i] ?? 0)
    return difference === 0 ? decoder.decode(body) : undefined
  }

  private mac(purpose: string, body: Uint8Array): Uint8Array {
    const inside = this.sha256(concat(this.inner, concat(encoder.encode(`${purpose} `), body)))
    return this.sha256(concat(this.outer, inside)).subarray(0, MAC_BYTES)
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}
