/** Messages per second of one thread's processor time: decode, encode, forward, sign, verify, beside the bare signature operations. */
import { readdirSync, readFileSync } from 'node:fs'
import { createPublicKey, createPrivateKey, sign, verify } from 'node:crypto'
import { join } from 'node:path'
import { fromHex } from '../../../src-main/base/bytes.ts'
import { CertificateVerifier } from '../../../src-main/reload/security/certificateVerifier.ts'
import { blockSignatureInput } from '../../../src-main/reload/security/signatureInput.ts'
import { SignatureVerifier } from '../../../src-main/reload/security/signatureVerifier.ts'
import { Signer } from '../../../src-main/reload/security/signer.ts'
import { decodeBody, encodeContents, type BodyName } from '../../../src-main/reload/wire/bodies.ts'
import { messageName } from '../../../src-main/reload/wire/constants.ts'
import { toNode } from '../../../src-main/reload/wire/destination.ts'
import { HeaderView, rewriteHeader } from '../../../src-main/reload/wire/forwardingHeader.ts'
import { overlayHash } from '../../../src-main/reload/wire/identifiers.ts'
import { decodeMessage, encodeMessage } from '../../../src-main/reload/wire/message.ts'
import { figure, inTurn, median, type Figure } from '../measure.ts'
import { clock, configurationOf, crypto, identityOf, makeWorld, overlayName, random } from './fixtures.ts'

const folder = join(import.meta.dirname, '../../data/reload/vectors')
const SECTION = 'one thread, per second of its processor time'

export async function codecFigures(rounds: number, sampleMs: number): Promise<readonly Figure[]> {
  const corpus = readdirSync(folder).filter((file) => file !== 'index.json').sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as { readonly hex: string; readonly parts?: object })
    .flatMap((vector) => (vector.parts === undefined ? [] : [fromHex(vector.hex)]))
  const decoded = corpus.map(decodeMessage).map((message) => ({ message, name: messageName(message.contents.messageCode) as BodyName | undefined }))
    .map((entry) => ({ ...entry, body: entry.name === undefined ? undefined : decodeBody(entry.name, entry.message.contents.messageBody) }))
  const meanBytes = corpus.reduce((sum, bytes) => sum + bytes.length, 0) / corpus.length

  const world = await makeWorld(['alice', 'bob'])
  const alice = identityOf(world.identities[0] as never)
  const signer = new Signer(crypto, alice)
  const verifier = new SignatureVerifier(crypto, new CertificateVerifier(crypto, clock, configurationOf(world.root)))
  const header = { overlay: overlayHash(crypto, overlayName), configurationSequence: 0, ttl: 100, transactionId: 1n, destinationList: [toNode(alice.nodeId)] }
  const contents = encodeContents('pingReq', { padding: new Uint8Array(500) })
  const signed = decodeMessage(signer.signMessage(header, contents))
  const input = blockSignatureInput(signed.signedPart, signed.security.signature.identity)
  const privateKey = createPrivateKey({ key: Buffer.from(alice.privateKey.exportPkcs8()), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  const value = signed.security.signature.signatureValue
  const hop = toNode(random.bytes(16))

  let sink = 0
  const cycle = (count: number, work: (i: number) => number): void => { for (let i = 0; i < count; i++) sink += work(i % corpus.length) }
  const rates = inTurn([
    { name: 'decode (header, contents, security block, body)', run: (n) => { cycle(n, (i) => {
      const message = decodeMessage(corpus[i] as Uint8Array)
      const name = (decoded[i] as (typeof decoded)[number]).name
      return name === undefined ? message.header.ttl : Object.keys(decodeBody(name, message.contents.messageBody)).length
    }) } },
    { name: 'encode (body, contents, security block, header)', run: (n) => { cycle(n, (i) => {
      const { message, name, body } = decoded[i] as (typeof decoded)[number]
      const made = name === undefined ? message.contents : encodeContents(name, body as never, message.contents.extensions)
      return encodeMessage({ header: message.header, contents: made, security: message.security }).length
    }) } },
    { name: 'forward (read header, decide, TTL and Via List rewritten)', run: (n) => { cycle(n, (i) => {
      const view = new HeaderView(corpus[i] as Uint8Array)
      return rewriteHeader(view.bytes, { ttl: view.ttl - 1, viaList: [...view.viaList(), hop] }).length + view.destinationList().length
    }) } },
    { name: 'copy of the message alone', run: (n) => { cycle(n, (i) => (corpus[i] as Uint8Array).slice().length) } },
    { name: 'sign (Ping of 500 bytes, encoded)', run: (n) => { cycle(n, () => signer.signMessage(header, contents).length) } },
    { name: 'bare RSA-2048 SHA-256 sign of the same bytes', run: (n) => { cycle(n, () => sign('sha256', input, privateKey).length) } },
    { name: 'verify (certificate known)', run: (n) => { cycle(n, () => {
      const who = verifier.verifyMessage(signed)
      if (typeof who === 'string') throw new Error(who)
      return who.nodeId.length
    }) } },
    { name: 'bare RSA-2048 SHA-256 verify of the same bytes', run: (n) => { cycle(n, () => Number(verify('sha256', input, publicKey, value))) } },
  ], rounds, sampleMs)
  if (sink === 0) throw new Error('nothing was done')

  const beside: Readonly<Record<string, string>> = {
    'sign (Ping of 500 bytes, encoded)': 'bare RSA-2048 SHA-256 sign of the same bytes', 'verify (certificate known)': 'bare RSA-2048 SHA-256 verify of the same bytes',
  }
  return [...rates].map(([name, samples]) => {
    const bare = beside[name]
    return figure(SECTION, name, samples, 'op/s', {
      us_per_op: 1e6 / median(samples),
      ...(bare === undefined ? {} : { ratio_to_bare: median(samples) / median(rates.get(bare) ?? []) }),
      ...(name.startsWith('decode') ? { messages: corpus.length, mean_bytes: meanBytes } : {}),
    })
  })
}
