/** Documents from configuration servers, by name and once more, over real HTTPS on loopback (RFC 6940 §11.1, §11.2, §6.5.4). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PeerError } from '../../../../src-main/base/errors.ts'
import { configurationServers } from '../../../../src-main/enrollment/configurationServer.ts'
import { checkDocument } from '../../../../src-main/enrollment/document.ts'
import { joinOverlay } from '../../../../src-main/enrollment/enroll.ts'
import type { EnrolmentPorts } from '../../../../src-main/enrollment/enrolmentPorts.ts'
import { nextDocument } from '../../../../src-main/enrollment/nextDocument.ts'
import { refetchDocument } from '../../../../src-main/enrollment/refetch.ts'
import type { Dns, SrvRecord } from '../../../../src-main/ports/dns.ts'
import { Signer } from '../../../../src-main/reload/security/signer.ts'
import { crypto } from '../../../support/certificates.ts'
import { makeOrganiser, makeProfile, type Organiser } from '../../../support/enrolment.ts'
import { SeededRandom } from '../../../support/seededRandom.ts'

let office: Organiser, other: Organiser
beforeAll(async () => { [office, other] = await Promise.all([makeOrganiser(), makeOrganiser()]) }, 60_000)
afterAll(async () => { await Promise.all([office.server.close(), other.server.close()]) })
const never = new AbortController().signal

function dnsOf(records: readonly SrvRecord[] | Error): Dns & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    asked, naptr: () => Promise.resolve([]), addresses: () => Promise.resolve([]),
    srv: (name) => { asked.push(name); return records instanceof Error ? Promise.reject(records) : Promise.resolve(records) },
  }
}
const serverOf = ({ server }: Organiser, priority = 0): SrvRecord => ({ priority, weight: 0, target: '127.0.0.1.', port: server.address.port })

describe('an overlay known by its name', { timeout: 60_000 }, () => {
  it('has its document where DNS SRV _reload-config._tcp says, under the well-known path of the name', async () => {
    const dns = dnsOf([{ priority: 9, weight: 0, target: 'b.example', port: 2 }, { priority: 1, weight: 0, target: 'a.example.', port: 1 }])
    const url = 'https://office.example/.well-known/reload-config'
    expect(await configurationServers({ dns, random: new SeededRandom(1) }, 'office.example', never)).toEqual([
      { url, via: { host: 'a.example', port: 1 } }, { url, via: { host: 'b.example', port: 2 } },
    ])
    expect(dns.asked).toEqual(['_reload-config._tcp.office.example'])
    for (const none of [dnsOf([]), dnsOf(new PeerError('peer-unreachable', 'no server')), dnsOf([{ priority: 0, weight: 0, target: '.', port: 0 }])]) {
      expect(await configurationServers({ dns: none, random: new SeededRandom(1) }, 'office.example', never)).toEqual([{ url }])
    }
  })

  it('is joined by name and code; a server of another root gets no code', async () => {
    const { code } = office.authority.invite('nina', 86_400_000, undefined)
    const profile = makeProfile()
    const ports: EnrolmentPorts = { ...profile.ports, dns: dnsOf([serverOf(office)]) }
    // The document names the overlay's own host for enrolment: here that is the server found.
    const enrolling: EnrolmentPorts = { ...ports, http: { request: (request, signal) => ports.http.request({ via: office.server.address, ...request }, signal) } }
    const identity = await joinOverlay(enrolling, profile.store, { source: 'Office.example', code }, never)
    expect(identity).toMatchObject({ overlayName: 'office.example', userName: 'nina@office.example' })
    const impostor = makeProfile()
    const fresh = office.authority.invite('nora', 86_400_000, undefined).code
    await expect(joinOverlay({ ...impostor.ports, dns: dnsOf([serverOf(other)]) }, impostor.store, { source: 'office.example', code: fresh }, never)).rejects.toMatchObject({ code: 'server-unverified' })
    expect(other.enrolled).toEqual([])
  })

  it('that DNS does not know cannot be reached', async () => {
    const profile = makeProfile()
    const closed = { ...serverOf(office), port: 1 }
    const { code } = office.authority.invite('nils', 86_400_000, undefined)
    await expect(joinOverlay({ ...profile.ports, dns: dnsOf([closed]) }, profile.store, { source: 'office.example', code }, never)).rejects.toMatchObject({ code: 'enrolment-unreachable' })
  })
})

describe('the document once more', { timeout: 60_000 }, () => {
  const next = (by: Organiser): Uint8Array => nextDocument(by.authority.document, 'office.example', () => ({ turnDensity: 3 }), new Signer(crypto, by.identity))

  it('is taken when it is newer, and counts as vouched for from a server of the overlay’s root', async () => {
    const { ports } = makeProfile()
    const current = checkDocument(ports, office.authority.document)
    expect(await refetchDocument(ports, current, [office.url], never)).toBeUndefined()
    const newer = next(office)
    office.authority.replaceDocument(newer)
    expect(await refetchDocument(ports, current, ['https://127.0.0.1:1/x', office.url], never)).toEqual({ bytes: newer, vouched: true })
    expect(await refetchDocument({ ...ports, dns: dnsOf([serverOf(office)]) }, current, [], never)).toMatchObject({ vouched: true })
  })

  it('of another overlay with the same name is not taken, however new', async () => {
    const { ports } = makeProfile()
    const current = checkDocument(ports, office.authority.document)
    other.authority.replaceDocument(next(other))
    other.authority.replaceDocument(next(other))
    expect(await refetchDocument(ports, current, [other.url], never)).toBeUndefined()
  })
})
