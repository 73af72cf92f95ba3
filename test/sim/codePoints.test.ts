/** "Experimental" code points of RFC 6940 §14.3 to §14.14 are for experiments: a ring at work sends none. */
import { expect, test } from 'vitest'
import { DecodeError } from '../../src-main/base/errors.ts'
import { withDiagnosticsFor } from '../../src-main/reload/config/configuration.ts'
import { FrameDecoder } from '../../src-main/reload/link/framing.ts'
import { dissect, type Plain } from '../../src-main/reload/wire/dissect.ts'
import { makeIdentity, overlayName, Ring, signedDocument } from '../support/overlayKit.ts'

const never = new AbortController().signal

/** Each field of a message by its name, at any depth; `type` with the name of what it is in. */
function* fields(value: Plain, name = ''): Generator<readonly [name: string, value: Plain]> {
  if (Array.isArray(value)) for (const item of value as readonly Plain[]) yield* fields(item, name)
  else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) yield* fields(inner, key === 'type' ? `${name}.type` : key)
  else yield [name, value]
}

/** exp_a_req to exp_b_ans, Error_Exp_A and _B, exp-forward, exp-ext, EXP-LINK, exp-probe. */
const experimental: Readonly<Record<string, readonly Plain[]>> = {
  message_code: [0x23, 0x24, 0x25, 0x26], error_code: [0x12, 0x13], 'options.type': [1], 'extensions.type': [1], overlay_link: [5], requested_info: [4], 'probe_info.type': [4],
}

test('a ring that joins, stores, fetches, traces, takes a new document and leaves sends nothing experimental', { timeout: 60_000 }, async () => {
  const ring = new Ring(77)
  const codes = new Set<Plain>()
  let messages = 0
  const decoders = new Map<object, FrameDecoder>()
  ring.network.tap = (bytes, stream) => {
    const decoder = decoders.get(stream) ?? new FrameDecoder({ maxMessageBytes: 70_000 })
    decoders.set(stream, decoder)
    try {
      for (const frame of decoder.push(bytes)) {
        if (frame.type === 'ack') continue
        for (const [name, value] of fields(dissect(frame.message))) {
          if (name === 'message_code') { codes.add(value); messages++ }
          expect(experimental[name] ?? [], `${name} ${String(value)}`).not.toContain(value)
        }
      }
    } catch (error) {
      // A pipe of an application carries no frames.
      if (!(error instanceof DecodeError)) throw error
    }
  }
  const organiser = await makeIdentity('organiser', 0, { nodeId: ring.random.bytes(16) })
  const document = await signedDocument(organiser)
  for (let i = 0; i < 9; i++) {
    const node = await ring.make({ document, ...(i === 0 && { identity: organiser }), clientMode: i === 8 })
    await node.overlay.start()
    await ring.until(() => node.overlay.status.phase === 'joined' || node.overlay.status.phase === 'alone', 30_000)
  }
  const [first, second] = [ring.nodes[0]!, ring.nodes[5]!]
  second.overlay.acceptApplication(5060)
  const place = second.overlay.resourceId(`${second.name}@${overlayName}`)
  await ring.wait(second.overlay.store(place, [{ kind: 0x10, index: 0, value: second.identity.certificate.der, lifetimeS: 600 }], never))
  await ring.wait(first.overlay.fetch(place, 0x10, { model: 'array', ranges: [{ first: 0, last: 0xffffffff }] }, never))
  await ring.wait(first.overlay.trace({ node: second.identity.nodeId }, never))
  const pipe = await ring.wait(first.overlay.appAttach([{ node: second.identity.nodeId }], 5060, never))
  pipe.close()
  first.overlay.updateDocument(await signedDocument(organiser, { sequence: 1, ...withDiagnosticsFor({ mandatoryExtensions: [] }, [organiser.nodeId]) }))
  await ring.advance(5_000)
  await ring.wait(first.overlay.ping([{ node: second.identity.nodeId }], never))
  await ring.advance(700_000)
  expect(await ring.close()).toBe(0)
  // Probe, Attach, Store, Fetch, Join, Leave, Update, Ping, AppAttach, ConfigUpdate, PathTrack: what was looked at is what a ring says.
  expect([...codes]).toEqual(expect.arrayContaining([0x03, 0x07, 0x09, 0x0f, 0x11, 0x13, 0x17, 0x1d, 0x21, 0x27]))
  expect(messages).toBeGreaterThan(500)
})
