/** SRTP keyed in the session description (RFC 4568) with the one suite that every phone has, AES_CM_128_HMAC_SHA1_80. */
import { ProtectionProfileAes128CmHmacSha1_80, RtpHeader, SrtcpSession, SrtpSession } from 'werift'
import type { Random } from '../../ports/random.ts'

const suite = 'AES_CM_128_HMAC_SHA1_80'
const keyBytes = 16
const saltBytes = 14

export interface SdesKey { readonly tag: string; readonly key: Uint8Array }

/** The first key of a description that we can use. @param values of a=crypto */
export function readCrypto(values: readonly string[]): SdesKey | undefined {
  for (const value of values) {
    const match = /^(\d{1,9}) (\S+) inline:([A-Za-z0-9+/]{40}={0,2})(?:\|\S*)?(?:\s|$)/.exec(value)
    if (match === null || match[2]?.toUpperCase() !== suite) continue
    const key = Uint8Array.from(atob(match[3] ?? ''), (c) => c.charCodeAt(0))
    if (key.length === keyBytes + saltBytes) return { tag: match[1] ?? '1', key }
  }
  return undefined
}

export function newKey(random: Random): Uint8Array { return random.bytes(keyBytes + saltBytes) }

export function formatCrypto(key: SdesKey): string { return `${key.tag} ${suite} inline:${btoa(String.fromCharCode(...key.key))}` }

/** Both directions of one phone's SRTP and SRTCP. What does not verify comes out as undefined. */
export class SdesSession {
  private readonly srtp: SrtpSession
  private readonly srtcp: SrtcpSession

  constructor(local: Uint8Array, remote: Uint8Array) {
    const part = (key: Uint8Array, from: number, to: number): Buffer => Buffer.from(key.subarray(from, to))
    const config = {
      profile: ProtectionProfileAes128CmHmacSha1_80,
      keys: {
        localMasterKey: part(local, 0, keyBytes), localMasterSalt: part(local, keyBytes, keyBytes + saltBytes),
        remoteMasterKey: part(remote, 0, keyBytes), remoteMasterSalt: part(remote, keyBytes, keyBytes + saltBytes),
      },
    }
    this.srtp = new SrtpSession(config)
    this.srtcp = new SrtcpSession(config)
  }

  protect(packet: Buffer, rtcp: boolean): Buffer {
    if (rtcp) return this.srtcp.encrypt(packet)
    const header = RtpHeader.deSerialize(packet)
    return this.srtp.encrypt(packet.subarray(header.payloadOffset), header)
  }

  unprotect(packet: Buffer, rtcp: boolean): Buffer | undefined {
    try {
      return rtcp ? this.srtcp.decrypt(packet) : this.srtp.decrypt(packet)
    } catch (cause) {
      if (cause instanceof Error) return undefined // the library throws on what is not authentic, too short, or replayed
      throw cause
    }
  }
}
