import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ErrorCode } from '@shared/errorCodes.ts'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { startDocumentServer, startEnrolServer } from '../../../../src-main/enrollment/enrollServer.ts'
import { joinOverlay, type JoinRequest, type JoinStep } from '../../../../src-main/enrollment/enroll.ts'
import { documentPath } from '../../../../src-main/enrollment/enrolmentPorts.ts'
import { inspectInvitation } from '../../../../src-main/enrollment/invitation.ts'
import { parseCode, parseLink, printCode, printLink } from '../../../../src-main/enrollment/invitationCode.ts'
import { checkDocument } from '../../../../src-main/enrollment/document.ts'
import { identityProblem, loadIdentity, readIdentity } from '../../../../src-main/enrollment/ownIdentity.ts'
import { createOpenOverlay } from '../../../../src-main/enrollment/selfSigned.ts'
import { createNodeHttpServerFactory } from '../../../../src-main/node/http.ts'
import type { OverlayHint } from '@shared/model/index.ts'
import { makeOrganiser, makeProfile, type Organiser, type TestProfile } from '../../../support/enrolment.ts'

const dayMs = 86_400_000
let office: Organiser, alice: TestProfile
beforeAll(async () => { office = await makeOrganiser() })
afterAll(async () => { await office.server.close() })
beforeEach(() => { alice = makeProfile() })

const never = new AbortController().signal
const join = (profile: TestProfile, request: JoinRequest): ReturnType<typeof joinOverlay> => joinOverlay(profile.ports, profile.store, request, never)

/** Expects the code, and a profile as new as before. */
async function fails(profile: TestProfile, request: JoinRequest, code: ErrorCode): Promise<void> {
  const outcome = await join(profile, request).then(() => 'joined', (cause: unknown) => cause)
  expect(outcome).toBeInstanceOf(PeerError)
  expect((outcome as PeerError).code).toBe(code)
  expect(profile.store.load()).toBeUndefined()
  expect(profile.ports.keychain.secrets.size).toBe(0)
}

const hint = (organiser: Organiser): OverlayHint => ({
  id: 'x', name: 'office.example', open: false, peers: 1, configurationUrl: organiser.url,
  rootFingerprint: checkDocument(organiser.profile.ports, organiser.authority.document).rootFingerprint,
})

