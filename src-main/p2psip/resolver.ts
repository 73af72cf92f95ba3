/**
 * Finding people (RFC 7904 §4, §5): Fetch every registration of an address of record, follow those that name
 * another address, and open a pipe to each device. The storing peer is not trusted: Fetch returns verified
 * values only, and the pipe's certificate must carry the Node-ID asked for.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { PeerError } from '../base/errors.ts'
import { isSecure, normaliseAor, sipUri } from '../phone/address.ts'
import type { Target, TargetResolver } from '../phone/targetResolver.ts'
import type { Overlay, VerifiedValue } from '../reload/overlay/overlay.ts'
import { certificateByUserKind } from '../reload/usages/certificateStore.ts'
import { decodeSipRegistration, sipRegistrationKind, type SipRegistration } from '../reload/usages/sipRegistration.ts'
import { schemesOf } from '../sip/ua/capabilities.ts'
import { gruuOf, readGruu, type Gruu } from './gruu.ts'
import { type OverlayTransport, sipApplication, sipsApplication } from './overlayTransport.ts'

/** Bounds on following registrations that name other addresses (RFC 7904 §8.2.1 asks callers to throttle). */
const maxDepth = 5
const maxDevices = 20

interface Device {
  readonly destination: { readonly node: Uint8Array }[]
  /** URI schemes that it takes requests for; undefined when it does not say. */
  readonly schemes: ReadonlySet<string> | undefined
}

/** One registration as it stands in the overlay. */
export interface Registered {
  readonly nodeId: string
  readonly registration: SipRegistration
  readonly lifetimeS: number
}

export class OverlayResolver implements TargetResolver {
  constructor(private readonly overlay: Overlay, private readonly transport: OverlayTransport) {}

  /** Reads and verifies the registrations of an address. @throws as TargetResolver.resolve, but for 'user-offline' */
  async lookup(uri: string, signal: AbortSignal): Promise<readonly Registered[]> {
    return (await this.fetch(this.ownAor(uri), signal)).map((value) => ({
      nodeId: toHex(value.key ?? value.signerNodeId),
      registration: decodeSipRegistration(value.value),
      lifetimeS: value.lifetimeS,
    }))
  }

  async resolve(uri: string, signal: AbortSignal): Promise<readonly Target[]> {
    const found: Target[] = []
    await this.resolveEach(uri, signal, (target) => { found.push(target) })
    return found
  }

  async resolveEach(uri: string, signal: AbortSignal, onTarget: (target: Target) => void): Promise<void> {
    const gruu = readGruu(uri, this.overlay.name)
    if (gruu !== undefined) { onTarget(await this.device(gruu, isSecure(uri), signal)); return }
    const aor = this.ownAor(uri)
    const devices = [...(await this.devices(aor, signal)).values()]
    if (devices.length === 0) throw new PeerError(await this.exists(aor, signal) ? 'user-offline' : 'user-unknown', `${aor} is not registered`)
    const able = isSecure(uri) ? devices.filter(({ schemes }) => schemes?.has('sips') !== false) : devices
    if (able.length === 0) throw new PeerError('not-secure', `no device of ${aor} takes calls to sips:`)
    const attempts = await Promise.allSettled(able.map(async ({ destination, schemes }): Promise<void> => {
      const secure = isSecure(uri) || schemes?.has('sip') === false // as the caller wants, or the callee (RFC 7904 §5.1)
      const connection = await this.transport.connect(destination, signal, secure ? sipsApplication : sipApplication)
      if (!signal.aborted) onTarget({ requestUri: sipUri(aor, secure), connection, ...(connection.peerIdentity !== undefined && { identity: connection.peerIdentity }) })
    }))
    signal.throwIfAborted()
    if (attempts.some((a) => a.status === 'fulfilled')) return
    const failures = attempts.filter((a) => a.status === 'rejected').map((a) => a.reason as unknown)
    if (failures.some((f) => f instanceof PeerError && f.code === 'peer-unverified')) throw new PeerError('peer-unverified', `the device registered for ${aor} could not prove who it is`)
    throw new PeerError('user-offline', `no device of ${aor} answered`, { cause: failures[0] })
  }

  /** A GRUU names its device: nothing is looked up, and nobody else may answer (RFC 7904 §4, §6). */
  private async device(gruu: Gruu, secure: boolean, signal: AbortSignal): Promise<Target> {
    const connection = await this.transport.connect(gruu.destination, signal, secure ? sipsApplication : sipApplication)
    return { requestUri: gruuOf(gruu.aor, gruu.destination, secure), connection, ...(connection.peerIdentity !== undefined && { identity: connection.peerIdentity }) }
  }

  /** Devices by the Node-ID that ends their destination list, own ones left out. */
  private async devices(aor: string, signal: AbortSignal): Promise<Map<string, Device>> {
    const found = new Map<string, Device>()
    const asked = new Set<string>()
    const follow = async (name: string, depth: number): Promise<void> => {
      if (depth > maxDepth || asked.has(name) || asked.size >= maxDevices) return
      asked.add(name)
      for (const value of await this.fetch(name, signal)) {
        const registration = decodeSipRegistration(value.value)
        if (registration.type === 'uri') {
          const gruu = readGruu(registration.uri, this.overlay.name)
          const device = gruu?.destination.at(-1)
          if (gruu !== undefined && device !== undefined) {
            if (!equalBytes(device.node, this.overlay.nodeId) && found.size < maxDevices) found.set(toHex(device.node), { destination: [...gruu.destination], schemes: undefined })
            continue
          }
          await this.followed(registration.uri, signal, (next) => follow(next, depth + 1))
          continue
        }
        const last = registration.destinationList.at(-1)
        if (last === undefined || equalBytes(last.node, this.overlay.nodeId) || found.size >= maxDevices) continue
        found.set(toHex(last.node), { destination: [...registration.destinationList], schemes: schemesOf(registration.contactPrefs) })
      }
    }
    await follow(aor, 1)
    return found
  }

  /** Another address that a registration names. What is wrong with it must not take the other devices with it. */
  private async followed(uri: string, signal: AbortSignal, follow: (aor: string) => Promise<void>): Promise<void> {
    try {
      const next = normaliseAor(uri, this.overlay.name)
      if (this.isOurs(next)) await follow(next)
    } catch (cause) {
      signal.throwIfAborted()
      if (!(cause instanceof PeerError) || (cause.code !== 'address-invalid' && cause.code !== 'network-timeout' && cause.code !== 'peer-unreachable')) throw cause
    }
  }

  private fetch(aor: string, signal: AbortSignal): Promise<readonly VerifiedValue[]> {
    return this.overlay.fetch(this.overlay.resourceId(aor), sipRegistrationKind, { model: 'dictionary', keys: [] }, signal, { robust: true })
  }

  /** A name with a certificate in the overlay belongs to somebody, even when no device is up. */
  private async exists(aor: string, signal: AbortSignal): Promise<boolean> {
    const all = { model: 'array' as const, ranges: [{ first: 0, last: 0xffffffff }] }
    return (await this.overlay.fetch(this.overlay.resourceId(aor), certificateByUserKind, all, signal)).length > 0
  }

  private ownAor(uri: string): string {
    const aor = normaliseAor(uri, this.overlay.name)
    if (!this.isOurs(aor)) throw new PeerError('user-unknown', `${aor} is not an address of ${this.overlay.name}`)
    return aor
  }

  private isOurs(aor: string): boolean { return aor.endsWith(`@${this.overlay.name}`) }
}
