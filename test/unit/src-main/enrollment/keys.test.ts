/** Identities of both kinds of keys: enrolled, self-signed, founding; and read again from what was saved (RFC 6940 §6.3.4, §11.3). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toHex } from '../../../../src-main/base/bytes.ts'
import { checkDocument } from '../../../../src-main/enrollment/document.ts'
import { joinOverlay } from '../../../../src-main/enrollment/enroll.ts'
import { loadIdentity } from '../../../../src-main/enrollment/ownIdentity.ts'
import { createOpenOverlay } from '../../../../src-main/enrollment/selfSigned.ts'
import type { Identity } from '../../../../src-main/enrollment/identity.ts'
import { makeOrganiser, makeProfile, type Organiser } from '../../../support/enrolment.ts'

const never = new AbortController().signal
const data = new TextEncoder().encode('message')
let office: Organiser
beforeAll(async () => { office = await makeOrganiser() })
afterAll(async () => { await office.server.close() })

function expectKey(identity: Identity | undefined, keyType: string): void {
  expect([identity?.privateKey.keyType, identity?.certificate.keyType]).toEqual([keyType, keyType])
  expect(identity?.certificate.verify(data, identity.privateKey.sign(data))).toBe(true)
}

describe.each([['ec', {}], ['rsa', { keyType: 'rsa' }]] as const)('an identity with a key of %s', (keyType, wanted) => {
  it('is certified by the authority, and is the same when the profile is opened again', async () => {
    const profile = makeProfile()
    const { link } = office.authority.invite(`user${keyType}`, 86_400_000, office.url)
    expectKey(await joinOverlay(profile.ports, profile.store, { source: link, ...wanted }, never), keyType)
    expectKey(await loadIdentity(profile.ports, profile.store), keyType)
  })

  it('founds an overlay that anyone may join, and joins it: Node-IDs are the digest of the key', async () => {
    const founder = makeProfile(), profile = makeProfile()
    const made = await createOpenOverlay(founder.ports, founder.store, { overlayName: 'open.example', userName: 'zoe', displayName: '', ...wanted })
    expectKey(made, keyType)
    expect(checkDocument(profile.ports, made.document).open).toBe(true)
    const joined = await joinOverlay(profile.ports, profile.store, { source: new TextDecoder().decode(made.document), userName: 'hans', ...wanted }, never)
    expectKey(joined, keyType)
    expect(toHex(joined.nodeId)).toBe(toHex(profile.ports.crypto.sha256(joined.certificate.publicKeyInfo).slice(0, 16)))
  })
})
