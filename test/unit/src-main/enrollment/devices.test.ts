/** Several devices of one user, and several Node-IDs in one certificate (RFC 6940 §11.3, §11.3.1). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { equalBytes, toHex } from '../../../../src-main/base/bytes.ts'
import { checkDocument } from '../../../../src-main/enrollment/document.ts'
import { joinOverlay } from '../../../../src-main/enrollment/enroll.ts'
import { badNodesOf } from '../../../../src-main/enrollment/nextDocument.ts'
import { loadIdentity } from '../../../../src-main/enrollment/ownIdentity.ts'
import { createOpenOverlay } from '../../../../src-main/enrollment/selfSigned.ts'
import type { Identity } from '../../../../src-main/enrollment/identity.ts'
import { CertificateVerifier } from '../../../../src-main/reload/security/certificateVerifier.ts'
import { readOverlayCertificate } from '../../../../src-main/reload/security/overlayCertificate.ts'
import { Signer } from '../../../../src-main/reload/security/signer.ts'
import { makeOrganiser, makeProfile, type Organiser, type TestProfile } from '../../../support/enrolment.ts'

const dayMs = 86_400_000
const never = new AbortController().signal
let office: Organiser
beforeAll(async () => { office = await makeOrganiser() })
afterAll(async () => { await office.server.close() })

const enrol = (user: string, anotherDevice: boolean, profile: TestProfile = makeProfile(), more: { readonly nodeIds?: number } = {}): Promise<Identity> =>
  joinOverlay(profile.ports, profile.store, { source: office.authority.invite(user, dayMs, office.url, anotherDevice).link, ...more }, never)

describe('another device of a user', () => {
  it('gets a Node-ID, a key and a certificate of its own under the same user name', async () => {
    const laptop = await enrol('alice', false)
    const desktop = await enrol('alice', true)
    expect(desktop.userName).toBe(laptop.userName)
    expect(equalBytes(desktop.nodeId, laptop.nodeId)).toBe(false)
    expect(equalBytes(desktop.certificate.publicKeyInfo, laptop.certificate.publicKeyInfo)).toBe(false)
    expect(office.authority.devices('alice@office.example').map(({ nodeIds }) => nodeIds)).toEqual([[toHex(laptop.nodeId)], [toHex(desktop.nodeId)]])
  })

  it('the organiser has several, too', async () => {
    const second = await enrol('olga', true)
    expect(second.userName).toBe('olga@office.example')
    expect(equalBytes(second.nodeId, office.identity.nodeId)).toBe(false)
  })

  it('of a user with several devices, one that returns and names its Node-ID gets it back; an unknown one gets another', async () => {
    const profile = makeProfile()
    const laptop = await enrol('berta', false, profile)
    const desktop = await enrol('berta', true)
    // The key is lost; the profile still knows which device it was.
    profile.ports.keychain.secrets.clear()
    const again = await enrol('berta', false, profile)
    expect(again.nodeId).toEqual(laptop.nodeId)
    const unknown = await enrol('berta', false)
    expect([laptop.nodeId, desktop.nodeId].some((id) => equalBytes(id, unknown.nodeId))).toBe(false)
    expect(office.authority.devices('berta@office.example')).toHaveLength(3)
  })

  it('nobody gets the Node-ID of another user by naming it', async () => {
    const victim = await enrol('carl', false)
    const thief = makeProfile()
    // A profile that claims to have been the victim's device.
    thief.store.save({ overlayName: 'office.example', userName: 'dieb@office.example', displayName: '', certificate: victim.certificate.der, chain: [], document: victim.document, keyName: 'gone', enrolmentUrl: '' })
    const got = await enrol('dieb', false, thief)
    expect(equalBytes(got.nodeId, victim.nodeId)).toBe(false)
  })

  it('is excluded alone; excluding the user excludes all of his devices', async () => {
    const signer = new Signer(office.profile.ports.crypto, office.identity)
    const laptop = await enrol('emil', false)
    const desktop = await enrol('emil', true)
    const phone = await enrol('emil', true)
    expect(office.authority.exclude('emil', signer, toHex(desktop.nodeId)).nodeIds).toEqual([toHex(desktop.nodeId)])
    expect(office.authority.devices('emil@office.example').map(({ nodeIds }) => nodeIds[0])).toEqual([toHex(laptop.nodeId), toHex(phone.nodeId)])
    expect(office.authority.exclude('emil', signer).nodeIds).toEqual([toHex(laptop.nodeId), toHex(phone.nodeId)])
    expect(badNodesOf(office.authority.document, 'office.example').map(toHex)).toEqual(expect.arrayContaining([laptop, desktop, phone].map(({ nodeId }) => toHex(nodeId))))
  })
})

describe('several Node-IDs in one certificate (form field nodeids)', () => {
  it('are random, all in the certificate, and the same ones for a device that returns', async () => {
    const profile = makeProfile()
    const identity = await enrol('frida', false, profile, { nodeIds: 3 })
    const names = readOverlayCertificate(identity.certificate, 'office.example')
    if (typeof names === 'string') throw new Error(names)
    expect(new Set(names.nodeIds.map(toHex)).size).toBe(3)
    expect(identity.nodeId).toEqual(names.nodeIds[0])
    expect((await loadIdentity(profile.ports, profile.store))?.nodeId).toEqual(identity.nodeId)
    profile.ports.keychain.secrets.clear()
    const again = await enrol('frida', false, profile, { nodeIds: 3 })
    expect(readOverlayCertificate(again.certificate, 'office.example')).toEqual(names)
  })

  it('Node-IDs_not_available for a number that no certificate holds, and the code stays good', async () => {
    const { link } = office.authority.invite('gerd', dayMs, office.url)
    const profile = makeProfile()
    await expect(joinOverlay(profile.ports, profile.store, { source: link, nodeIds: 17 }, never)).rejects.toMatchObject({ code: 'enrolment-refused' })
    expect((await joinOverlay(profile.ports, profile.store, { source: link, nodeIds: 16 }, never)).userName).toBe('gerd@office.example')
  })

  it('of one’s own making: the digest of each number from 1 and the key, checked on acceptance', async () => {
    const creator = makeProfile(), profile = makeProfile()
    const made = await createOpenOverlay(creator.ports, creator.store, { overlayName: 'open.example', userName: 'zoe', displayName: '' })
    const { crypto, clock } = profile.ports
    const identity = await joinOverlay(profile.ports, profile.store, { source: new TextDecoder().decode(made.document), userName: 'hans', nodeIds: 2 }, never)
    const key = identity.certificate.publicKeyInfo
    const digest = (index: number): string => toHex(crypto.sha256(Uint8Array.of(0, 0, 0, index, ...key)).slice(0, 16))
    const names = new CertificateVerifier(crypto, clock, checkDocument(profile.ports, made.document).configuration).verify(identity.certificate.der)
    expect(typeof names === 'string' ? names : names.nodeIds.map(toHex)).toEqual([digest(1), digest(2)])
  })
})