describe('enrolment over HTTPS (RFC 6940 §11.3)', () => {
  it('by an invitation link ends with a certificate of the overlay for the invited name', async () => {
    const { link } = office.authority.invite('alice', dayMs, office.url)
    const steps: JoinStep[] = []
    const identity = await joinOverlay(alice.ports, alice.store, { source: link }, never, (step) => { steps.push(step) })
    expect(steps).toEqual(['document', 'key', 'certificate', 'save'])
    expect(identity).toMatchObject({ overlayName: 'office.example', userName: 'alice@office.example', displayName: 'alice' })
    expect(identity.certificate.isSignedBy(office.authority.rootCertificate)).toBe(true)
    expect(identity.certificate.subject).toBe('')
    expect(identity.certificate.notAfter - Date.now()).toBeGreaterThan(364 * dayMs)
    expect(identity.document).toEqual(office.authority.document)
    expect(office.enrolled).toContain('alice@office.example')
  })
  it('by an overlay seen on the network needs only the code', async () => {
    const { code } = office.authority.invite('anna', dayMs, undefined)
    const identity = await join(alice, { source: hint(office), code: code.toLowerCase().replaceAll('-', ' '), displayName: 'Anna' })
    expect(identity).toMatchObject({ userName: 'anna@office.example', displayName: 'Anna' })
  })
  it('by address and code finds the document at its well-known place', async () => {
    const { code } = office.authority.invite('arno', dayMs, undefined)
    const identity = await join(alice, { source: `https://127.0.0.1:${office.server.address.port}/`, code })
    expect(identity.userName).toBe('arno@office.example')
  })
  it('lets a profile whose certificate has expired join again, with the Node-ID it had', async () => {
    const first = await join(alice, { source: office.authority.invite('conny', dayMs, office.url).link })
    alice.clock.offsetMs = 366 * dayMs
    office.profile.clock.offsetMs = 366 * dayMs
    const server = await startEnrolServer({ clock: office.profile.clock, httpServers: createNodeHttpServerFactory() }, { host: '127.0.0.1', port: 0 }, office.authority, { onEnrolled: () => undefined, onRefused: () => undefined })
    const url = `https://127.0.0.1:${server.address.port}${documentPath}`
    try {
      await expect(loadIdentity(alice.ports, alice.store)).rejects.toMatchObject({ code: 'certificate-expired' })
      const again = await join(alice, { source: office.authority.invite('conny', dayMs, url).link })
      expect(again.nodeId).toEqual(first.nodeId)
      expect(identityProblem(alice.ports, again)).toBeUndefined()
      expect((await loadIdentity(alice.ports, alice.store))?.certificate.der).toEqual(again.certificate.der)
    } finally {
      office.profile.clock.offsetMs = 0
      await server.close()
    }
  })
  it('lets a profile whose key is gone join again, but not one whose clock is wrong', async () => {
    await join(alice, { source: office.authority.invite('dora', dayMs, office.url).link })
    alice.clock.offsetMs = -30 * dayMs
    await expect(join(alice, { source: office.authority.invite('dora', dayMs, office.url).link })).rejects.toMatchObject({ code: 'clock-wrong' })
    alice.clock.offsetMs = 0
    alice.ports.keychain.secrets.clear()
    const again = await join(alice, { source: office.authority.invite('dora', dayMs, office.url).link })
    expect(again.userName).toBe('dora@office.example')
  })
  it('survives a restart: the identity is loaded with its key', async () => {
    const { link } = office.authority.invite('berta', dayMs, office.url)
    const identity = await join(alice, { source: link })
    const loaded = await loadIdentity(alice.ports, alice.store)
    expect(loaded).toMatchObject({ userName: 'berta@office.example', nodeId: identity.nodeId })
    const message = new TextEncoder().encode('x')
    expect(loaded?.certificate.verify(message, loaded.privateKey.sign(message))).toBe(true)
    await expect(join(alice, { source: link })).rejects.toMatchObject({ code: 'already-enrolled' })
  })
  it('gives a returning user the same Node-ID for a new key', async () => {
    const first = await join(alice, { source: office.authority.invite('carl', dayMs, office.url).link })
    const second = await join(makeProfile(), { source: office.authority.invite('carl', dayMs, office.url).link })
    expect(second.nodeId).toEqual(first.nodeId)
    expect(second.certificate.publicKeyInfo).not.toEqual(first.certificate.publicKeyInfo)
  })
  it('chooses Node-IDs at random, one for each user', () => {
    const ids = office.authorityStore.devices().flatMap(({ nodeIds }) => nodeIds)
    expect(ids.length).toBeGreaterThan(3)
    expect(new Set(ids).size).toBe(ids.length)
  })
  it('keeps of a code only its hash', () => {
    const { code, record } = office.authority.invite('dora', dayMs, undefined)
    const secret = Buffer.from(parseCode(code).secret).toString('hex')
    expect(JSON.stringify(office.authority.invitations())).not.toContain(secret)
    expect(record.codeHash).toHaveLength(64)
  })
  it('gives the answer again when it was lost on the way, but only for the same key', async () => {
    const { link } = office.authority.invite('emil', dayMs, office.url)
    const http = alice.ports.http
    let posts = 0
    const lossy: TestProfile = { ...alice, ports: { ...alice.ports, http: {
      request: async (request, signal) => {
        const response = await http.request(request, signal)
        if (request.method === 'POST' && posts++ === 0) throw new PeerError('enrolment-unreachable', 'cut')
        return response
      },
    } } }
    expect((await join(lossy, { source: link })).userName).toBe('emil@office.example')
    expect(posts).toBe(2)
    await fails(makeProfile(), { source: link }, 'invitation-used')
  })
})

