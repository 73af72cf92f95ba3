/** An organiser with his enrolment server on loopback, and profiles that want to join; everything real but the stores. */
import { Authority } from '../../src-main/enrollment/authority.ts'
import { createAuthority } from '../../src-main/enrollment/createAuthority.ts'
import { startEnrolServer } from '../../src-main/enrollment/enrollServer.ts'
import { documentPath, type EnrolmentPorts } from '../../src-main/enrollment/enrolmentPorts.ts'
import type { Identity } from '../../src-main/enrollment/identity.ts'
import { createMemoryAuthorityStore, createMemoryIdentityStore } from '../../src-main/enrollment/memoryStores.ts'
import type { AuthorityStore, IdentityStore } from '../../src-main/enrollment/stores.ts'
import { createNodeClock } from '../../src-main/node/clock.ts'
import { createNodeHttpClient, createNodeHttpServerFactory } from '../../src-main/node/http.ts'
import type { HttpServer } from '../../src-main/ports/http.ts'
import type { Keychain } from '../../src-main/ports/keychain.ts'
import { crypto, random } from './certificates.ts'

export interface MemoryKeychain extends Keychain { readonly secrets: Map<string, Uint8Array> }

export function createMemoryKeychain(): MemoryKeychain {
  const secrets = new Map<string, Uint8Array>()
  return {
    protection: 'file', secrets,
    load: (name) => Promise.resolve(secrets.get(name)),
    save: (name, secret) => { secrets.set(name, secret); return Promise.resolve() },
    remove: (name) => { secrets.delete(name); return Promise.resolve() },
  }
}

/** A clock that tells another time but runs real timers. */
export function shiftedClock(): EnrolmentPorts['clock'] & { offsetMs: number } {
  const real = createNodeClock()
  const clock = { offsetMs: 0, now: () => real.now() + clock.offsetMs, monotonic: () => real.monotonic(), setTimer: real.setTimer }
  return clock
}

export interface TestProfile { readonly ports: EnrolmentPorts & { readonly keychain: MemoryKeychain }; readonly store: IdentityStore; readonly clock: ReturnType<typeof shiftedClock> }

export function makeProfile(): TestProfile {
  const clock = shiftedClock()
  return { ports: { clock, random, crypto, keychain: createMemoryKeychain(), http: createNodeHttpClient() }, store: createMemoryIdentityStore(), clock }
}

export interface Organiser {
  readonly profile: TestProfile
  readonly identity: Identity
  readonly authority: Authority
  readonly authorityStore: AuthorityStore
  readonly server: HttpServer
  /** where the document is */
  readonly url: string
  readonly enrolled: string[]
  readonly refused: string[]
}

export async function makeOrganiser(overlayName = 'office.example'): Promise<Organiser> {
  const profile = makeProfile()
  const authorityStore = createMemoryAuthorityStore()
  const identity = await createAuthority(profile.ports, { identity: profile.store, authority: authorityStore }, { overlayName, userName: 'olga', displayName: 'Olga' })
  const authority = await Authority.open(profile.ports, authorityStore)
  if (authority === undefined) throw new Error('no authority')
  const enrolled: string[] = [], refused: string[] = []
  const server = await startEnrolServer({ clock: profile.clock, httpServers: createNodeHttpServerFactory() }, { host: '127.0.0.1', port: 0 }, authority, {
    onEnrolled: (user) => { enrolled.push(user) }, onRefused: (reason) => { refused.push(reason) },
  })
  return { profile, identity, authority, authorityStore, server, url: `https://127.0.0.1:${server.address.port}${documentPath}`, enrolled, refused }
}
