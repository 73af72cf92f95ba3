/** Certificates that are renewed by the key alone, before they end (RFC 6940 §11.3, §13.3). */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { joinOverlay } from '../../../../src-main/enrollment/enroll.ts'
import { startEnrolServer } from '../../../../src-main/enrollment/enrollServer.ts'
import { enrolmentPath } from '../../../../src-main/enrollment/enrolmentPorts.ts'
import { loadIdentity } from '../../../../src-main/enrollment/ownIdentity.ts'
import { renewCertificate } from '../../../../src-main/enrollment/renew.ts'
import type { Identity } from '../../../../src-main/enrollment/identity.ts'
import { createNodeHttpServerFactory } from '../../../../src-main/node/http.ts'
import type { HttpServer } from '../../../../src-main/ports/http.ts'
import { readOverlayCertificate } from '../../../../src-main/reload/security/overlayCertificate.ts'
import { Signer } from '../../../../src-main/reload/security/signer.ts'
import { makeOrganiser, makeProfile, type Organiser, type TestProfile } from '../../../support/enrolment.ts'

const dayMs = 86_400_000
const never = new AbortController().signal
let office: Organiser
let later: HttpServer | undefined
beforeAll(async () => { office = await makeOrganiser() })
afterAll(async () => { await office.server.close() })
afterEach(async () => {
  office.profile.clock.offsetMs = 0
  await later?.close()
  later = undefined
})

async function member(user: string, nodeIds?: number): Promise<{ profile: TestProfile; identity: Identity }> {
  const profile = makeProfile()
  const identity = await joinOverlay(profile.ports, profile.store, { source: office.authority.invite(user, dayMs, office.url).link, ...(nodeIds !== undefined && { nodeIds }) }, never)
  return { profile, identity }
}
/** So many days later, with the organiser's server as of then. @returns its address for enrolment */
async function after(days: number, ...profiles: readonly TestProfile[]): Promise<string[]> {
  for (const { clock } of [office.profile, ...profiles]) clock.offsetMs = days * dayMs
  later = await startEnrolServer({ clock: office.profile.clock, httpServers: createNodeHttpServerFactory() }, { host: '127.0.0.1', port: 0 }, office.authority, { onEnrolled: () => undefined, onRefused: () => undefined })
  return [`https://127.0.0.1:${later.address.port}${enrolmentPath}`]
}

it('ends later, with the same key, name and Node-IDs, and is there at the next start', async () => {
  const { profile, identity } = await member('alice', 2)
  const urls = await after(330, profile)
  const renewed = await renewCertificate(profile.ports, profile.store, identity, urls, never)
  expect((renewed?.certificate.notAfter ?? 0) - identity.certificate.notAfter).toBeGreaterThan(300 * dayMs)
  expect(renewed?.certificate.publicKeyInfo).toEqual(identity.certificate.publicKeyInfo)
  expect(readOverlayCertificate(renewed!.certificate, 'office.example')).toEqual(readOverlayCertificate(identity.certificate, 'office.example'))
  expect((await loadIdentity(profile.ports, profile.store))?.certificate.der).toEqual(renewed?.certificate.der)
  expect(profile.ports.keychain.secrets.size).toBe(1)
  expect(office.authority.devices('alice@office.example')).toHaveLength(1)
  // Asked once more, there is nothing newer.
  expect(await renewCertificate(profile.ports, profile.store, renewed!, urls, never)).toBeUndefined()
})

it('is not made before half of its life is over', async () => {
  const { profile, identity } = await member('bob')
  expect(await renewCertificate(profile.ports, profile.store, identity, await after(100, profile), never)).toBeUndefined()
  expect(profile.store.load()?.certificate).toEqual(identity.certificate.der)
})

it('is refused to another key, to an excluded device, and once it has ended', async () => {
  const [carl, dora, emil] = [await member('carl'), await member('dora'), await member('emil')]
  const stranger = makeProfile()
  stranger.store.save(carl.profile.store.load()!)
  office.authority.exclude('dora', new Signer(office.profile.ports.crypto, office.identity))
  const urls = await after(340, carl.profile, dora.profile, emil.profile, stranger)
  const key = await stranger.ports.crypto.generateKey('ec')
  const refused = { code: 'invitation-invalid' }
  await expect(renewCertificate(stranger.ports, stranger.store, { ...carl.identity, privateKey: key }, urls, never)).rejects.toMatchObject(refused)
  await expect(renewCertificate(carl.profile.ports, carl.profile.store, { ...carl.identity, userName: 'emil@office.example' }, urls, never)).rejects.toMatchObject(refused)
  await expect(renewCertificate(dora.profile.ports, dora.profile.store, dora.identity, urls, never)).rejects.toMatchObject(refused)
  office.profile.clock.offsetMs = 366 * dayMs
  await expect(renewCertificate(emil.profile.ports, emil.profile.store, emil.identity, urls, never)).rejects.toMatchObject({ code: 'invitation-expired' })
  expect(emil.profile.store.load()?.certificate).toEqual(emil.identity.certificate.der)
})

it('is asked of nobody but the overlay’s own server', async () => {
  const { profile, identity } = await member('frida')
  const impostor = await makeOrganiser()
  try {
    await after(330, profile)
    // Of two with the overlay's name the one is passed over that its root does not vouch for.
    const renewed = await renewCertificate(profile.ports, profile.store, identity, [new URL(enrolmentPath, impostor.url).href], never)
    expect(renewed?.certificate.isSignedBy(office.authority.rootCertificate)).toBe(true)
    expect([...impostor.enrolled, ...impostor.refused]).toEqual([])
  } finally { await impostor.server.close() }
})