describe('an enrolment that fails leaves the profile new', () => {
  it('invitation-used: a code works once', async () => {
    const { link } = office.authority.invite('fritz', dayMs, office.url)
    await join(makeProfile(), { source: link })
    await fails(alice, { source: link }, 'invitation-used')
  })
  it('invitation-expired', async () => {
    const { link } = office.authority.invite('gerd', 1, office.url)
    await new Promise((resolve) => { setTimeout(resolve, 5) })
    await fails(alice, { source: link }, 'invitation-expired')
    expect(office.authority.invitations().map((record) => office.authority.stateOf(record))).toContain('expired')
  })
  it('invitation-invalid: a wrong code, a code that was taken back, half a code, a damaged link', async () => {
    const { link, code, record } = office.authority.invite('hans', dayMs, office.url)
    const right = parseCode(code)
    await fails(alice, { source: hint(office), code: printCode({ ...right, secret: new Uint8Array(10) }) }, 'invitation-invalid')
    office.authority.revoke(record.id)
    await fails(alice, { source: link }, 'invitation-invalid')
    await fails(alice, { source: hint(office), code: code.slice(0, 20) }, 'invitation-invalid')
    await fails(alice, { source: link.slice(0, -40) }, 'invitation-invalid')
    await fails(alice, { source: 'hello' }, 'invitation-invalid')
    expect(() => { office.authority.revoke(record.id) }).toThrow(PeerError)
  })
  it('invitation-invalid: a code of another overlay, before anybody is asked', async () => {
    const { code } = office.authority.invite('ida', dayMs, undefined)
    const other = { ...parseCode(code), pin: new Uint8Array(10) }
    await fails(alice, { source: { ...hint(office), configurationUrl: 'https://127.0.0.1:1/' }, code: printCode(other) }, 'invitation-invalid')
  })
  it('invitation-required', async () => {
    await fails(alice, { source: hint(office), userName: 'jan' }, 'invitation-required')
    await fails(alice, { source: new TextDecoder().decode(office.authority.document), userName: 'jan' }, 'invitation-required')
  })
  it('name-taken and name-invalid, and the code stays good', async () => {
    const { link } = office.authority.invite('karl', dayMs, office.url)
    await fails(alice, { source: link, userName: 'olga' }, 'name-taken')
    await fails(alice, { source: link, userName: 'ka rl' }, 'name-invalid')
    await fails(alice, { source: link, userName: 'nobody' }, 'enrolment-refused')
    expect((await join(alice, { source: link, userName: 'Karl' })).userName).toBe('karl@office.example')
  })
  it('enrolment-unreachable: nobody there, or nobody known', async () => {
    const { link, code } = office.authority.invite('lena', dayMs, 'https://127.0.0.1:9/.well-known/reload-config')
    await fails(alice, { source: link }, 'enrolment-unreachable')
    await fails(alice, { source: { ...hint(office), configurationUrl: '' }, code }, 'enrolment-unreachable')
  })
  it('server-unverified: the server of another root of the same name never sees the code', async () => {
    const impostor = await makeOrganiser()
    try {
      const { code } = office.authority.invite('mona', dayMs, undefined)
      await fails(alice, { source: printLink({ overlayName: 'office.example', url: impostor.url, code, pin: undefined, user: 'mona' }) }, 'server-unverified')
      expect(impostor.refused).toEqual([])
    } finally { await impostor.server.close() }
  })
  it('server-unverified: a peer of the overlay cannot pose as its server', async () => {
    const peer = await join(makeProfile(), { source: office.authority.invite('mallory', dayMs, office.url).link })
    const server = await createNodeHttpServerFactory().listen({ host: '127.0.0.1', port: 0 },
      { chain: [peer.certificate, office.authority.rootCertificate], privateKey: peer.privateKey }, { maxBodyBytes: 1000, maxConnections: 5, timeoutMs: 1000 },
      () => Promise.resolve({ status: 200, headers: {}, body: office.authority.document }))
    try {
      const { link } = office.authority.invite('nils', dayMs, `https://127.0.0.1:${server.address.port}${documentPath}`)
      await fails(alice, { source: link }, 'server-unverified')
    } finally { await server.close() }
  })
  it('overlay-file-damaged: any change to the document, wherever it comes from', async () => {
    const text = new TextDecoder().decode(office.authority.document)
    const { code } = office.authority.invite('otto', dayMs, undefined)
    for (const damagedText of [text.replace('sequence="0"', 'sequence="1"'), text.slice(0, 400), text.replace(/<signature>.*?<\/signature>/s, ''), text.replace('instance-name="office', 'instance-name="orifice'), '<x/>']) {
      expect(damagedText).not.toBe(text)
      await fails(alice, { source: damagedText, code }, 'overlay-file-damaged')
    }
    const server = await createNodeHttpServerFactory().listen({ host: '127.0.0.1', port: 0 }, await office.authority.serverCredentials(),
      { maxBodyBytes: 1000, maxConnections: 5, timeoutMs: 1000 }, () => Promise.resolve({ status: 200, headers: {}, body: new TextEncoder().encode(text.replace('65536', '99999')) }))
    try {
      await fails(alice, { source: { ...hint(office), configurationUrl: `https://127.0.0.1:${server.address.port}/` }, code }, 'overlay-file-damaged')
    } finally { await server.close() }
  })
  it('clock-wrong: this machine lives in the past', async () => {
    const { link } = office.authority.invite('paul', dayMs, office.url)
    alice.clock.offsetMs = -40 * dayMs
    await fails(alice, { source: link }, 'clock-wrong')
    await fails(alice, { source: new TextDecoder().decode(office.authority.document), code: parseLink(link).code ?? '' }, 'clock-wrong')
  })
  it('a full disk: nothing is kept, neither key nor identity', async () => {
    const { link } = office.authority.invite('quinn', dayMs, office.url)
    const full: TestProfile = { ...alice, store: { ...alice.store, save: () => { throw new PeerError('disk-full') } } }
    await fails(full, { source: link }, 'disk-full')
  })
  it('aborted: the signal’s reason, and nothing kept', async () => {
    const { link } = office.authority.invite('rosa', dayMs, office.url)
    const stop = new AbortController()
    const joining = joinOverlay(alice.ports, alice.store, { source: link }, stop.signal, (step) => { if (step === 'certificate') stop.abort(new PeerError('cancelled')) })
    await expect(joining).rejects.toMatchObject({ code: 'cancelled' })
    expect(alice.ports.keychain.secrets.size).toBe(0)
    expect((await join(alice, { source: link })).userName).toBe('rosa@office.example')
  })
  it('too-many-requests: wrong codes from one address', async () => {
    const guarded = { enrol: () => ({ refused: 'invitation-invalid', token: 'failed_authentication' } as const), document: office.authority.document, serverCredentials: () => office.authority.serverCredentials() }
    const server = await startEnrolServer({ clock: alice.clock, httpServers: createNodeHttpServerFactory() }, { host: '127.0.0.1', port: 0 }, guarded as never, { onEnrolled: () => {}, onRefused: () => {} })
    try {
      const { code } = office.authority.invite('sven', dayMs, undefined)
      const source = { ...hint(office), configurationUrl: `https://127.0.0.1:${server.address.port}${documentPath}` }
      for (let i = 0; i < 10; i++) await fails(alice, { source, code }, 'invitation-invalid')
      await fails(alice, { source, code }, 'too-many-requests')
    } finally { await server.close() }
  })
})

