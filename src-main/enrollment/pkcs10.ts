/** Certification requests (PKCS #10, RFC 2986): made by who enrols, read and checked by the authority. */
import { equalBytes } from '../base/bytes.ts'
import { readElement, readElements, same, valueIn } from '../base/der.ts'
import { DecodeError } from '../base/errors.ts'
import type { Crypto, KeyType, PrivateKey } from '../ports/crypto.ts'
import { integer, objectId, raw, sequence, set, tagged, toDer } from './asn1.ts'
import { algorithms, altNameExtension, altNameTags, signed, type AltName } from './x509.ts'

const maxRequestBytes = 16_384
const extensionRequest = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e]
const subjectAltName = [0x55, 0x1d, 0x11]

/** A request with an empty subject; the names wanted stand in extensionRequest (CHECKLIST A-51). */
export function makeRequest(key: PrivateKey, altNames: readonly AltName[]): Uint8Array {
  const attributes = altNames.length === 0 ? [] : [sequence(objectId('1.2.840.113549.1.9.14'), set(sequence(altNameExtension(altNames, false))))]
  return signed(sequence(integer(Uint8Array.of(0)), sequence(), raw(key.publicKeyInfo), tagged(0, attributes)), key)
}

export interface CertificationRequest {
  readonly publicKeyInfo: Uint8Array
  readonly keyType: KeyType
  readonly keyBits: number
  /** rfc822Names asked for in extensionRequest */
  readonly emails: readonly string[]
  /** URIs asked for: the Node-IDs of one who returns */
  readonly uris: readonly string[]
}

/** Reads a request and checks that its sender has the key, of RSA or of ECDSA and used with SHA-256. @throws DecodeError */
export function readRequest(crypto: Pick<Crypto, 'importPublicKey'>, der: Uint8Array): CertificationRequest {
  if (der.length > maxRequestBytes) throw new DecodeError('certification request too long')
  const outer = readElement(der, 0)
  if (outer.tag !== 0x30 || outer.end !== der.length) throw new DecodeError('not one certification request', outer.end)
  const [info, algorithm, signature] = readElements(outer.body, 3)
  if (info?.tag !== 0x30 || signature?.tag !== 0x03 || signature.body[0] !== 0) throw new DecodeError('certification request')
  const [version, subject, keyInfo, attributes] = readElements(info.body, 4)
  if (version?.tag !== 0x02 || subject?.tag !== 0x30 || keyInfo?.tag !== 0x30 || (attributes !== undefined && attributes.tag !== 0xa0)) throw new DecodeError('CertificationRequestInfo')
  const publicKeyInfo = keyInfo.whole.slice()
  const key = crypto.importPublicKey(publicKeyInfo)
  if (key.keyType === 'other') throw new DecodeError('a certification request with a key that is neither RSA nor ECDSA')
  if (algorithm === undefined || !equalBytes(algorithm.whole, toDer(algorithms[key.keyType]()))) throw new DecodeError('algorithm of the certification request')
  if (!key.verify(info.whole, signature.body.subarray(1))) throw new DecodeError('signature of the certification request')
  return { publicKeyInfo, keyType: key.keyType, keyBits: key.bits, ...(attributes === undefined ? { emails: [], uris: [] } : namesIn(attributes.body)) }
}

function namesIn(attributes: Uint8Array): Pick<CertificationRequest, 'emails' | 'uris'> {
  for (const attribute of readElements(attributes, 32)) {
    const [type, values] = readElements(attribute.body, 2)
    if (type?.tag !== 0x06 || !same(type.body, extensionRequest) || values?.tag !== 0x31) continue
    const names = valueIn(readElement(values.body, 0).body, subjectAltName)
    const all = names === undefined ? [] : readElements(readElement(names, 0).body, 100)
    const ofKind = (kind: 'email' | 'uri'): readonly string[] => all.filter(({ tag }) => tag === (0x80 | altNameTags[kind])).map(({ body }) => new TextDecoder().decode(body))
    return { emails: ofKind('email'), uris: ofKind('uri') }
  }
  return { emails: [], uris: [] }
}
