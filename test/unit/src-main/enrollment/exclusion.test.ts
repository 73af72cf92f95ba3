/** The organiser excludes a user: bad-node in a new document, and no way in by enrolment (RFC 6940 §11.1, §11.3). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { equalBytes, toHex } from '../../../../src-main/base/bytes.ts'
import { checkDocument } from '../../../../src-main/enrollment/document.ts'
import { joinOverlay } from '../../../../src-main/enrollment/enroll.ts'
import { badNodesOf, nextDocument } from '../../../../src-main/enrollment/nextDocument.ts'
import { loadIdentity, mayEnrol } from '../../../../src-main/enrollment/ownIdentity.ts'
import { checkSuccessor, configurationOf, parseOverlayDocument } from '../../../../src-main/reload/config/overlayDocument.ts'
import { CertificateVerifier } from '../../../../src-main/reload/security/certificateVerifier.ts'
import { SignatureVerifier } from '../../../../src-main/reload/security/signatureVerifier.ts'
import { Signer } from '../../../../src-main/reload/security/signer.ts'
import { makeOrganiser, makeProfile, type Organiser, type TestProfile } from '../../../support/enrolment.ts'

const dayMs = 86_400_000
const never = new AbortController().signal
let office: Organiser
let signer: Signer
beforeAll(async () => { office = await makeOrganiser(); signer = new Signer(office.profile.ports.crypto, office.identity) })
afterAll(async () => { await office.server.close() })

const enrolled = async (user: string): Promise<TestProfile> => {
  const profile = makeProfile()
  await joinOverlay(profile.ports, profile.store, { source: office.authority.invite(user, dayMs, office.url).link }, never)
  return profile
}

describe('excluding a user', () => {
  it('makes a document that the present one’s signer has signed, one more in sequence, with his Node-IDs as bad-nodes', async () => {
    const bob = await enrolled('bob')
    const nodeId = (await loadIdentity(bob.ports, bob.store))!.nodeId
    const before = configurationOf(parseOverlayDocument(office.authority.document), 'office.example').configuration
    const { document, nodeIds, userName } = office.authority.exclude('bob', signer)
    expect({ nodeIds, userName }).toEqual({ nodeIds: [toHex(nodeId)], userName: 'bob@office.example' })
    expect(office.authority.document).toEqual(document)
    expect(office.authorityStore.load()?.document).toEqual(document)
    const parsed = configurationOf(parseOverlayDocument(document), 'office.example')
    expect(parsed.configuration).toEqual({ ...before, sequence: before.sequence + 1, badNodes: [nodeId] })
    const { crypto, clock } = office.profile.ports
    expect(checkSuccessor(before, parsed, new SignatureVerifier(crypto, new CertificateVerifier(crypto, clock, before)), clock.now())).toBeUndefined()
    expect(checkDocument(office.profile.ports, document).open).toBe(false)
    // Twice is once.
    expect(() => office.authority.exclude('bob', signer)).toThrow(/not in this overlay/)
  })

  it('takes his open invitations back, and refuses the certificate again that was asked for once more', async () => {
    const carol = makeProfile()
    const early = office.authority.invite('carol', dayMs, office.url)
    const other = office.authority.invite('carol', dayMs, office.url)
    await joinOverlay(carol.ports, carol.store, { source: early.link }, never)
    office.authority.exclude('carol', signer)
    await expect(joinOverlay(makeProfile().ports, makeProfile().store, { source: other.link }, never)).rejects.toMatchObject({ code: 'invitation-invalid' })
    await expect(joinOverlay(makeProfile().ports, makeProfile().store, { source: early.link }, never)).rejects.toMatchObject({ code: 'invitation-used' })
  })

  it('lets him come back with a new invitation, as another node', async () => {
    const dora = await enrolled('dora')
    const before = (await loadIdentity(dora.ports, dora.store))!.nodeId
    office.authority.exclude('dora', signer)
    const again = await enrolled('dora')
    const after = (await loadIdentity(again.ports, again.store))!.nodeId
    expect(equalBytes(before, after)).toBe(false)
    expect(badNodesOf(office.authority.document, 'office.example').map(toHex)).toContain(toHex(before))
    expect(badNodesOf(office.authority.document, 'office.example').map(toHex)).not.toContain(toHex(after))
    // The same Node-ID from then on.
    const third = await enrolled('dora')
    expect((await loadIdentity(third.ports, third.store))!.nodeId).toEqual(after)
  })

  it('who was never invited is not known', () => {
    expect(() => office.authority.exclude('nobody', signer)).toThrow(/not in this overlay/)
    expect(() => office.authority.exclude('a b', signer)).toThrow()
  })

  it('an excluded profile that has the document does not start, and may enrol again', async () => {
    const eve = await enrolled('eve')
    const { document } = office.authority.exclude('eve', signer)
    eve.store.save({ ...eve.store.load()!, document })
    await expect(loadIdentity(eve.ports, eve.store)).rejects.toMatchObject({ code: 'certificate-invalid' })
    await expect(mayEnrol(eve.ports, eve.store)).resolves.toBeUndefined()
  })

  it('raises max-message-size before the document outgrows it', () => {
    const small = nextDocument(office.authority.document, 'office.example', () => ({ maxMessageSize: 5000 }), signer)
    const { maxMessageSize } = configurationOf(parseOverlayDocument(small), 'office.example').configuration
    expect(maxMessageSize).toBeGreaterThanOrEqual(4 * office.authority.document.length)
  })
})