describe('the identity at the next start', () => {
  it('certificate-expired is said, and nothing is lost', async () => {
    await join(alice, { source: office.authority.invite('tina', dayMs, office.url).link })
    alice.clock.offsetMs = 366 * dayMs
    await expect(loadIdentity(alice.ports, alice.store)).rejects.toMatchObject({ code: 'certificate-expired' })
    const identity = await readIdentity(alice.ports, alice.store)
    expect(identity?.userName).toBe('tina@office.example')
    expect(identity && identityProblem(alice.ports, identity)?.code).toBe('certificate-expired')
    alice.clock.offsetMs = -10 * dayMs
    await expect(loadIdentity(alice.ports, alice.store)).rejects.toMatchObject({ code: 'clock-wrong' })
  })
  it('key-unreadable when the key is gone, damaged or another one', async () => {
    await join(alice, { source: office.authority.invite('udo', dayMs, office.url).link })
    const [name = ''] = alice.ports.keychain.secrets.keys()
    for (const secret of [undefined, new Uint8Array(40), office.identity.privateKey.exportPkcs8()]) {
      if (secret === undefined) alice.ports.keychain.secrets.delete(name)
      else alice.ports.keychain.secrets.set(name, secret)
      await expect(readIdentity(alice.ports, alice.store)).rejects.toMatchObject({ code: 'key-unreadable' })
    }
  })
})

