/** Messages per second of one thread's processor time: decode, encode, forward, sign, verify, beside the bare signature operations. */
import { readdirSync, readFileSync } from 'node:fs'
import { createPublicKey, createPrivateKey, sign, verify } from 'node:crypto'
import { join } from 'node:path'
import { fromHex } from '../../../src-main/base/bytes.ts'
import type { KeyType } from '../../../src-main/ports/crypto.ts'
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

  const signing = [...await signingWith('ec', 'P-256'), ...await signingWith('rsa', 'RSA-2048')]
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
    ...signing.flatMap(({ name, run, bare }) => [{ name, run }, { name: `bare ${name}`, run: bare }]),
  ], rounds, sampleMs)
  if (sink === 0) throw new Error('nothing was done')

  return [...rates].map(([name, samples]) => {
    const bare = rates.get(`bare ${name}`)
    return figure(SECTION, name, samples, 'op/s', {
      us_per_op: 1e6 / median(samples),
      ...(bare === undefined ? {} : { ratio_to_bare: median(samples) / median(bare) }),
      ...(name.startsWith('decode') ? { messages: corpus.length, mean_bytes: meanBytes } : {}),
    })
  })
}

interface Beside { readonly name: string; run(count: number): void; bare(count: number): void }

/** Signing and verifying a Ping of 500 bytes with a key of this kind, beside node:crypto alone over the same bytes. */
async function signingWith(keyType: KeyType, called: string): Promise<readonly Beside[]> {
  const world = await makeWorld(['alice'], [], keyType)
  const alice = identityOf(world.identities[0] as never)
  const signer = new Signer(crypto, alice)
  const verifier = new SignatureVerifier(crypto, new CertificateVerifier(crypto, clock, configurationOf(world.root)))
  const header = { overlay: overlayHash(crypto, overlayName), configurationSequence: 0, ttl: 100, transactionId: 1n, destinationList: [toNode(alice.nodeId)] }
  const contents = encodeContents('pingReq', { padding: new Uint8Array(500) })
  const signed = decodeMessage(signer.signMessage(header, contents))
  const { signature } = signed.security
  const input = blockSignatureInput(signed.signedPart, signature.identity)
  const privateKey = createPrivateKey({ key: Buffer.from(alice.privateKey.exportPkcs8()), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  let sink = 0
  const times = (work: () => number) => (count: number): void => {
    for (let i = 0; i < count; i++) sink += work()
    if (sink === 0) throw new Error('nothing was done')
  }
  return [
    { name: `sign, ${called}`, run: times(() => signer.signMessage(header, contents).length), bare: times(() => sign('sha256', input, privateKey).length) },
    {
      name: `verify, ${called} (certificate known)`,
      run: times(() => {
        const who = verifier.verifyMessage(signed)
        if (typeof who === 'string') throw new Error(who)
        return who.nodeId.length
      }),
      bare: times(() => Number(verify('sha256', input, publicKey, signature.signatureValue))),
    },
  ]
}
