/** GRUUs of a RELOAD overlay (RFC 7904 §6), alone and in the resolver. */
import { describe, expect, it } from 'vitest'
import { toBase64, toHex, utf8Bytes } from '../../../../src-main/base/bytes.ts'
import { gruuOf, readGruu } from '../../../../src-main/p2psip/gruu.ts'
import type { OverlayTransport } from '../../../../src-main/p2psip/overlayTransport.ts'
import { OverlayResolver } from '../../../../src-main/p2psip/resolver.ts'
import { encodeSipRegistration } from '../../../../src-main/reload/usages/sipRegistration.ts'
import type { DestinationSpec, Overlay } from '../../../../src-main/reload/overlay/overlay.ts'
import { parseUri } from '../../../../src-main/sip/message/uri.ts'

const never = new AbortController().signal
const device = new Uint8Array(16).fill(0xab)
const peer = new Uint8Array(16).fill(0x11)
const nodeBytes = (id: Uint8Array): Uint8Array => Uint8Array.of(1, 16, ...id)

describe('a GRUU', () => {
  it('embeds the Destination List in base64 with "~" for "="', () => {
    const gruu = gruuOf('alice@office.example', [{ node: device }])
    expect(gruu).toBe(`sip:alice@office.example;gr=${toBase64(nodeBytes(device)).replaceAll('=', '~')}`)
    expect(gruu).not.toContain('==')
    expect(parseUri(gruu).kind).toBe('sip')
    expect(readGruu(gruu, 'office.example')).toEqual({ aor: 'alice@office.example', destination: [{ node: device }] })
  })

  it('of a client leads by way of its peer', () => {
    const both = [{ node: peer }, { node: device }]
    expect(readGruu(`<${gruuOf('alice@office.example', both)};transport=tcp>`, 'office.example')?.destination).toEqual(both)
  })

  it('is none without gr, with a gr of no value, or of another domain', () => {
    expect(readGruu('sip:alice@office.example', 'office.example')).toBeUndefined()
    expect(readGruu('sip:alice@office.example;gr', 'office.example')).toBeUndefined()
    expect(readGruu(gruuOf('alice@other.example', [{ node: device }]), 'office.example')).toBeUndefined()
  })

  it('that holds something else than nodes is refused: the example of the RFC is 20 bytes of text', () => {
    const refused = (bytes: Uint8Array): void => {
      expect(() => readGruu(`sip:a@office.example;gr=${toBase64(bytes).replaceAll('=', '~')}`, 'office.example')).toThrow(expect.objectContaining({ code: 'address-invalid' }) as Error)
    }
    expect(() => readGruu('sip:alice@office.example;gr=MDEyMzQ1Njc4OTAxMjM0NTY3ODk~', 'office.example')).toThrow()
    refused(utf8Bytes('0123456789'))
    refused(Uint8Array.of(2, 2, 1, 9))
    refused(Uint8Array.of(...nodeBytes(device), ...nodeBytes(device)))
    refused(nodeBytes(device).subarray(0, 10))
  })
})

describe('the resolver', () => {
  const dialled: DestinationSpec[] = []
  const registrations = new Map<string, Uint8Array[]>()
  const overlay = {
    name: 'office.example', nodeId: new Uint8Array(16).fill(9), resourceId: (name: string) => utf8Bytes(name),
    fetch: (id: Uint8Array) => Promise.resolve((registrations.get(new TextDecoder().decode(id)) ?? []).map((value) => ({ value }))),
  } as unknown as Overlay
  const transport = {
    connect: (destination: DestinationSpec) => { dialled.push(destination); return Promise.resolve({ peerIdentity: { aor: 'alice@office.example', nodeId: toHex(device) } }) },
  } as unknown as OverlayTransport
  const resolver = new OverlayResolver(overlay, transport)

  it('connects to the device a GRUU names, and looks nothing up', async () => {
    const uri = gruuOf('alice@office.example', [{ node: peer }, { node: device }])
    const targets = await resolver.resolve(uri, never)
    expect(targets.map(({ requestUri }) => requestUri)).toEqual([uri])
    expect(dialled.splice(0)).toEqual([[{ node: peer }, { node: device }]])
  })

  it('of a sips: URI stays one', async () => {
    const uri = gruuOf('alice@office.example', [{ node: device }], true)
    expect(uri).toMatch(/^sips:alice@/)
    expect((await resolver.resolve(uri, never)).map(({ requestUri }) => requestUri)).toEqual([uri])
    dialled.splice(0)
  })

  it('follows a registration that is a GRUU, once per device', async () => {
    const gruu = gruuOf('alice@office.example', [{ node: device }])
    registrations.set('boss@office.example', [
      encodeSipRegistration({ type: 'uri', uri: gruu }), encodeSipRegistration({ type: 'uri', uri: gruu }),
      encodeSipRegistration({ type: 'route', contactPrefs: '', destinationList: [{ node: device }] }),
    ])
    await resolver.resolve('sip:boss@office.example', never)
    expect(dialled.splice(0)).toEqual([[{ node: device }]])
  })
})