describe('open overlays (RFC 6940 §11.3.1)', () => {
  it('are joined by file with a user name alone; the Node-ID is the digest of the key', async () => {
    const creator = makeProfile()
    const made = await createOpenOverlay(creator.ports, creator.store, { overlayName: 'Open.Example', userName: 'zoe', displayName: 'Zoe' })
    const identity = await join(alice, { source: new TextDecoder().decode(made.document), userName: 'Alice' })
    expect(identity).toMatchObject({ overlayName: 'open.example', userName: 'alice@open.example' })
    expect(identity.nodeId).toEqual(alice.ports.crypto.sha256(identity.certificate.publicKeyInfo).slice(0, 16))
    expect(identity.certificate.isSignedBy(identity.certificate)).toBe(true)
    await fails(makeProfile(), { source: new TextDecoder().decode(made.document) }, 'name-invalid')
  })
  it('are joined by what is seen on the network; a document by somebody else is refused', async () => {
    const creator = makeProfile(), other = makeProfile()
    const made = await createOpenOverlay(creator.ports, creator.store, { overlayName: 'open.example', userName: 'zoe', displayName: '' })
    const forged = await createOpenOverlay(other.ports, other.store, { overlayName: 'open.example', userName: 'eve', displayName: '' })
    const ports = { clock: creator.clock, httpServers: createNodeHttpServerFactory() }
    const server = await startDocumentServer(ports, { host: '127.0.0.1', port: 0 }, made, { onEnrolled: () => {}, onRefused: () => {} })
    const forger = await startDocumentServer(ports, { host: '127.0.0.1', port: 0 }, forged, { onEnrolled: () => {}, onRefused: () => {} })
    try {
      const seen = {
        id: 'x', name: 'open.example', open: true, peers: 1, rootFingerprint: checkDocument(creator.ports, made.document).rootFingerprint,
        configurationUrl: `https://127.0.0.1:${server.address.port}${documentPath}`,
      }
      await fails(alice, { source: { ...seen, configurationUrl: `https://127.0.0.1:${forger.address.port}${documentPath}` }, userName: 'alice' }, 'server-unverified')
      expect((await join(alice, { source: seen, userName: 'alice' })).userName).toBe('alice@open.example')
    } finally { await Promise.all([server.close(), forger.close()]) }
  })
})

describe('inspecting what the user brings', () => {
  it('reads a link and a file without contacting anybody', () => {
    const { link } = office.authority.invite('vera', dayMs, office.url)
    const view = inspectInvitation(alice.ports, ` ${link}\n`)
    expect(view).toMatchObject({ overlayName: 'office.example', open: false, userName: 'vera', needsCode: false })
    const file = inspectInvitation(alice.ports, new TextDecoder().decode(office.authority.document))
    expect(file).toMatchObject({ overlayName: 'office.example', open: false, needsCode: true })
    expect(file.rootFingerprint.startsWith(view.rootFingerprint)).toBe(true)
  })
  it('reads back every field of a link', () => {
    const { code } = office.authority.invite('walt', dayMs, undefined)
    const link = { overlayName: 'a.example', url: 'https://[fd00::1]:8443/x?y', code, pin: parseCode(code).pin, user: 'walt' }
    expect(parseLink(printLink(link))).toEqual(link)
    expect(() => parseLink(printLink({ ...link, url: 'http://127.0.0.1/' }))).toThrow(PeerError)
  })
})
