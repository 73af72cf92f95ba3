/**
 * The Crypto port for simulations of thousands of peers: real SHA, certificates of true size and form made from
 * one template, and signatures of true size that are keyed hashes. What is not right fails as in the product;
 * it only resists nobody who wants to forge.
 */
import { ByteWriter, equalBytes, fromHex, readU32, toHex } from '../../../src-main/base/bytes.ts'
import { DecodeError } from '../../../src-main/base/errors.ts'
import { issueCertificate } from '../../../src-main/enrollment/x509.ts'
import { digest } from '../../../src-main/node/crypto.ts'
import type { Certificate, Crypto, PrivateKey } from '../../../src-main/ports/crypto.ts'
import { nodeIdUri } from '../../../src-main/reload/security/overlayCertificate.ts'
import type { NodeIdentity } from '../../../src-main/reload/overlay/createOverlay.ts'

export const simOverlayName = 'sim.example'
const SIGNATURE_BYTES = 256
const restOfSignature = new Uint8Array(SIGNATURE_BYTES - 8)
const from = Date.UTC(2025, 11, 1), until = Date.UTC(2035, 0, 1)
const idPlace = new Uint8Array(16).fill(0xee)
const userPlace = 'peer9999999'

/** SubjectPublicKeyInfo of an RSA-2048 key that nobody has. */
function publicKeyInfo(fill: number): Uint8Array {
  const head = fromHex('30820122300d06092a864886f70d01010105000382010f003082010a0282010100')
  const out = new Uint8Array(294)
  out.set(head)
  out.fill(fill | 0x81, head.length, head.length + 256)
  out.set([0x02, 0x03, 0x01, 0x00, 0x01], head.length + 256)
  return out
}

/** 64 bits that this secret and these data give: two numbers of 32. */
function tag(secret: Uint8Array, data: Uint8Array): readonly [number, number] {
  let a = 0x811c9dc5, b = 0x9747b28c
  const mix = (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i++) {
      a = Math.imul(a ^ (bytes[i] as number), 0x01000193)
      b = Math.imul(b ^ (bytes[i] as number) ^ (b >>> 15), 0x85ebca6b)
    }
  }
  mix(secret)
  mix(data)
  return [a, b]
}

class SimCertificate implements Certificate {
  readonly keyType = 'rsa'
  readonly notBefore = from
  readonly notAfter = until
  readonly issuer = 'CN=sim root'
  readonly serialNumber = '01'

  constructor(
    readonly der: Uint8Array, readonly publicKeyInfo: Uint8Array, private readonly secret: Uint8Array,
    readonly isAuthority: boolean, readonly altNames: Certificate['altNames'],
  ) {}

  get subject(): string { return this.isAuthority ? this.issuer : '' }
  isSignedBy(issuer: Certificate): boolean { return issuer.isAuthority }
  verify(data: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length !== SIGNATURE_BYTES) return false
    const [a, b] = tag(this.secret, data)
    return readU32(signature, 0) === a >>> 0 && readU32(signature, 4) === b >>> 0
  }
}

function keyOf(secret: Uint8Array, info: Uint8Array): PrivateKey {
  return {
    keyType: 'rsa', publicKeyInfo: info,
    sign: (data) => {
      const [a, b] = tag(secret, data)
      return new ByteWriter(SIGNATURE_BYTES).u32(a >>> 0).u32(b >>> 0).bytes(restOfSignature).finishShared()
    },
    exportPkcs8: () => { throw new Error('a simulated key is never exported') },
  }
}

function positionOf(der: Uint8Array, text: string): number {
  const at = Buffer.from(der.buffer, der.byteOffset, der.byteLength).indexOf(text)
  if (at < 0) throw new Error('the template lacks its places')
  return at
}

/** The authority of a simulated overlay and the Crypto port that believes it. */
export class SimAuthority {
  readonly root: Certificate
  readonly crypto: Crypto
  private readonly info = publicKeyInfo(0xa7)
  private readonly template: Uint8Array
  private readonly idAt: number
  private readonly userAt: number
  private readonly known = new Map<string, SimCertificate>()

  constructor() {
    const rootKey = keyOf(new Uint8Array(16), publicKeyInfo(0x93))
    const common = { notBefore: from, notAfter: until, serialNumber: new Uint8Array(16).fill(0x11) }
    const rootDer = issueCertificate({ sha1: (data) => digest('sha1', data) }, { ...common, publicKeyInfo: rootKey.publicKeyInfo, commonName: 'sim root', altNames: [], purpose: 'authority' }, { certificate: undefined, key: rootKey })
    this.root = new SimCertificate(rootDer, rootKey.publicKeyInfo, new Uint8Array(16), true, [])
    this.template = issueCertificate({ sha1: (data) => digest('sha1', data) }, {
      ...common, publicKeyInfo: this.info, purpose: 'peer',
      altNames: [{ kind: 'uri', value: nodeIdUri(idPlace, simOverlayName) }, { kind: 'email', value: `${userPlace}@${simOverlayName}` }],
    }, { certificate: this.root, key: rootKey })
    this.idAt = positionOf(this.template, toHex(idPlace))
    this.userAt = positionOf(this.template, userPlace)
    this.crypto = {
      sha1: (data) => digest('sha1', data),
      sha256: (data) => digest('sha256', data),
      generateKey: () => Promise.resolve(keyOf(new Uint8Array(16), this.info)),
      importPrivateKey: () => { throw new DecodeError('no keys are imported in a simulation') },
      importPublicKey: () => { throw new DecodeError('no keys are imported in a simulation') },
      parseCertificate: (der) => this.parse(der),
    }
  }

  userName(index: number): string { return `peer${String(index).padStart(7, '0')}@${simOverlayName}` }

  issue(index: number, nodeId: Uint8Array): NodeIdentity {
    const der = this.template.slice()
    const hex = toHex(nodeId)
    for (let i = 0; i < hex.length; i++) der[this.idAt + i] = hex.charCodeAt(i)
    const user = this.userName(index)
    for (let i = 0; i < userPlace.length; i++) der[this.userAt + i] = user.charCodeAt(i)
    const certificate = new SimCertificate(der, this.info, nodeId, false, [{ kind: 'uri', value: nodeIdUri(nodeId, simOverlayName) }, { kind: 'email', value: user }])
    this.known.set(hex, certificate)
    return { overlayName: simOverlayName, nodeId, certificate, chain: [], privateKey: keyOf(nodeId, this.info) }
  }

  private parse(der: Uint8Array): Certificate {
    if (der.length === this.root.der.length && equalBytes(der, this.root.der)) return this.root
    const hex = String.fromCharCode(...der.subarray(this.idAt, this.idAt + 32))
    const certificate = this.known.get(hex)
    if (certificate === undefined || !equalBytes(certificate.der, der)) throw new DecodeError('certificate')
    return certificate
  }
}
